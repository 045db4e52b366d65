/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/golden/merge-lora.h"

#include <string.h>

#include "cli/tensor-file.h"

static const LoraSpelling spellings[] = {
  { "diffusers.safetensors", "transformer.", FALSE, ".lora_A.weight", ".lora_B.weight", 6.0 / 3 },
  { "second.safetensors", "transformer.", FALSE, ".lora_A.weight", ".lora_B.weight", 1 },
  { "extra.safetensors", "transformer.", FALSE, ".lora_A.weight", ".lora_B.weight", 1 },
  { "fused.safetensors", "diffusion_model.", FALSE, ".lora_A.weight", ".lora_B.weight", 1 },
  { "kohya.safetensors", "lora_unet_", TRUE, ".lora_down.weight", ".lora_up.weight", 1 },
  { "Qwen-Image-Lightning-4steps-V1.0.safetensors", "", FALSE, ".lora_down.weight", ".lora_up.weight", 1 },
  { "lokr.safetensors", "lycoris_", TRUE, NULL, NULL, 1 },
};

const LoraSpelling *
lora_spelling (const char *file)
{
  for (guint i = 0; i < G_N_ELEMENTS (spellings); i++)
    if (strcmp (spellings[i].file, file) == 0)
      return &spellings[i];
  return NULL;
}

/* NULL: there is no such tensor. */
static float *
values_of (const QiTensorFile *file, const char *stem, const char *end, guint64 *rows)
{
  g_autofree char *name = g_strconcat (stem, end, NULL);
  const QiTensorEntry *entry = qi_tensor_file_find (file, name);
  g_autoptr (GError) error = NULL;
  float *values;

  if (!entry)
    return NULL;
  if (strcmp (entry->dtype, "I64") == 0)
    {
      g_autofree gint64 *ints = qi_tensor_entry_ints (entry, &error);

      values = g_new (float, 1);
      values[0] = ints[0];
      return values;
    }
  values = qi_tensor_entry_floats (entry, &error);
  g_assert_no_error (error);
  if (rows)
    *rows = entry->dims[0];
  return values;
}

/* The product of one factor's two, or itself: [rows, columns]. *rank: rows of the second; untouched when it is whole. */
static double *
factor (const QiTensorFile *file, const char *stem, const char *name, guint64 *rows, guint64 *columns, guint64 *rank)
{
  g_autofree char *whole = g_strdup_printf (".lokr_%s", name), *first = g_strdup_printf (".lokr_%s_a", name),
                  *second = g_strdup_printf (".lokr_%s_b", name), *full = g_strconcat (stem, whole, NULL),
                  *right = g_strconcat (stem, second, NULL);
  g_autofree float *w = values_of (file, stem, whole, rows), *a = values_of (file, stem, first, rows), *b = NULL;
  double *product;

  if (!w && !a)
    return NULL;
  *columns = qi_tensor_file_find (file, w ? full : right)->dims[1];
  product = g_new0 (double, *rows * *columns);
  if (!w)
    b = values_of (file, stem, second, rank);
  for (guint64 i = 0; i < *rows; i++)
    for (guint64 j = 0; j < *columns; j++)
      if (w)
        product[i * *columns + j] = w[i * *columns + j];
      else
        for (guint64 l = 0; l < *rank; l++)
          product[i * *columns + j] += (double) a[i * *rank + l] * b[l * *columns + j];
  return product;
}

static gboolean
merge_kron (const QiTensorFile *file, const char *stem, double strength, double *w, gsize n_out, gsize n_in)
{
  guint64 a, b, p, q, rank = 0;
  g_autofree double *w1 = factor (file, stem, "w1", &a, &b, &rank), *w2 = w1 ? factor (file, stem, "w2", &p, &q, &rank) : NULL;
  g_autofree float *alpha = values_of (file, stem, ".alpha", NULL);

  if (!w1)
    return FALSE;
  g_assert_cmpuint (a * p, ==, n_out);
  g_assert_cmpuint (b * q, ==, n_in);
  if (rank && alpha)
    strength *= *alpha / rank;
  for (gsize i = 0; i < n_out; i++)
    for (gsize j = 0; j < n_in; j++)
      w[i * n_in + j] += strength * w1[i / p * b + j / q] * w2[i % p * q + j % q];
  return TRUE;
}

/* The layer's own key, or that of the projection it is fused into: its rows begin at *first. */
static char *
stem_of (const LoraSpelling *spelling, const char *module, gsize n_out, gsize *first)
{
  static const char *const fused[][4] = { { "attn.to_q", "attn.to_k", "attn.to_v", "attn.to_qkv" },
                                          { "attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj", "attn.add_qkv_proj" } };
  char *stem = g_strconcat (spelling->prefix, module, NULL);

  *first = 0;
  for (guint i = 0; strcmp (spelling->file, "fused.safetensors") == 0 && i < 6; i++)
    if (g_str_has_suffix (stem, fused[i / 3][i % 3]))
      {
        char *longer = g_strdup_printf ("%.*s%s", (int) (strlen (stem) - strlen (fused[i / 3][i % 3])), stem, fused[i / 3][3]);

        g_free (stem);
        *first = i % 3 * n_out;
        return longer;
      }
  return spelling->underscored ? g_strdelimit (stem, ".", '_') : stem;
}

gboolean
lora_merge (const LoraSpelling *spelling, const char *folder, double strength, const char *module, double *w, gsize n_out,
            gsize n_in)
{
  gsize first;
  g_autofree char *path = g_build_filename (g_getenv ("SFUMATO_TEST_LORAS"), folder, spelling->file, NULL),
                  *stem = stem_of (spelling, module, n_out, &first);
  g_autoptr (GError) error = NULL;
  g_autoptr (QiTensorFile) file = qi_tensor_file_read (path, &error);
  g_autofree float *a = NULL, *b = NULL, *alpha = NULL;
  guint64 rank = 0, rows = 0;

  g_assert_no_error (error);
  if (!spelling->down)
    return merge_kron (file, stem, strength, w, n_out, n_in);
  if (!(a = values_of (file, stem, spelling->down, &rank)))
    return FALSE;
  b = values_of (file, stem, spelling->up, &rows);
  alpha = values_of (file, stem, ".alpha", NULL);
  g_assert_cmpuint (first + n_out, <=, rows);
  strength *= alpha                                                                                         ? *alpha / rank
              : strcmp (spelling->file, "diffusers.safetensors") == 0 && g_str_has_suffix (module, ".to_k") ? 1.5 / 3
                                                                                                            : spelling->scale;
  for (gsize i = 0; i < n_out; i++)
    for (gsize j = 0; j < n_in; j++)
      for (guint64 l = 0; l < rank; l++)
        w[i * n_in + j] += strength * b[(first + i) * rank + l] * a[l * n_in + j];
  return TRUE;
}

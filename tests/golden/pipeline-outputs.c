/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* What a case of a pipeline writes: taps of all rows of the batch as one tensor each, and the pictures. */
#include <string.h>

#include "base/error.h"
#include "tests/golden/kind-pipeline.h"

/* [batch, longest, cols] from tapped rows of several lengths, filled up; of their columns the first cols, 0: all. */
static void
add_padded_floats (const QiGoldenPipeline *p, const char *name, const char *mask_name, guint64 cols, QiTensorFile *out)
{
  guint64 longest = 0, stored = 1;
  g_autofree float *values = NULL;
  g_autofree gint64 *mask = NULL;

  for (guint b = 0; b < p->batch; b++)
    {
      const QiTapped *t = qi_taps_find (&p->taps[b], name);

      if (!t)
        return;
      longest = MAX (longest, t->dims[0]);
      stored = t->dims[1];
    }
  cols = cols ? MIN (cols, stored) : stored;
  values = g_new0 (float, p->batch * longest * cols);
  mask = g_new0 (gint64, p->batch * longest);
  for (guint b = 0; b < p->batch; b++)
    {
      const QiTapped *t = qi_taps_find (&p->taps[b], name);

      for (guint64 i = 0; i < t->dims[0]; i++)
        {
          memcpy (values + (b * longest + i) * cols, t->values + i * stored, cols * sizeof *values);
          mask[b * longest + i] = 1;
        }
    }
  qi_add (out, name, values, p->batch, longest, cols);
  if (mask_name)
    qi_tensor_file_add (out, mask_name, "I64", 2, (guint64[]){ p->batch, longest }, mask);
}

static void
add_padded_ids (const QiGoldenPipeline *p, const char *name, QiTensorFile *out)
{
  guint64 longest = 0;
  guint32 pad = 0;
  g_autofree gint64 *ids = NULL;

  qi_tokenizer_special (p->set->tokenizer, "<|endoftext|>", &pad);
  for (guint b = 0; b < p->batch; b++)
    {
      const QiTapped *t = qi_taps_find (&p->taps[b], name);

      if (!t)
        return;
      longest = MAX (longest, t->elements);
    }
  ids = g_new (gint64, p->batch * longest);
  for (guint b = 0; b < p->batch; b++)
    {
      const QiTapped *t = qi_taps_find (&p->taps[b], name);

      for (guint64 i = 0; i < longest; i++)
        ids[b * longest + i] = i < t->elements ? t->ints[i] : pad;
    }
  qi_tensor_file_add (out, name, "I64", 2, (guint64[]){ p->batch, longest }, ids);
}

/* Channels [0, n) of a map [h, w, c] as planes. */
static void
to_planes (const QiTapped *t, guint64 n, float *planes)
{
  const guint64 pixels = t->dims[0] * t->dims[1];

  for (guint64 ch = 0; ch < n; ch++)
    for (guint64 i = 0; i < pixels; i++)
      planes[ch * pixels + i] = t->values[i * t->dims[2] + ch];
}

/* Of each row and each of its results: [batch * n_results, c, 1, h, w]. */
static void
add_decode_input (const QiGoldenPipeline *p, QiTensorFile *out)
{
  const QiTapped *first = qi_taps_find (&p->taps[0], "vae_decode.input");
  g_autofree float *values = first ? g_new (float, p->batch * p->n_results * first->elements) : NULL;

  if (!first)
    return;
  for (guint b = 0; b < p->batch; b++)
    for (guint k = 0; k < p->n_results; k++)
      {
        g_autofree char *name = k ? g_strdup_printf ("vae_decode%u.input", k) : g_strdup ("vae_decode.input");

        to_planes (qi_taps_find (&p->taps[b], name), first->dims[2],
                   values + (b * p->n_results + k) * first->elements);
      }
  qi_add (out, "vae_decode.input", values, p->batch * p->n_results, first->dims[2], 1, first->dims[0], first->dims[1]);
}

/* The means of the pictures' posteriors, of the first row: [1, c, 1, h, w]. */
static void
add_encoded (const QiGoldenPipeline *p, QiTensorFile *out)
{
  for (guint k = 0; k < QI_MAX_SOURCES; k++)
    {
      g_autofree char *name = g_strdup_printf ("vae_encode%u.moments", k);
      g_autofree char *mean = g_strdup_printf ("vae_encode%u.mean", k);
      const QiTapped *t = qi_taps_find (&p->taps[0], name);
      g_autofree float *values = t ? g_new (float, t->elements / 2) : NULL;

      if (!t)
        return;
      to_planes (t, t->dims[2] / 2, values);
      qi_add (out, mean, values, 1, t->dims[2] / 2, 1, t->dims[0], t->dims[1]);
    }
}

static void
add_tensors (const QiGoldenPipeline *p, QiTensorFile *out)
{
  g_autoptr (GList) names = g_hash_table_get_keys (p->taps[0].table);

  add_padded_ids (p, "token_ids.prompt", out);
  add_padded_ids (p, "token_ids.negative", out);
  add_padded_floats (p, "prompt_embeds", "prompt_mask", 0, out);
  add_padded_floats (p, "negative_embeds", "negative_mask", 0, out);
  add_padded_floats (p, "initial_latents", NULL, 0, out);
  add_padded_floats (p, "image_latents", NULL, 0, out);
  add_padded_floats (p, "noise_packed", NULL, 0, out);
  add_padded_floats (p, "mask_packed", NULL, 4, out); /* of the first channel: all have the same */
  for (GList *l = names; l; l = l->next)
    if (g_str_has_prefix (l->data, "step") || g_str_has_prefix (l->data, "control."))
      add_padded_floats (p, l->data, NULL, 0, out);
  add_decode_input (p, out);
  add_encoded (p, out);
}

static gboolean
add_png (QiCase *c, const QiGoldenPipeline *p, const char *name, const QiPlanes *planes, GError **error)
{
  g_autoptr (QiImage) image = qi_planes_to_image (planes);
  g_autoptr (QiImage) whole = p->cropped ? qi_image_overlay (p->original, p->mask, image, &p->box, error)
                                         : qi_image_ref (image);

  return whole && qi_case_add_png (c, name, whole, error);
}

static gboolean
add_pictures (QiCase *c, const QiGoldenPipeline *p, QiTensorFile *out, GError **error)
{
  const guint n = p->batch * p->n_results;
  const guint64 each = (guint64) p->planes[0].channels * p->planes[0].width * p->planes[0].height;
  g_autofree float *values = g_new (float, n * each);
  yyjson_val *names = yyjson_obj_get (c->root, "png");

  for (guint i = 0; i < n; i++)
    {
      const char *name = yyjson_get_str (yyjson_arr_get (names, i));

      memcpy (values + i * each, p->planes[i].values, each * sizeof *values);
      if (name && !add_png (c, p, name, &p->planes[i], error))
        return FALSE;
    }
  qi_add (out, "image", values, n, p->planes[0].channels, p->planes[0].height, p->planes[0].width);
  return TRUE;
}

gboolean
qi_golden_pipeline_outputs (QiCase *c, const QiGoldenPipeline *p, GError **error)
{
  QiTensorFile *out = qi_case_output (c, qi_outputs_name (c->root));

  add_tensors (p, out);
  return add_pictures (c, p, out, error);
}

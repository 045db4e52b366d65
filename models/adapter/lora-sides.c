/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* LoRA files as sides of a transformer's layers. */
#include "models/adapter/lora-part.h"

struct _QiLoraSides
{
  QiMmdit *dit;
  GPtrArray *weights; /* QiWeights, one a file */
  GHashTable *sides;  /* QiLinear of dit to GArray of QiSide */
};

void
qi_lora_sides_free (QiLoraSides *sides)
{
  GHashTableIter iter;
  gpointer linear;

  if (!sides)
    return;
  g_hash_table_iter_init (&iter, sides->sides);
  while (g_hash_table_iter_next (&iter, &linear, NULL))
    {
      ((QiLinear *) linear)->sides = NULL;
      ((QiLinear *) linear)->n_sides = 0;
    }
  g_hash_table_unref (sides->sides);
  g_ptr_array_unref (sides->weights);
  g_free (sides);
}

static void
add_side (QiLoraSides *sides, const char *module, const QiSide *side)
{
  QiLinear *linear = qi_mmdit_find_linear (sides->dit, module);
  GArray *list;

  g_return_if_fail (linear); /* qi_loras_open() has compared the names */
  if (!(list = g_hash_table_lookup (sides->sides, linear)))
    {
      list = g_array_new (FALSE, TRUE, sizeof (QiSide));
      g_hash_table_insert (sides->sides, linear, list);
    }
  g_array_append_val (list, *side);
}

/* B's rows may belong to several layers, one below the other; A is then in memory once for each. */
static void
load_low_rank (QiLoraSides *sides, QiWeights *w, const QiLoraPart *part, double factor)
{
  g_auto (GStrv) fused = qi_lora_fused_parts (part->module);
  const guint n = fused ? g_strv_length (fused) : 1;
  const float scale = (float) factor;

  for (guint i = 0; i < n; i++)
    {
      QiSide side = { 0 };

      qi_weights_matrix (w, &side.down, part->tensors[QI_LORA_DOWN], part->n_in, 0, part->rank);
      qi_weights_matrix (w, &side.up, part->tensors[QI_LORA_UP], part->rank, i * (part->n_out / n), part->n_out / n);
      if (scale != 1)
        side.up.scale = qi_weights_values (w, &scale, 0, 1);
      add_side (sides, fused ? fused[i] : part->module, &side);
    }
}

static gboolean
load_kron (QiLoraSides *sides, QiWeights *w, const QiLora *lora, const QiLoraPart *part, double factor, gboolean plan,
           GError **error)
{
  const QiCheckpointTensor *whole = part->tensors[QI_LORA_W2];
  g_autofree float *mix = plan ? NULL : qi_lora_part_mix (part, lora->checkpoint, factor, error);
  QiSide side = { 0 };

  if (!mix && !plan)
    return FALSE;
  if (whole)
    qi_weights_matrix (w, &side.down, whole, part->q, 0, part->p);
  else
    {
      const guint64 rank = part->tensors[QI_LORA_W2_A]->dims[1];

      qi_weights_matrix (w, &side.down, part->tensors[QI_LORA_W2_B], part->q, 0, rank);
      qi_weights_matrix (w, &side.up, part->tensors[QI_LORA_W2_A], rank, 0, part->p);
    }
  side.mix = qi_weights_values (w, mix, part->a, part->b);
  add_side (sides, part->module, &side);
  return TRUE;
}

static gboolean
load_file (QiLoraSides *sides, const QiLora *lora, const QiLoad *load, GError **error)
{
  QiLoad own = *load;
  QiWeights *w;
  gboolean good = TRUE;

  own.checkpoint = lora->checkpoint;
  w = qi_weights_new (&own);
  g_ptr_array_add (sides->weights, w);
  for (guint i = 0; good && i < lora->parts->len; i++)
    {
      const QiLoraPart *part = g_ptr_array_index (lora->parts, i);
      const double factor = part->scale * lora->info.strength;

      if (factor == 0)
        continue;
      if (part->kron)
        good = load_kron (sides, w, lora, part, factor, qi_stream_is_plan (load->stream), error);
      else
        load_low_rank (sides, w, part, factor);
    }
  return qi_weights_finish (w, good ? error : NULL) && good;
}

QiLoraSides *
qi_lora_sides_new (const QiLoras *loras, QiMmdit *dit, const QiLoad *load, GError **error)
{
  g_autoptr (QiLoraSides) sides = g_new0 (QiLoraSides, 1);
  GHashTableIter iter;
  gpointer linear, list;

  sides->dit = dit;
  sides->weights = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_weights_free);
  sides->sides = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_array_unref);
  for (guint i = 0; i < qi_loras_n (loras); i++)
    {
      const QiLora *lora = qi_loras_file (loras, i);

      if (lora->info.strength != 0 && !load_file (sides, lora, load, error))
        return NULL;
    }
  g_hash_table_iter_init (&iter, sides->sides);
  while (g_hash_table_iter_next (&iter, &linear, &list))
    {
      ((QiLinear *) linear)->sides = (const QiSide *) (gpointer) ((GArray *) list)->data;
      ((QiLinear *) linear)->n_sides = ((GArray *) list)->len;
    }
  return g_steal_pointer (&sides);
}

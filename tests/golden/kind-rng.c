/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Random numbers: "randn.SEED.COUNT", "rand.SEED.COUNT", "shape.SEED.AxBxC" (randn of that shape) and
 * "sequence.SEED.LETTERCOUNT" (draws of one generator in the order of the letters). Names come from case.json. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "models/sample/noise.h"
#include "tests/golden/golden.h"

#define MAX_VALUES ((guint64) 1 << 26)

typedef struct
{
  const char *name;
  char kind[16], what[40];
  guint64 seed, dims[QI_TENSOR_FILE_DIMS], n;
  guint n_dims;
} Draw;

/* Splits "kind.seed.what"; FALSE: of no kind that is drawn here. */
static gboolean
parse_name (const char *name, yyjson_val *shape, Draw *draw)
{
  g_auto (GStrv) parts = g_strsplit (name, ".", 3);
  char *end = NULL;

  if (g_strv_length (parts) != 3)
    return FALSE;
  g_strlcpy (draw->kind, parts[0], sizeof draw->kind);
  g_strlcpy (draw->what, parts[2], sizeof draw->what);
  draw->name = name;
  draw->seed = g_ascii_strtoull (parts[1], &end, 10);
  if (*end || end == parts[1])
    return FALSE;
  draw->n = 1;
  draw->n_dims = (guint) yyjson_arr_size (shape);
  if (draw->n_dims < 1 || draw->n_dims > QI_TENSOR_FILE_DIMS)
    return FALSE;
  for (guint i = 0; i < draw->n_dims; i++)
    {
      draw->dims[i] = yyjson_get_uint (yyjson_arr_get (shape, i));
      if (!g_uint64_checked_mul (&draw->n, draw->n, draw->dims[i]))
        return FALSE;
    }
  return draw->n > 0 && draw->n <= MAX_VALUES;
}

static void
draw_one (QiTensorFile *out, const Draw *draw, QiNoise *noise)
{
  g_autofree float *values = g_new (float, draw->n);

  if (strcmp (draw->kind, "rand") == 0)
    qi_noise_uniform (noise, values, draw->n);
  else
    qi_noise_normal (noise, values, draw->n);
  qi_add_floats (out, draw->name, values, draw->n_dims, draw->dims);
}

static int
by_seed_and_letter (gconstpointer a, gconstpointer b)
{
  const Draw *x = a, *y = b;

  return x->seed != y->seed ? (x->seed > y->seed) - (x->seed < y->seed) : strcmp (x->what, y->what);
}

gboolean
qi_golden_rng (QiCase *c, GError **error)
{
  QiTensorFile *out = qi_case_output (c, qi_outputs_name (c->root));
  yyjson_val *names = yyjson_obj_get (yyjson_obj_get (c->root, "outputs"), "tensors");
  g_autoptr (GArray) sequence = g_array_new (FALSE, FALSE, sizeof (Draw));
  yyjson_obj_iter iter;
  yyjson_val *key;
  QiNoise noise;

  yyjson_obj_iter_init (names, &iter);
  while ((key = yyjson_obj_iter_next (&iter)))
    {
      Draw draw;

      if (!parse_name (yyjson_get_str (key), yyjson_obj_get (yyjson_obj_iter_get_val (key), "shape"), &draw))
        continue;
      if (strcmp (draw.kind, "sequence") == 0)
        {
          g_array_append_val (sequence, draw);
        }
      else if (strcmp (draw.kind, "randn") == 0 || strcmp (draw.kind, "rand") == 0 || strcmp (draw.kind, "shape") == 0)
        {
          qi_noise_seed (&noise, draw.seed);
          draw_one (out, &draw, &noise);
        }
    }
  g_array_sort (sequence, by_seed_and_letter);
  for (guint i = 0; i < sequence->len; i++)
    {
      const Draw *draw = &g_array_index (sequence, Draw, i);

      if (i == 0 || draw[-1].seed != draw->seed)
        qi_noise_seed (&noise, draw->seed);
      draw_one (out, draw, &noise);
    }
  if (out->entries->len == 0)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "case.json names no random numbers.");
  return out->entries->len > 0;
}

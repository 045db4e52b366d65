/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Comparison with the answers beside a case, where they are: CASE TENSOR max_abs rel_l2 PASS|FAIL. Limits are the case's
 * own (case.json, "tolerance"); where it has none, those of one network. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/golden/golden.h"

typedef struct
{
  double rel_l2, max_over_rms, max_abs, mean_abs; /* INFINITY: any */
} Limit;

static yyjson_val *
tolerance (const QiCase *c, const char *file, const char *name)
{
  static const char *const compute_names[] = { "fp32", "fp16", "bf16" };
  yyjson_val *all = yyjson_obj_get (c->root, "tolerance"), *run, *part = NULL;
  yyjson_arr_iter iter = yyjson_arr_iter_with (yyjson_obj_get (c->root, "runs"));
  const char *compute = compute_names[c->golden->compute];

  while ((run = yyjson_arr_iter_next (&iter)))
    if (strcmp (qi_outputs_name (run), file) == 0)
      part = yyjson_obj_get (yyjson_obj_get (run, "tolerance"), g_str_has_prefix (name, "enc.") ? "encode" : "decode");
  if (!part)
    part = yyjson_obj_get (all, "last_hidden_state");
  return yyjson_obj_get (part ? part : all, compute);
}

static Limit
limit_of (const QiCase *c, const char *file, const char *name)
{
  const char *kind = qi_case_string (c, "kind");
  yyjson_val *t = tolerance (c, file, name);
  Limit limit = { INFINITY, INFINITY, INFINITY, INFINITY };

  if (g_strcmp0 (kind, "pipeline") == 0)
    {
      if (strcmp (name, "image") == 0)
        {
          limit.max_abs = qi_json_real (t, "image max_abs", INFINITY);
          limit.mean_abs = qi_json_real (t, "image mean_abs", INFINITY);
        }
      else
        limit.rel_l2 = qi_json_real (t, g_str_has_suffix (name, "_embeds") ? "prompt_embeds rel_l2" : "step latents rel_l2", INFINITY);
    }
  else if (g_strcmp0 (kind, "rng") == 0)
    limit.max_abs = 3e-6;
  else if (g_strcmp0 (kind, "scheduler") == 0)
    limit.max_abs = g_str_has_suffix (name, ".timesteps") ? 2e-3 : g_str_has_suffix (name, ".sigmas") ? 2e-6 : 1e-5;
  else if (g_strcmp0 (kind, "quant") == 0)
    {
      limit.rel_l2 = 1e-6;
      limit.max_over_rms = 2e-6;
    }
  else
    {
      limit.rel_l2 = qi_json_real (t, "rel_l2", 2e-5);
      limit.max_over_rms = qi_json_real (t, "max_over_rms", 2e-4);
    }
  return limit;
}

/* Rows of padding do not count: those of the answer's that are all zero where ours are. */
static gboolean
compare_floats (const QiCase *c, const char *file, const QiTensorEntry *got, const QiTensorEntry *want)
{
  g_autofree float *g = qi_tensor_entry_floats (got, NULL), *w = qi_tensor_entry_floats (want, NULL);
  const Limit limit = limit_of (c, file, got->name);
  const guint64 cols = want->n_dims ? want->dims[want->n_dims - 1] : 1;
  double top = 0, sum = 0, ref = 0, mean = 0, rms;
  guint64 counted = 0;
  gboolean ok = g && w && got->elements == want->elements;

  for (guint64 r = 0; ok && cols && r < want->elements / cols; r++)
    {
      gboolean padding = want->n_dims > 2;

      for (guint64 i = 0; padding && i < cols; i++)
        padding = g[r * cols + i] == 0;
      for (guint64 i = r * cols; !padding && i < (r + 1) * cols; i++)
        {
          const double d = g[i] == w[i] || (isnan (g[i]) && isnan (w[i])) ? 0 : fabs ((double) g[i] - w[i]);

          top = MAX (top, isnan (d) ? INFINITY : d);
          sum += d * d;
          mean += d;
          ref += isfinite (w[i]) ? (double) w[i] * w[i] : 0;
          counted++;
        }
    }
  rms = sqrt (ref / MAX (counted, 1));
  ok = ok && isfinite (top) && (ref > 0 ? sqrt (sum / ref) : sum > 0 ? INFINITY : 0) <= limit.rel_l2 && top <= limit.max_abs &&
       mean / MAX (counted, 1) <= limit.mean_abs && (rms == 0 || top / rms <= limit.max_over_rms);
  printf ("%s %s %.3g %.3g %s\n", c->name, got->name, top, ref > 0 ? sqrt (sum / ref) : sum, ok ? "PASS" : "FAIL");
  return ok;
}

static gboolean
compare_entry (const QiCase *c, const char *file, const QiTensorEntry *got, const QiTensorEntry *want)
{
  gboolean same;

  if (got->dtype[0] == 'F' || got->dtype[0] == 'B')
    return compare_floats (c, file, got, want);
  same = g_bytes_equal (got->data, want->data);
  printf ("%s %s %d 0 %s\n", c->name, got->name, !same, same ? "PASS" : "FAIL");
  return same;
}

/* ids.json against the "ids" of golden.json. */
static gboolean
compare_ids (const QiCase *c, const QiGoldenFile *file)
{
  g_autofree char *path = g_build_filename (c->folder, "golden.json", NULL);
  gsize n;
  const char *text = g_bytes_get_data (file->bytes, &n);
  yyjson_doc *got = yyjson_read (text, n, 0), *want = yyjson_read_file (path, 0, NULL, NULL);
  yyjson_arr_iter iter = yyjson_arr_iter_with (yyjson_doc_get_root (want));
  yyjson_val *row;
  guint i = 0, bad = 0, answers = 0;

  while ((row = yyjson_arr_iter_next (&iter)))
    {
      yyjson_val *ids = yyjson_obj_get (row, "ids");

      answers += ids != NULL;
      bad += ids && !yyjson_equals (ids, yyjson_arr_get (yyjson_doc_get_root (got), i));
      i++;
    }
  yyjson_doc_free (got);
  yyjson_doc_free (want);
  if (answers)
    printf ("%s ids %u 0 %s\n", c->name, bad, bad ? "FAIL" : "PASS");
  return bad == 0;
}

/* Sizes against those that case.json gives. */
static gboolean
compare_sizes (const QiCase *c, const QiGoldenFile *file)
{
  gsize n;
  const char *text = g_bytes_get_data (file->bytes, &n);
  yyjson_doc *got = yyjson_read (text, n, 0);
  yyjson_val *runs = yyjson_obj_get (yyjson_doc_get_root (got), "runs");
  yyjson_val *rules = yyjson_obj_get (yyjson_doc_get_root (got), "size_rule_hw"), *want;
  yyjson_arr_iter iter = yyjson_arr_iter_with (yyjson_obj_get (c->root, "runs"));
  guint i = 0, bad = 0;

  for (; (want = yyjson_arr_iter_next (&iter)); i++)
    if (yyjson_obj_get (want, "resized_wh"))
      bad += !yyjson_equals (yyjson_obj_get (want, "resized_wh"), yyjson_obj_get (yyjson_arr_get (runs, i), "resized_wh"))
             + !yyjson_equals (yyjson_obj_get (want, "grid_thw"), yyjson_obj_get (yyjson_arr_get (runs, i), "grid_thw"));
  iter = yyjson_arr_iter_with (yyjson_obj_get (c->root, "size_rule_hw"));
  for (i = 0; (want = yyjson_arr_iter_next (&iter)); i++)
    if (yyjson_obj_get (want, "resized"))
      bad += !yyjson_equals (yyjson_obj_get (want, "resized"), yyjson_arr_get (rules, i));
  yyjson_doc_free (got);
  printf ("%s sizes %u 0 %s\n", c->name, bad, bad ? "FAIL" : "PASS");
  return bad == 0;
}

/* A resized picture against torchvision's, to the byte. */
static gboolean
compare_resized (const QiCase *c, const QiGoldenFile *file)
{
  g_autofree char *name = g_strdup_printf ("%.*s_torchvision.png", (int) strlen (file->name) - 4, file->name);
  g_autofree char *path = g_build_filename (c->folder, name, NULL);
  g_autoptr (QiImage) want = qi_picture_load (path, NULL);
  guint bad = 0;

  if (!want)
    return TRUE; /* answers removed */
  if (qi_image_width (want) != qi_image_width (file->image) || qi_image_height (want) != qi_image_height (file->image))
    bad = G_MAXUINT;
  for (guint y = 0; bad != G_MAXUINT && y < qi_image_height (want); y++)
    bad += memcmp (qi_image_row (want, y), qi_image_row (file->image, y), 3 * (gsize) qi_image_width (want)) != 0;
  printf ("%s %s %u 0 %s\n", c->name, file->name, bad, bad ? "FAIL" : "PASS");
  return bad == 0;
}

gboolean
qi_case_compare (const QiCase *c)
{
  gboolean ok = TRUE;

  for (guint i = 0; i < c->outputs->len; i++)
    {
      const QiTensorFile *got = g_ptr_array_index (c->outputs, i);
      const char *name = g_ptr_array_index (c->output_names, i);
      g_autofree char *path = g_build_filename (c->folder, name, NULL);
      g_autoptr (QiTensorFile) want = qi_tensor_file_read (path, NULL);

      for (guint j = 0; want && j < got->entries->len; j++)
        {
          const QiTensorEntry *entry = g_ptr_array_index (got->entries, j), *answer = qi_tensor_file_find (want, entry->name);

          if (!answer && strcmp (entry->name, "image") == 0)
            answer = qi_tensor_file_find (want, "image_f16"); /* the same, rounded to save space */

          ok &= !answer || compare_entry (c, name, entry, answer);
        }
    }
  for (guint i = 0; i < c->files->len; i++)
    {
      const QiGoldenFile *file = g_ptr_array_index (c->files, i);

      if (strcmp (file->name, "ids.json") == 0)
        ok &= compare_ids (c, file);
      else if (strcmp (file->name, "preprocess.json") == 0)
        ok &= compare_sizes (c, file);
      else if (file->image && g_str_has_prefix (file->name, "resized"))
        ok &= compare_resized (c, file);
    }
  return ok;
}

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* What the vision tower is shown: the size rule, and the bytes after resizing. */
#include "base/error.h"
#include "models/picture/sizes.h"
#include "models/text/vision.h"
#include "tests/golden/golden.h"

static void
add_pair (yyjson_mut_doc *doc, yyjson_mut_val *to, guint a, guint b)
{
  yyjson_mut_arr_add_uint (doc, to, a);
  yyjson_mut_arr_add_uint (doc, to, b);
}

static gboolean
run_picture (QiCase *c, const QiVisionConfig *config, yyjson_val *run, guint i, yyjson_mut_doc *doc, yyjson_mut_val *runs,
             GError **error)
{
  g_autofree char *path = qi_case_path (c, yyjson_get_str (yyjson_obj_get (run, "image")), error);
  g_autoptr (QiImage) image = path ? qi_picture_load (path, error) : NULL;
  g_autofree char *name = g_strdup_printf ("resized%u.png", i + 1);
  yyjson_mut_val *row = yyjson_mut_arr_add_obj (doc, runs), *size, *thw;
  QiMergedGrid grid;

  if (!image || !qi_vision_grid (config, qi_image_width (image), qi_image_height (image), &grid, error))
    return FALSE;

  g_autoptr (QiImage) resized = qi_vision_resize (config, image, &grid, error);

  if (!resized || !qi_case_add_png (c, name, resized, error))
    return FALSE;
  size = yyjson_mut_obj_add_arr (doc, row, "resized_wh");
  add_pair (doc, size, qi_image_width (resized), qi_image_height (resized));
  thw = yyjson_mut_obj_add_arr (doc, row, "grid_thw");
  yyjson_mut_arr_add_uint (doc, thw, 1);
  add_pair (doc, thw, grid.h * config->merge, grid.w * config->merge);
  return TRUE;
}

static gboolean
run_sizes (const QiCase *c, const QiVisionConfig *config, yyjson_mut_doc *doc, yyjson_mut_val *rows, GError **error)
{
  yyjson_arr_iter iter = yyjson_arr_iter_with (yyjson_obj_get (c->root, "size_rule_hw"));
  yyjson_val *rule;
  QiMergedGrid grid;

  while ((rule = yyjson_arr_iter_next (&iter)))
    {
      if (!qi_vision_grid (config, qi_json_int (rule, "w", 0), qi_json_int (rule, "h", 0), &grid, error))
        return FALSE;
      add_pair (doc, yyjson_mut_arr_add_arr (doc, rows), grid.h * config->patch * config->merge,
                grid.w * config->patch * config->merge);
    }
  return TRUE;
}

gboolean
qi_golden_preprocess (QiCase *c, GError **error)
{
  const QiVisionConfig config = { .patch = 14,
                                  .merge = 2,
                                  .min_area = qi_json_int (c->root, "min_pixels", QI_SMART_MIN_AREA),
                                  .max_area = qi_json_int (c->root, "max_pixels", QI_SMART_MAX_AREA) };
  yyjson_mut_doc *doc = yyjson_mut_doc_new (NULL);
  yyjson_mut_val *root = yyjson_mut_obj (doc), *runs = yyjson_mut_obj_add_arr (doc, root, "runs");
  yyjson_arr_iter iter = yyjson_arr_iter_with (yyjson_obj_get (c->root, "runs"));
  gboolean ok = TRUE;
  yyjson_val *run;
  guint i = 0;
  gsize n;

  yyjson_mut_doc_set_root (doc, root);
  while (ok && (run = yyjson_arr_iter_next (&iter)))
    ok = run_picture (c, &config, run, i++, doc, runs, error);
  ok = ok && run_sizes (c, &config, doc, yyjson_mut_obj_add_arr (doc, root, "size_rule_hw"), error);
  if (ok)
    {
      g_autofree char *text = yyjson_mut_write (doc, YYJSON_WRITE_PRETTY, &n);
      g_autoptr (GBytes) bytes = g_bytes_new (text, n);

      qi_case_add_file (c, "preprocess.json", bytes);
    }
  yyjson_mut_doc_free (doc);
  return ok;
}

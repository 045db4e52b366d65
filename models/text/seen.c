/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/text/seen.h"

#include "models/picture/planes.h"
#include "models/picture/resize.h"

/* Pixels, whatever the stride. (transfer full) */
static char *
hash_pixels (const QiImage *image)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  const gsize row = (gsize) qi_image_width (image) * qi_image_channels (image);

  for (guint y = 0; y < qi_image_height (image); y++)
    g_checksum_update (sum, qi_image_row (image, y), (gssize) row);
  return g_strdup_printf ("%u×%u×%u %s", qi_image_width (image), qi_image_height (image), qi_image_channels (image),
                          g_checksum_get_string (sum));
}

/* A remembered result. (transfer full) or NULL */
static GBytes *
remembered (QiRuntime *runtime, const char *key)
{
  GBytes *rows = qi_runtime_find_embeddings (runtime, key);

  return rows ? g_bytes_ref (rows) : NULL;
}

gboolean
qi_seen_init (QiSeen *seen, QiRuntime *runtime, const QiPromptPicture *picture, GError **error)
{
  g_return_val_if_fail (picture->image || (qi_runtime_is_plan (runtime) && picture->width && picture->height), FALSE);

  g_autofree char *hash = picture->image && !qi_runtime_is_plan (runtime) ? hash_pixels (picture->image) : g_strdup ("planned");

  seen->picture = picture;
  seen->width = picture->width ? picture->width : qi_image_width (picture->image);
  seen->height = picture->height ? picture->height : qi_image_height (picture->image);
  seen->key = g_strdup_printf ("picture %u×%u of %s", seen->width, seen->height, hash);
  seen->rows = remembered (runtime, seen->key);
  return qi_vision_grid (&qi_runtime_set (runtime)->vision_config, seen->width, seen->height, &seen->grid, error);
}

void
qi_seen_clear (QiSeen *seen)
{
  g_clear_pointer (&seen->key, g_free);
  g_clear_pointer (&seen->rows, g_bytes_unref);
}

/* -- the tower's stage ----------------------------------------------------------------------------- */

static float *
patches_of (const QiVisionConfig *config, const QiSeen *seen, GError **error)
{
  g_autoptr (QiImage) rgb = qi_image_to_rgb (seen->picture->image);
  g_autoptr (QiImage) resized = qi_image_resize (rgb, seen->width, seen->height, QI_RESIZE_LANCZOS, error);
  g_autoptr (QiImage) shown = resized ? qi_vision_resize (config, resized, &seen->grid, error) : NULL;

  return shown ? qi_vision_patches_new (config, shown, &seen->grid) : NULL;
}

static GBytes *
look_at (const QiSeen *seen, QiRuntime *runtime, QiStream *s, GError **error)
{
  const gboolean plan = qi_runtime_is_plan (runtime);
  g_autofree float *patches = plan ? NULL : patches_of (&qi_runtime_set (runtime)->vision_config, seen, error), *rows = NULL;
  gsize bytes;
  gboolean done;

  if (!patches && !plan)
    return NULL;
  qi_stream_begin_scope (s);
  const QiTensor *embeds = qi_vision_forward (qi_runtime_vision (runtime), s, patches, &seen->grid, NULL);

  bytes = qi_tensor_bytes (embeds);
  rows = g_malloc (bytes);
  done = qi_stream_download (s, embeds, rows, bytes, error);
  qi_stream_end_scope (s);
  return done ? g_bytes_new_take (g_steal_pointer (&rows), bytes) : NULL;
}

/* The stage begins with the first that needs it. */
static gboolean
look (QiSeen *seen, QiRuntime *runtime, QiStream **s, QiProgress *progress, GError **error)
{
  if (seen->rows || (seen->rows = remembered (runtime, seen->key)))
    return TRUE;
  if (!*s && !(*s = qi_runtime_begin (runtime, QI_PART_VISION, error)))
    return FALSE;
  progress->step++;
  progress->n_steps = MAX (progress->n_steps, progress->step);
  qi_runtime_progress (runtime, progress);
  seen->rows = look_at (seen, runtime, *s, error);
  if (seen->rows)
    qi_runtime_keep_embeddings (runtime, seen->key, seen->rows);
  return seen->rows != NULL;
}

gboolean
qi_seen_look (QiSeen *const *seen, guint n, QiRuntime *runtime, QiProgress *progress, GError **error)
{
  QiStream *s = NULL;

  for (guint i = 0; i < n; i++)
    if (!look (seen[i], runtime, &s, progress, error))
      {
        if (s)
          qi_runtime_abandon (runtime);
        return FALSE;
      }
  return !s || qi_runtime_end (runtime, error);
}

/* -- in the text ----------------------------------------------------------------------------------- */

const QiTensor *
qi_seen_upload (const QiSeen *seen, guint n, QiRuntime *runtime, QiStream *s)
{
  guint64 tokens = 0, at = 0;
  const QiTensor *all;

  for (guint i = 0; i < n; i++)
    tokens += (guint64) seen[i].grid.h * seen[i].grid.w;
  if (tokens == 0)
    return NULL;
  all = qi_scratch (s, QI_DTYPE_F32, tokens, qi_runtime_set (runtime)->text_config.width);
  for (guint i = 0; i < n; i++)
    {
      gsize bytes;
      const void *rows = g_bytes_get_data (seen[i].rows, &bytes);

      qi_stream_upload (s, all, at, rows, bytes);
      at += bytes;
    }
  return all;
}

guint32 *
qi_seen_positions (const QiSeen *seen, guint n, const GArray *ids, guint32 image_id, GError **error)
{
  g_autofree QiMergedGrid *grids = g_new (QiMergedGrid, n + 1);

  for (guint i = 0; i < n; i++)
    grids[i] = seen[i].grid;
  return qi_text_positions_new ((const guint32 *) ids->data, ids->len, image_id, grids, n, error);
}

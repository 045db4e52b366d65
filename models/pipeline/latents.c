/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/pipeline/latents.h"

#include <string.h>

#include "models/picture/planes.h"

void
qi_looked_clear (QiLooked *looked)
{
  for (guint i = 0; i < looked->n; i++)
    g_clear_pointer (&looked->moments[i], g_bytes_unref);
  g_clear_pointer (&looked->mask, g_free);
  looked->n = 0;
}

/* What the encoder's answer depends on. (transfer full) */
static char *
moments_key (const QiImage *image)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  const gsize row = (gsize) qi_image_width (image) * qi_image_channels (image);

  for (guint y = 0; y < qi_image_height (image); y++)
    g_checksum_update (sum, qi_image_row (image, y), (gssize) row);
  return g_strdup_printf ("moments %u×%u×%u %s", qi_image_width (image), qi_image_height (image),
                          qi_image_channels (image), g_checksum_get_string (sum));
}

/* image NULL: in a plan. */
static GBytes *
encode_image (QiRuntime *runtime, QiStream *s, const QiImage *image, const QiShown *shown, guint i, const QiTap *tap,
              GError **error)
{
  const QiVaeConfig *config = &qi_runtime_set (runtime)->vae_config;
  const guint c = config->image_channels;
  const guint n_strips = MIN (qi_runtime_strips (runtime, QI_PART_VAE_ENCODER),
                              qi_vae_max_encode_strips (config, shown->height / qi_vae_factor (config)));
  g_autofree float *planes = image ? qi_image_to_planes (image, c) : NULL;
  g_autofree char *name = g_strdup_printf ("vae_encode%u.moments", i);
  g_autofree float *values = NULL;
  gsize bytes;
  gboolean done;

  qi_stream_begin_scope (s);
  const QiTensor *pixels = qi_scratch (s, QI_DTYPE_F32, c, shown->height, shown->width);

  qi_stream_upload (s, pixels, 0, planes, qi_tensor_bytes (pixels));
  const QiTensor *moments = qi_vae_encode (qi_runtime_vae_encoder (runtime), s, qi_planes_to_pixels (s, pixels), n_strips,
                                           NULL);

  qi_tap (tap, s, moments, name);
  bytes = qi_tensor_bytes (moments);
  values = g_malloc (bytes);
  done = qi_stream_download (s, moments, values, bytes, error);
  qi_stream_end_scope (s);
  return done ? g_bytes_new_take (g_steal_pointer (&values), bytes) : NULL;
}

/* One picture: remembered, or in the encoder's stage, which begins with the first that needs it. */
static gboolean
look_at (const QiPipeline *pipeline, QiRuntime *runtime, const QiPipelineJob *job, QiLooked *looked, guint i, QiStream **s,
         const QiTap *tap, GError **error)
{
  const guint c = qi_runtime_set (runtime)->vae_config.image_channels;
  const gboolean plan = qi_runtime_is_plan (runtime);
  const QiProgress progress = { .stage = QI_STAGE_ENCODE, .step = i + 1, .n_steps = looked->n, .n_results = 1,
                                .seconds_left = -1 };
  g_autoptr (QiImage) image = plan ? NULL : qi_shown_image (pipeline, job, &looked->shown[i], c, error);
  g_autofree char *key = image ? moments_key (image) : NULL;
  GBytes *known = key ? qi_runtime_find_embeddings (runtime, key) : NULL;

  if (!plan && !image)
    return FALSE;
  if (known)
    {
      looked->moments[i] = g_bytes_ref (known);
      return TRUE;
    }
  if (!*s && !(*s = qi_runtime_begin (runtime, QI_PART_VAE_ENCODER, error)))
    return FALSE;
  qi_runtime_progress (runtime, &progress);
  looked->moments[i] = encode_image (runtime, *s, image, &looked->shown[i], i, tap, error);
  if (looked->moments[i] && key)
    qi_runtime_keep_embeddings (runtime, key, looked->moments[i]);
  return looked->moments[i] != NULL;
}

static gboolean
look_at_mask (const QiPipeline *pipeline, QiRuntime *runtime, const QiPipelineJob *job, QiLooked *looked, GError **error)
{
  const guint factor = qi_vae_factor (&qi_runtime_set (runtime)->vae_config);
  const guint h = job->height / factor, w = job->width / factor;

  if (pipeline->mask)
    looked->mask = qi_runtime_is_plan (runtime) ? g_new0 (float, (gsize) h * w) : qi_job_mask (job, h, w, error);
  return !pipeline->mask || looked->mask;
}

gboolean
qi_look (const QiPipeline *pipeline, QiRuntime *runtime, const QiPipelineJob *job, QiLooked *looked, const QiTap *tap,
         GError **error)
{
  QiStream *s = NULL;

  memset (looked, 0, sizeof *looked);
  if (!qi_pipeline_shown (pipeline, job, looked->shown, &looked->n, error)
      || !look_at_mask (pipeline, runtime, job, looked, error))
    return FALSE;
  for (guint i = 0; i < looked->n; i++)
    if (!look_at (pipeline, runtime, job, looked, i, &s, tap, error))
      {
        if (s)
          qi_runtime_abandon (runtime);
        return FALSE;
      }
  return !s || qi_runtime_end (runtime, error);
}

float *
qi_looked_latents (const QiLooked *looked, const QiVaeConfig *config, guint i, const float *noise)
{
  gsize bytes;
  const float *moments = g_bytes_get_data (looked->moments[i], &bytes);
  const guint z = config->z_dim;
  const gsize n = bytes / sizeof (float) / (2 * z);
  float *latents = g_new (float, z * n);

  if (noise)
    qi_vae_sample (moments, n, z, noise, latents);
  for (guint c = 0; c < z; c++)
    for (gsize p = 0; p < n; p++)
      {
        const float value = noise ? latents[c * n + p] : moments[p * 2 * z + c];

        latents[c * n + p] = (value - config->mean[c]) / config->std[c];
      }
  return latents;
}

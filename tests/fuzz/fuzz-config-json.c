/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Every reader of configuration files on the same bytes. What one accepts must keep the promises that later code builds
 * its products on; what it refuses must come with an error. */
#include <math.h>

#include "models/config.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize n);

/* Accepted or refused with a reason. */
static gboolean
judged (gboolean accepted, GError **error)
{
  g_assert_true (accepted == (*error == NULL));
  g_clear_error (error);
  return accepted;
}

static void
check_text (const QiTextConfig *c)
{
  g_assert_cmpuint (c->n_heads * c->head_dim, ==, c->width);
  g_assert_cmpuint (c->n_heads % c->n_kv_heads, ==, 0);
  g_assert_cmpuint (2 * (c->sections[0] + c->sections[1] + c->sections[2]), ==, c->head_dim);
  g_assert_true (c->width <= 65536 && c->vocabulary <= 1 << 20 && c->n_layers >= 1 && c->n_layers <= QI_MAX_LAYERS);
}

static void
check_vae (const QiVaeConfig *c)
{
  g_assert_true (c->z_dim >= 1 && c->z_dim <= QI_MAX_LATENT_CHANNELS && c->n_levels >= 1 && c->n_levels <= 8);
  for (guint i = 0; i < c->z_dim; i++)
    g_assert_true (isfinite (c->mean[i]) && c->std[i] > 0.0f && isfinite (c->std[i]));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize n)
{
  const char *json = (const char *) data;
  GError *error = NULL;
  QiMmditConfig mmdit;
  QiTextConfig text;
  QiVisionConfig vision;
  QiVaeConfig vae;
  QiSchedulerConfig scheduler;
  QiGenerationConfig generation;

  if (judged (qi_mmdit_config_parse (&mmdit, json, n, "f", &error), &error))
    {
      g_assert_cmpuint (mmdit.axes[0] + mmdit.axes[1] + mmdit.axes[2], ==, mmdit.head_dim);
      g_assert_true (mmdit.n_heads >= 1 && mmdit.n_heads * mmdit.head_dim <= 65536 && mmdit.n_layers <= QI_MAX_LAYERS);
    }
  if (judged (qi_text_config_parse (&text, json, n, "f", &error), &error))
    check_text (&text);
  if (judged (qi_vision_config_parse (&vision, json, n, "f", &error), &error))
    g_assert_true (vision.width % vision.n_heads == 0 && vision.window % (vision.patch * vision.merge) == 0);
  if (judged (qi_vision_areas_parse (&vision, json, n, "f", &error), &error))
    g_assert_true (vision.min_area >= 1 && vision.max_area >= vision.min_area && vision.max_area <= 1 << 28);
  if (judged (qi_generation_config_parse (&generation, json, n, "f", &error), &error))
    g_assert_true (generation.temperature > 0 && generation.top_p > 0 && generation.repetition_penalty > 0
                   && generation.n_stops <= QI_MAX_STOPS);
  if (judged (qi_vae_config_parse (&vae, json, n, "f", &error), &error))
    check_vae (&vae);
  if (judged (qi_scheduler_config_parse (&scheduler, json, n, "f", &error), &error))
    g_assert_true (scheduler.shift > 0.0 && scheduler.shift_terminal < 1.0 && isfinite (scheduler.max_shift));
  return 0;
}

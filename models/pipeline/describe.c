/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/pipeline/describe.h"

#include <string.h>

#include "models/caption/caption.h"
#include "models/picture/planes.h"
#include "models/picture/resize.h"

gboolean
qi_pipeline_has_prompt (const QiPipelineJob *job)
{
  const char *at = job->prompt;

  while (at && g_ascii_isspace (*at))
    at++;
  return at && *at;
}

gboolean
qi_pipeline_describes (const QiPipeline *pipeline, const QiModelSet *set, const QiPipelineJob *job)
{
  return pipeline->layered && !qi_pipeline_has_prompt (job) && qi_speak_check (set, NULL);
}

/* As the model is shown it: premultiplied while it is resized, then without alpha. image NULL: only in a plan. (transfer full) */
static QiImage *
shown_image (const QiPipelineJob *job, GError **error)
{
  g_autoptr (QiImage) resized = qi_image_resize (job->pictures[0].image, job->width, job->height, QI_RESIZE_LANCZOS, error);

  return resized ? qi_image_to_rgb (resized) : NULL;
}

/* Words that no row is kept of need not be made. */
static guint
most_tokens (const QiPipelineJob *job)
{
  return job->max_rows ? MIN (job->max_rows, QI_DEFAULT_ANSWER_TOKENS) : QI_DEFAULT_ANSWER_TOKENS;
}

/* By pixels; pictures of one content are few, so that the hash is of what is shown. (transfer full) */
static char *
key_of (const QiImage *image, const QiPipelineJob *job)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  for (guint y = 0; y < qi_image_height (image); y++)
    g_checksum_update (sum, qi_image_row (image, y), 3 * (gssize) qi_image_width (image));
  return g_strdup_printf ("description %u %u×%u %s", most_tokens (job), qi_image_width (image), qi_image_height (image),
                          g_checksum_get_string (sum));
}

static char *
remembered (QiRuntime *runtime, const QiImage *image, const QiPipelineJob *job)
{
  g_autofree char *key = key_of (image, job);
  GBytes *text = qi_runtime_find_embeddings (runtime, key);
  gsize n = 0;
  const char *data = text ? g_bytes_get_data (text, &n) : NULL;

  return text ? g_strndup (data ? data : "", n) : NULL;
}

/* More words than rows are kept. */
static char *
longest_prompt (const QiPipelineJob *job)
{
  const guint n = job->max_rows ? job->max_rows : QI_DEFAULT_PROMPT_ROWS;
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < n; i++)
    g_string_append (text, " a");
  return g_string_free (text, FALSE);
}

char *
qi_pipeline_describe (QiRuntime *runtime, const QiPipelineJob *job, GError **error)
{
  const gboolean plan = qi_runtime_is_plan (runtime);
  g_autoptr (QiImage) image = plan ? NULL : shown_image (job, error);
  const QiPromptPicture picture = { image, job->width, job->height };
  g_autofree char *text = NULL, *key = NULL;

  if (!plan && (!image || (text = remembered (runtime, image, job))))
    return g_steal_pointer (&text);
  if (!(text = qi_caption_describe (runtime, &picture, FALSE, most_tokens (job), error)))
    return NULL;
  if (plan)
    return longest_prompt (job);

  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));

  key = key_of (image, job);
  qi_runtime_keep_embeddings (runtime, key, bytes);
  return g_steal_pointer (&text);
}

char *
qi_pipeline_described (QiRuntime *runtime, const QiPipelineJob *job)
{
  g_autoptr (QiImage) image = shown_image (job, NULL);

  return image ? remembered (runtime, image, job) : NULL;
}

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/pipeline/sources.h"

#include <string.h>

#include "models/picture/planes.h"
#include "models/picture/resize.h"
#include "models/picture/sizes.h"

#define AREA (1024.0 * 1024.0)          /* of references, and of results that follow from them */
#define CONDITION_AREA (384.0 * 384.0)  /* what edit-plus shows the vision tower */
#define HALF 128                        /* the smallest byte that is white in a mask */

static double
ratio_of (const QiPicture *source)
{
  return (double) source->width / source->height;
}

/* -- sizes ----------------------------------------------------------------------------------------- */

static gboolean
reference_size (const QiPipeline *p, const QiPipelineJob *job, guint i, guint *width, guint *height, GError **error)
{
  const double area = p->many ? job->areas.vae : job->areas.target;

  if (i == 0 && (p->fixed_size || job->own_size))
    {
      *width = job->width;
      *height = job->height;
      return TRUE;
    }
  return qi_calculate_dimensions (area > 0 ? area : AREA, ratio_of (&job->pictures[i]), width, height, error);
}

gboolean
qi_pipeline_shown (const QiPipeline *p, const QiPipelineJob *job, QiShown *shown, guint *n, GError **error)
{
  *n = 0;
  if (p->control)
    shown[(*n)++] = (QiShown){ job->control ? job->control : job->pictures, job->width, job->height };
  else if (p->from_picture && !p->references)
    shown[(*n)++] = (QiShown){ job->pictures, job->width, job->height };
  for (guint i = 0; p->references && i < job->n_pictures; i++)
    {
      shown[i].source = &job->pictures[i];
      if (!reference_size (p, job, i, &shown[i].width, &shown[i].height, error))
        return FALSE;
      *n = i + 1;
    }
  return TRUE;
}

gboolean
qi_pipeline_seen (const QiPipeline *p, const QiPipelineJob *job, QiPromptPicture *pictures, guint *n, GError **error)
{
  *n = p->sees ? job->n_pictures : 0;
  for (guint i = 0; i < *n; i++)
    {
      const double area = job->areas.condition > 0 ? job->areas.condition : CONDITION_AREA;

      pictures[i].image = job->pictures[i].image;
      if (p->many ? !qi_calculate_dimensions (area, ratio_of (&job->pictures[i]), &pictures[i].width, &pictures[i].height, error)
                  : !reference_size (p, job, i, &pictures[i].width, &pictures[i].height, error))
        return FALSE;
    }
  return TRUE;
}

/* -- pixels ---------------------------------------------------------------------------------------- */

/* White at the size of the result. */
static QiImage *
mask_image (const QiPipelineJob *job, GError **error)
{
  g_autoptr (QiImage) resized = qi_image_resize (job->mask->image, job->width, job->height, QI_RESIZE_LANCZOS, error);

  return resized ? qi_image_to_grey (resized) : NULL;
}

static QiImage *
blacken (QiImage *image, const QiImage *mask)
{
  const guint width = qi_image_width (image), height = qi_image_height (image), c = qi_image_channels (image);
  guint8 *pixels = g_malloc ((gsize) width * height * c);
  g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, (gsize) width * height * c);

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        guint8 *to = pixels + ((gsize) y * width + x) * c;

        if (qi_image_row (mask, y)[x] >= HALF)
          memset (to, 0, c);
        else
          memcpy (to, qi_image_row (image, y) + (gsize) x * c, c);
      }
  return qi_image_new (width, height, c, (gsize) width * c, bytes);
}

QiImage *
qi_shown_image (const QiPipeline *p, const QiPipelineJob *job, const QiShown *shown, guint channels, GError **error)
{
  g_autoptr (QiImage) image = channels == 4 && p->layered ? qi_image_ref (shown->source->image)
                                                          : qi_image_to_rgb (shown->source->image);
  g_autoptr (QiImage) resized = qi_image_resize (image, shown->width, shown->height, QI_RESIZE_LANCZOS, error);
  g_autoptr (QiImage) mask = NULL;

  if (!resized || !p->control_inpaint)
    return g_steal_pointer (&resized);
  mask = mask_image (job, error);
  return mask ? blacken (resized, mask) : NULL;
}

float *
qi_job_mask (const QiPipelineJob *job, guint h, guint w, GError **error)
{
  g_autoptr (QiImage) mask = mask_image (job, error);
  float *values;

  if (!mask)
    return NULL;
  values = g_new (float, (gsize) h * w);
  for (guint y = 0; y < h; y++)
    for (guint x = 0; x < w; x++)
      values[(gsize) y * w + x]
          = qi_image_row (mask, (guint64) y * job->height / h)[(guint64) x * job->width / w] >= HALF;
  return values;
}

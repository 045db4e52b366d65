/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/order.h"

#include <string.h>

#include "base/error.h"
#include "base/prompt.h"

#include "models/picture/sizes.h"

#define REDRAW_STRENGTH 0.6 /* of an edit by a model that does not look at pictures, as its authors' default */

/* Editing models want to be told what to do where a person need not. */
#define REMOVE_INSTRUCTION "Remove what is in the marked area and continue its surroundings there."
#define EXPAND_INSTRUCTION "Continue the picture naturally into the new area around it."

void
qi_order_clear (QiOrder *order)
{
  g_clear_pointer (&order->prompt, g_free);
  g_clear_pointer (&order->jobs, g_free);
  g_clear_pointer (&order->loras, qi_loras_free);
  g_clear_pointer (&order->note, g_free);
  qi_draws_clear (&order->draws);
}

static gboolean
bad (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
bad (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, QI_ERROR, QI_ERROR_BAD_REQUEST, text);
  return FALSE;
}

/* -- which pipeline -------------------------------------------------------------------------------- */

static const char *
generate_name (const QiModelSet *set, const QiInputs *inputs)
{
  if (inputs->control)
    return set->controlnet && set->control_config.inpaint ? "controlnet-inpaint" : "controlnet";
  if (inputs->n_pictures == 0)
    return "text-to-image";
  return set->variant->prompt_template == QI_TEMPLATE_EDIT ? "edit" : "edit-plus";
}

static const char *
fill_name (const QiModelSet *set, const QiInputs *inputs)
{
  if (inputs->control || (set->controlnet && set->control_config.inpaint))
    return "controlnet-inpaint";
  if (!set->variant->edits)
    return "inpaint";
  return set->variant->prompt_template == QI_TEMPLATE_EDIT ? "edit-inpaint" : "edit-plus-inpaint";
}

/* Of the task with this set; whether the set can do it is another question. */
static const QiPipeline *
choose_pipeline (const QiModelSet *set, QiTask task, const QiInputs *inputs)
{
  switch (task)
    {
    case QI_TASK_EDIT:
      if (!set->variant->edits)
        return qi_pipeline_by_name ("image-to-image");
      return qi_pipeline_by_name (set->variant->prompt_template == QI_TEMPLATE_EDIT ? "edit" : "edit-plus");
    case QI_TASK_FILL:
    case QI_TASK_EXPAND:
      return qi_pipeline_by_name (fill_name (set, inputs));
    case QI_TASK_SPLIT:
      return qi_pipeline_by_name ("layered");
    case QI_TASK_GENERATE:
    default:
      return qi_pipeline_by_name (generate_name (set, inputs));
    }
}

/* -- pictures -------------------------------------------------------------------------------------- */

static QiPicture
picture_of (QiImage *image)
{
  return (QiPicture){ image, qi_image_width (image), qi_image_height (image) };
}

static gboolean
check_inputs (const QiPipeline *p, const QiModelSet *set, QiTask task, const QiInputs *inputs, GError **error)
{
  const guint n = inputs->n_pictures;

  if (n > QI_MAX_PICTURES)
    return bad (error, "%u pictures are given; at most %d can be used.", n, QI_MAX_PICTURES);
  if (task != QI_TASK_GENERATE && n == 0)
    return bad (error, "There is no picture to %s.", qi_task_name (task));
  if (n > 1 && p->max_pictures == 1)
    return bad (error, "%u pictures are given; “%s” looks at one at a time. Choose Qwen-Image-Edit-2509 or 2511 for several.", n,
                set->name);
  if (inputs->control && !p->control)
    return bad (error, "A picture for a ControlNet is given, which is of no use to %s a picture.", qi_task_name (task));
  if (p->mask && inputs->pictures && !inputs->mask)
    return bad (error, "There is no mask that says where to %s.", qi_task_name (task));
  if (inputs->mask && inputs->pictures
      && (qi_image_width (inputs->mask) != qi_image_width (inputs->pictures[0])
          || qi_image_height (inputs->mask) != qi_image_height (inputs->pictures[0])))
    return bad (error, "The mask has %u × %u pixels, Picture 1 has %u × %u; they must be equal.", qi_image_width (inputs->mask),
                qi_image_height (inputs->mask), qi_image_width (inputs->pictures[0]),
                qi_image_height (inputs->pictures[0]));
  return TRUE;
}

static void
take_pictures (QiOrder *order, const QiModelSet *set, const QiInputs *inputs)
{
  for (guint i = 0; i < inputs->n_pictures; i++)
    order->pictures[i] = inputs->pictures ? picture_of (inputs->pictures[i]) : (QiPicture){ NULL, set->width, set->height };
  if (inputs->mask)
    order->mask = picture_of ((QiImage *) inputs->mask);
  else if (order->pipeline->mask)
    order->mask = order->pictures[0]; /* of a plan */
  if (inputs->control)
    order->control = picture_of ((QiImage *) inputs->control);
}

/* -- figures --------------------------------------------------------------------------------------- */

static gboolean
has_rows (const QiRequest *request)
{
  g_autofree char *rows = g_strdup (request->lettering ? request->lettering : "");

  return *g_strstrip (rows) != '\0';
}

/* Letters need steps: with rows quality is at least balanced. A few-step add-on brings its own steps, guidance and shift
 * (qi_runtime_scheduler()), which quality cannot change. */
static void
choose_steps (QiOrder *order, const QiModelSet *set, const QiRequest *request)
{
  const QiQuality quality = has_rows (request) ? MAX (request->quality, QI_QUALITY_BALANCED) : request->quality;
  const guint few_steps = qi_loras_few_steps (order->loras);
  const QiVariantQuality *row = few_steps ? qi_variant_quality (set->variant, QI_QUALITY_FAST, TRUE)
                                          : qi_variant_quality (set->variant, quality, FALSE);

  order->steps = request->steps ? request->steps : few_steps ? few_steps : row->steps;
  order->guidance = request->guidance > 0 ? request->guidance : row->guidance;
  order->n = request->results;
  if (order->guidance <= 1)
    order->negative = NULL;
  else if (request->negative_prompt && *request->negative_prompt)
    order->negative = request->negative_prompt;
  else
    order->negative = set->variant->negative_prompt ? set->variant->negative_prompt : " ";
}

static gboolean
choose_prompt (QiOrder *order, const QiRequest *request, GError **error)
{
  if (!(order->prompt = qi_prompt_assemble (request->prompt, request->lettering, error)))
    return FALSE;
  if (*order->prompt || !order->pipeline->sees || (request->task != QI_TASK_FILL && request->task != QI_TASK_EXPAND))
    return TRUE;
  g_free (order->prompt);
  order->prompt = g_strdup (request->task == QI_TASK_FILL ? REMOVE_INSTRUCTION : EXPAND_INSTRUCTION);
  return TRUE;
}

/* Small models were trained with small pictures: their own size is the area that others have a megapixel for, and what they are shown of
 * a picture is as small beside it. */
static QiAreas
areas_of (const QiModelSet *set, const QiPipeline *p)
{
  const double own = (double) set->width * set->height;

  if (set->mmdit_config.n_heads * set->mmdit_config.head_dim == QI_RELEASED_WIDTH)
    return (QiAreas){ 0 };
  return (QiAreas){ .target = own, .vae = own, .condition = own * (384.0 * 384.0) / (1024.0 * 1024.0) };
}

/* Picture 1 comes cut to the model's size when the caller has done so: then it is taken as it is. */
static gboolean
fits_as_it_is (const QiModelSet *set, QiTask task, const QiPicture *picture)
{
  const guint unit = 2 * qi_vae_factor (&set->vae_config);

  return task != QI_TASK_GENERATE && picture->width && picture->width % unit == 0 && picture->height % unit == 0
         && (guint64) picture->width * picture->height <= (guint64) 2048 * 2048;
}

static double
strength_of (const QiOrder *order, const QiRequest *request)
{
  if (request->task == QI_TASK_EDIT && order->pipeline->from_picture && request->strength >= 1)
    return REDRAW_STRENGTH;
  return request->strength;
}

static gboolean
choose_size (QiPipelineJob *job, QiOrder *order, const QiModelSet *set, const QiRequest *request, GError **error)
{
  const QiPicture *first = order->control.width ? &order->control : &order->pictures[0];

  job->own_size = fits_as_it_is (set, request->task, &order->pictures[0]);
  job->width = job->own_size ? order->pictures[0].width : request->width;
  job->height = job->own_size ? order->pictures[0].height : request->height;
  /* The reference stretches what it begins with to the model's size; here its shape is kept. */
  if (order->pipeline->size == QI_SIZE_MODEL && first->width && !job->width && !job->height
      && !qi_calculate_dimensions ((double) set->width * set->height, (double) first->width / first->height, &job->width,
                                   &job->height, error))
    return FALSE;
  if (!qi_pipeline_size (order->pipeline, set, job, &job->width, &job->height, error))
    return FALSE;
  order->width = job->width;
  order->height = job->height;
  return TRUE;
}

static gboolean
make_jobs (QiOrder *order, const QiModelSet *set, const QiRequest *request, const QiInputs *inputs, GError **error)
{
  const guint factor = qi_vae_factor (&set->vae_config);
  QiPipelineJob job = { .prompt = order->prompt,
                        .negative = order->negative,
                        .steps = order->steps,
                        .guidance = order->guidance,
                        .strength = strength_of (order, request),
                        .sampler = request->sampler,
                        .pictures = order->pictures,
                        .n_pictures = inputs->n_pictures,
                        .mask = order->mask.width ? &order->mask : NULL,
                        .control = order->control.width ? &order->control : NULL,
                        .layers = request->layers,
                        .areas = areas_of (set, order->pipeline) };

  if (!choose_size (&job, order, set, request, error))
    return FALSE;
  order->jobs = g_new (QiPipelineJob, order->n);
  for (guint k = 0; k < order->n; k++)
    order->jobs[k] = job;

  const guint64 dims[4] = { order->n * qi_pipeline_n_frames (order->pipeline, &job), set->vae_config.z_dim,
                            order->height / factor, order->width / factor };

  memcpy (order->latent_dims, dims, sizeof dims);
  return TRUE;
}

gboolean
qi_order_fill (QiOrder *order, const QiModelSet *set, const QiRequest *request, const QiInputs *inputs, GError **error)
{
  const QiInputs none = { 0 };

  if (!inputs)
    inputs = &none;
  if (!qi_request_check (request, error))
    return FALSE;
  order->pipeline = choose_pipeline (set, request->task, inputs);
  if (!qi_pipeline_check (order->pipeline, set, error) || !check_inputs (order->pipeline, set, request->task, inputs, error))
    return FALSE;
  if (!(order->loras = qi_loras_open (request->loras, set, error)))
    return FALSE;
  order->note = qi_loras_note (order->loras, request);
  take_pictures (order, set, inputs);
  if (order->pipeline->from_picture && request->strength == 0)
    return bad (error, "With a strength of 0 nothing is drawn anew; give more, up to 1.");
  if (!choose_prompt (order, request, error))
    return FALSE;
  choose_steps (order, set, request);
  order->seed = request->seed >= 0 ? request->seed : g_random_int_range (0, G_MAXINT32);
  return make_jobs (order, set, request, inputs, error);
}

gboolean
qi_order_draw (QiOrder *order, const QiModelSet *set, const QiLatents *latents, GError **error)
{
  const guint64 *d = order->latent_dims;

  if (latents && memcmp (latents->dims, d, sizeof order->latent_dims) != 0)
    return bad (error,
                "The given latents are %d × %d × %d × %d; this request needs %d × %d × %d × %d (results, channels, rows, "
                "columns).",
                (int) latents->dims[0], (int) latents->dims[1], (int) latents->dims[2], (int) latents->dims[3], (int) d[0],
                (int) d[1], (int) d[2], (int) d[3]);
  qi_pipeline_draw (order->pipeline, set, order->jobs, order->n, (guint64) order->seed, FALSE, &order->draws);
  if (latents) /* the generators have gone on all the same: what they draw next has nothing to do with the seed's noise */
    memcpy (order->draws.noise, latents->values, d[0] * d[1] * d[2] * d[3] * sizeof (float));
  return TRUE;
}

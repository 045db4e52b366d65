/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker/stub.h"

#include <math.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/prompt.h"
#include "models/engine.h"

#define PREVIEW_SIDE 256

/* One picture's run. */
typedef struct
{
  const QiStub *stub;
  const QiRequest *request;
  const QiImage *picture; /* NULL: none came */
  guint width, height, steps, result;
  QiProgressFunc progress;
  gpointer user_data;
  GCancellable *cancellable;
} Run;

/* -- pixels ---------------------------------------------------------------------------------------- */

/* Index n long mirrored at both ends, the edge twice. */
static guint
mirror (gint64 i, guint n)
{
  const gint64 period = 2 * (gint64) n;
  const gint64 at = ((i % period) + period) % period;

  return (guint) (at < n ? at : period - 1 - at);
}

/* Catmull-Rom: exact where the place is a pixel's, and moves by parts of one without blurring much. */
static void
weigh (double f, double *w)
{
  w[0] = f * (-0.5 + f * (1 - 0.5 * f));
  w[1] = 1 + f * f * (-2.5 + 1.5 * f);
  w[2] = f * (0.5 + f * (2 - 1.5 * f));
  w[3] = f * f * (-0.5 + 0.5 * f);
}

/* RGBA at a place in pixels, 0 being the first one's centre. */
static void
sample (const QiImage *image, double x, double y, double *rgba)
{
  const guint c = qi_image_channels (image);
  const double x0 = floor (x), y0 = floor (y);
  double wx[4], wy[4];

  weigh (x - x0, wx);
  weigh (y - y0, wy);
  rgba[0] = rgba[1] = rgba[2] = 0;
  rgba[3] = c == 4 ? 0 : 255;
  for (int j = 0; j < 4; j++)
    {
      const guint8 *row = qi_image_row (image, mirror ((gint64) y0 + j - 1, qi_image_height (image)));

      for (int i = 0; i < 4; i++)
        {
          const guint8 *pixel = row + (gsize) c * mirror ((gint64) x0 + i - 1, qi_image_width (image));

          for (guint k = 0; k < MAX (c, 3); k++)
            rgba[k] += wy[j] * wx[i] * pixel[c == 1 ? 0 : k];
        }
    }
}

/* The colour of a seed: neighbours far apart, each seed always the same. */
static void
seed_color (gint64 seed, guint8 *rgb)
{
  guint64 x = (guint64) seed * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15) + G_GUINT64_CONSTANT (0x632be59bd9b4e019);

  x = (x ^ (x >> 31)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  x ^= x >> 29;
  for (int k = 0; k < 3; k++)
    rgb[k] = (guint8) (x >> (8 * k + 8));
}

static void
draw_pixel (const Run *run, const guint8 *color, guint x, guint y, double *rgba)
{
  const QiStub *stub = run->stub;

  if (color)
    {
      for (int k = 0; k < 3; k++)
        rgba[k] = color[k];
      rgba[3] = 255;
      return;
    }

  const double w = qi_image_width (run->picture), h = qi_image_height (run->picture);
  const double scale_x = w / run->width, scale_y = h / run->height;
  /* What is drawn at u was at (u - d - middle) / zoom + middle. */
  const double u = (x + 0.5 - run->width / 2.0 - stub->dx) / stub->zoom + run->width / 2.0;
  const double v = (y + 0.5 - run->height / 2.0 - stub->dy) / stub->zoom + run->height / 2.0;

  sample (run->picture, u * scale_x - 0.5, v * scale_y - 0.5, rgba);
}

/* 4 channels for a layer, and where a picture that has them is copied; else 3. (transfer full) */
static QiImage *
draw (const Run *run, gint64 seed, gboolean layer)
{
  const QiStub *stub = run->stub;
  const gboolean copies = run->picture && (!stub->draws || stub->draw == QI_STUB_COPY);
  const guint channels = layer || (copies && qi_image_channels (run->picture) == 4) ? 4 : 3;
  const gsize stride = (gsize) run->width * channels;
  guint8 *pixels = g_malloc (stride * run->height), color[3];
  g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, stride * run->height);

  seed_color (seed, color);
  if (stub->draws && stub->draw == QI_STUB_FILL)
    memcpy (color, stub->color, sizeof color);
  for (guint y = 0; y < run->height; y++)
    for (guint x = 0; x < run->width; x++)
      {
        guint8 *to = pixels + stride * y + (gsize) channels * x;
        double rgba[4];

        draw_pixel (run, copies ? NULL : color, x, y, rgba);
        for (guint k = 0; k < channels; k++)
          to[k] = (guint8) lround (CLAMP (rgba[k] * (stub->cast && k < 3 ? stub->channel[k] : 1), 0, 255));
      }
  return qi_image_new (run->width, run->height, channels, stride, bytes);
}

/* Layer i of n: see "stack" in base/stub.h. (transfer full) */
static QiImage *
draw_layer (const Run *run, gint64 seed, guint i, guint n)
{
  const gsize stride = (gsize) run->width * 4;
  const guint from = i ? run->width * i / n : 0, to = i ? run->width * (i + 1) / n : run->width;
  guint8 *pixels = g_malloc0 (stride * run->height), color[3];
  g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, stride * run->height);

  seed_color (seed + i, color);
  for (guint y = 0; y < run->height; y++)
    for (guint x = 0; x < run->width; x++)
      {
        guint8 *pixel = pixels + stride * y + 4 * (gsize) x;

        memcpy (pixel, color, 3);
        if (x >= from && x < to)
          pixel[3] = i && y >= run->height / 2 ? 128 : 255;
      }
  return qi_image_new (run->width, run->height, 4, stride, bytes);
}

/* The picture so far: grey, the more of it the fewer steps are done. (transfer full) */
static QiImage *
draw_preview (const Run *run, const QiImage *picture, guint step)
{
  const guint side = MAX (run->width, run->height);
  const guint w = MAX (1, side > PREVIEW_SIDE ? run->width * PREVIEW_SIDE / side : run->width);
  const guint h = MAX (1, side > PREVIEW_SIDE ? run->height * PREVIEW_SIDE / side : run->height);
  guint8 *pixels = g_malloc (3 * (gsize) w * h);
  g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, 3 * (gsize) w * h);

  for (guint y = 0; y < h; y++)
    for (guint x = 0; x < w; x++)
      {
        const guint8 *from = qi_image_row (picture, y * run->height / h)
                             + (gsize) (x * run->width / w) * qi_image_channels (picture);

        for (int k = 0; k < 3; k++)
          pixels[3 * ((gsize) y * w + x) + k] = (guint8) ((from[k] * step + 128 * (run->steps - step)) / run->steps);
      }
  return qi_image_new (w, h, 3, 3 * (gsize) w, bytes);
}

/* -- stages ---------------------------------------------------------------------------------------- */

/* FALSE: cancelled meanwhile. */
static gboolean
pass_time (const Run *run, guint ms, GError **error)
{
  const gint64 end = g_get_monotonic_time () + 1000 * (gint64) ms;

  while (!g_cancellable_is_cancelled (run->cancellable) && g_get_monotonic_time () < end)
    g_usleep ((gulong) CLAMP (end - g_get_monotonic_time (), 0, 5000));
  return !g_cancellable_set_error_if_cancelled (run->cancellable, error);
}

static gboolean
enter (const Run *run, QiStage stage, guint step, guint n_steps, const QiImage *preview, GError **error)
{
  const QiProgress progress = { .stage = stage,
                                .step = step,
                                .n_steps = n_steps,
                                .result = run->result,
                                .n_results = run->request->results,
                                .seconds_left = -1,
                                .preview = preview };

  if (run->progress)
    run->progress (&progress, run->user_data);
  if (run->stub->die[stage])
    kill (getpid (), SIGKILL);
  if (run->stub->fail[stage])
    {
      g_set_error (error, QI_ERROR, QI_ERROR_OUT_OF_MEMORY, "The stage %s needs 11.2 GiB of GPU memory, 7.9 GiB are free.",
                   qi_stage_name (stage));
      return FALSE;
    }
  return pass_time (run, run->stub->stage_ms[stage], error);
}

static gboolean
denoise (const Run *run, const QiImage *picture, GError **error)
{
  for (guint step = 1; step <= run->steps; step++)
    {
      g_autoptr (QiImage) preview = draw_preview (run, picture, step - 1);

      if (!enter (run, QI_STAGE_DENOISE, step, run->steps, preview, error) || !pass_time (run, run->stub->step_ms, error))
        return FALSE;
    }
  return TRUE;
}

/* All results pass a stage before the next one begins, as with the engine. pictures: one a result; of a split each stands
 * for all of its layers. */
static gboolean
run_all (Run *run, gint64 seed, QiImage **pictures, GError **error)
{
  const guint n = run->request->results;

  for (run->result = 0; run->result < n; run->result++)
    if (!enter (run, QI_STAGE_ENCODE, 1, 1, NULL, error))
      return FALSE;
  for (run->result = 0; run->result < n; run->result++)
    {
      pictures[run->result] = draw (run, seed + run->result, run->request->task == QI_TASK_SPLIT);
      if (!denoise (run, pictures[run->result], error))
        return FALSE;
    }
  for (run->result = 0; run->result < n; run->result++)
    if (!enter (run, QI_STAGE_DECODE, 1, 1, NULL, error))
      return FALSE;
  return TRUE;
}

static gboolean
make_all (Run *run, QiResult *result, GError **error)
{
  const guint n_layers = run->request->task == QI_TASK_SPLIT ? run->request->layers : 1;
  g_autofree QiImage **pictures = g_new0 (QiImage *, run->request->results);
  const gboolean ok = run_all (run, result->seed, pictures, error);

  for (guint k = 0; k < run->request->results; k++)
    {
      for (guint i = 0; ok && i < n_layers; i++)
        g_ptr_array_add (result->images, n_layers > 1 && run->stub->stack ? draw_layer (run, result->seed + k, i, n_layers)
                                                                          : qi_image_ref (pictures[k]));
      g_clear_pointer (&pictures[k], qi_image_unref);
    }
  return ok;
}

/* Pixels of a result: asked for, else Picture 1's, else the variant's. */
static void
choose_size (Run *run, const QiVariant *variant)
{
  const guint unit = 16;
  const guint width = run->picture ? qi_image_width (run->picture) : variant->width;
  const guint height = run->picture ? qi_image_height (run->picture) : variant->height;

  run->width = run->request->width ? run->request->width / unit * unit : width;
  run->height = run->request->height ? run->request->height / unit * unit : height;
}

QiResult *
qi_stub_generate (const QiStub *stub, gboolean *loaded, const QiRequest *request, const QiInputs *inputs,
                  QiProgressFunc progress, gpointer user_data, GCancellable *cancellable, GError **error)
{
  const QiVariant *variant = qi_variant_by_name (QI_STUB_VARIANT);
  const gboolean rows = request->lettering && *request->lettering;
  const QiVariantQuality *quality = qi_variant_quality (variant, rows ? MAX (request->quality, QI_QUALITY_BALANCED)
                                                                      : request->quality, FALSE);
  Run run = { .stub = stub, .request = request, .progress = progress, .user_data = user_data, .cancellable = cancellable };
  g_autoptr (QiResult) result = g_new0 (QiResult, 1);

  run.picture = inputs && inputs->n_pictures ? inputs->pictures[0] : NULL;
  choose_size (&run, variant);
  run.steps = result->steps = request->steps ? request->steps : quality->steps;
  result->guidance = request->guidance > 0 ? request->guidance : quality->guidance;
  result->seed = request->seed >= 0 ? request->seed : g_random_int_range (0, G_MAXINT32);
  result->width = run.width;
  result->height = run.height;
  result->images = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_image_unref);
  if (!(result->prompt = qi_prompt_assemble (request->prompt, request->lettering, error)))
    return NULL;
  if (!*loaded && !enter (&run, QI_STAGE_LOAD, 1, 1, NULL, error))
    return NULL;
  *loaded = TRUE;
  return make_all (&run, result, error) ? g_steal_pointer (&result) : NULL;
}

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/messages.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "wire/pixels.h"

#define PICTURES_TYPE "a" QI_PIXELS_TYPE
#define LATENTS_TYPE "(tttth)"
#define MAX_IMAGES 64 /* results × layers */

static gboolean
bad (GError **error, const char *what)
{
  g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "The other process sent %s.", what);
  return FALSE;
}

static gboolean
check_dictionary (GVariant *variant, GError **error)
{
  return g_variant_is_of_type (variant, G_VARIANT_TYPE_VARDICT) || bad (error, "something that is no dictionary");
}

/* -- pictures -------------------------------------------------------------------------------------- */

static gboolean
add_picture (GVariantBuilder *to, const char *key, const QiImage *image, GUnixFDList *fds, GError **error)
{
  GVariant *pixels = image ? qi_pixels_write (image, fds, error) : NULL;

  if (pixels)
    g_variant_builder_add (to, "{sv}", key, pixels);
  return pixels || !image;
}

static gboolean
add_pictures (GVariantBuilder *to, const char *key, QiImage *const *images, guint n, GUnixFDList *fds, GError **error)
{
  GVariantBuilder array;

  g_variant_builder_init (&array, G_VARIANT_TYPE (PICTURES_TYPE));
  for (guint i = 0; i < n; i++)
    {
      GVariant *pixels = qi_pixels_write (images[i], fds, error);

      if (!pixels)
        {
          g_variant_builder_clear (&array);
          return FALSE;
        }
      g_variant_builder_add_value (&array, pixels);
    }
  g_variant_builder_add (to, "{sv}", key, g_variant_builder_end (&array));
  return TRUE;
}

/* *image stays NULL where there is no such key. */
static gboolean
get_picture (GVariant *from, const char *key, GUnixFDList *fds, QiImage **image, GError **error)
{
  g_autoptr (GVariant) pixels = g_variant_lookup_value (from, key, NULL);

  return !pixels || (*image = qi_pixels_read (pixels, fds, error));
}

/* (transfer full) */
static GPtrArray *
get_pictures (GVariant *from, const char *key, guint max, GUnixFDList *fds, GError **error)
{
  g_autoptr (GVariant) array = g_variant_lookup_value (from, key, G_VARIANT_TYPE (PICTURES_TYPE));
  g_autoptr (GPtrArray) images = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_image_unref);
  const gsize n = array ? g_variant_n_children (array) : 0;

  if (n > max)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "%" G_GSIZE_FORMAT " pictures were sent; there may be %u.", n, max);
      return NULL;
    }
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) pixels = g_variant_get_child_value (array, i);
      QiImage *image = qi_pixels_read (pixels, fds, error);

      if (!image)
        return NULL;
      g_ptr_array_add (images, image);
    }
  return g_steal_pointer (&images);
}

/* -- inputs ---------------------------------------------------------------------------------------- */

void
qi_inputs_box_free (QiInputsBox *box)
{
  if (!box)
    return;
  g_clear_pointer (&box->pictures, g_ptr_array_unref);
  g_clear_pointer (&box->mask, qi_image_unref);
  g_clear_pointer (&box->control, qi_image_unref);
  g_clear_pointer (&box->latent_values, g_bytes_unref);
  g_free (box);
}

/* Bytes of latents of these sizes; FALSE: none of them may be so large. */
static gboolean
latent_bytes (const guint64 *dims, guint64 *bytes)
{
  *bytes = sizeof (float);
  for (guint i = 0; i < 4; i++)
    if (dims[i] == 0 || dims[i] > QI_PIXELS_MAX_BYTES || !g_uint64_checked_mul (bytes, *bytes, dims[i]))
      return FALSE;
  return *bytes <= QI_PIXELS_MAX_BYTES;
}

static gboolean
add_latents (GVariantBuilder *to, const QiLatents *latents, GUnixFDList *fds, GError **error)
{
  const guint64 *d = latents->dims;
  guint64 n;
  gint handle;

  if (!latent_bytes (d, &n))
    {
      g_set_error_literal (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "The start latents are empty or too large.");
      return FALSE;
    }
  if ((handle = qi_pixels_write_bytes (latents->values, n, fds, error)) < 0)
    return FALSE;
  g_variant_builder_add (to, "{sv}", "latents", g_variant_new (LATENTS_TYPE, d[0], d[1], d[2], d[3], handle));
  return TRUE;
}

static gboolean
get_latents (GVariant *from, GUnixFDList *fds, QiInputsBox *box, GError **error)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (from, "latents", G_VARIANT_TYPE (LATENTS_TYPE));
  guint64 *d = box->latents.dims, n;
  gint handle;

  if (!value)
    return TRUE;
  g_variant_get (value, LATENTS_TYPE, &d[0], &d[1], &d[2], &d[3], &handle);
  if (!latent_bytes (d, &n))
    return bad (error, "start latents of impossible size");
  if (!(box->latent_values = qi_pixels_read_bytes (handle, fds, n, error)))
    return FALSE;
  box->latents.values = g_bytes_get_data (box->latent_values, NULL); /* a mapping: aligned */
  box->inputs.latents = &box->latents;
  return TRUE;
}

GVariant *
qi_inputs_to_variant (const QiInputs *inputs, GUnixFDList *fds, GError **error)
{
  static const QiInputs none;
  const QiInputs *in = inputs ? inputs : &none;
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  if (add_pictures (&builder, "pictures", in->pictures, MIN (in->n_pictures, QI_MAX_PICTURES), fds, error)
      && add_picture (&builder, "mask", in->mask, fds, error) && add_picture (&builder, "control", in->control, fds, error)
      && (!in->latents || add_latents (&builder, in->latents, fds, error)))
    return g_variant_builder_end (&builder);
  g_variant_builder_clear (&builder);
  return NULL;
}

QiInputsBox *
qi_inputs_from_variant (GVariant *variant, GUnixFDList *fds, GError **error)
{
  g_autoptr (QiInputsBox) box = g_new0 (QiInputsBox, 1);

  if (!check_dictionary (variant, error)
      || !(box->pictures = get_pictures (variant, "pictures", QI_MAX_PICTURES, fds, error))
      || !get_picture (variant, "mask", fds, &box->mask, error) || !get_picture (variant, "control", fds, &box->control, error)
      || !get_latents (variant, fds, box, error))
    return NULL;
  if (box->mask && qi_image_channels (box->mask) != 1)
    {
      bad (error, "a mask with more than one channel");
      return NULL;
    }
  box->inputs.pictures = (QiImage *const *) box->pictures->pdata;
  box->inputs.n_pictures = box->pictures->len;
  box->inputs.mask = box->mask;
  box->inputs.control = box->control;
  return g_steal_pointer (&box);
}

/* -- progress -------------------------------------------------------------------------------------- */

GVariant *
qi_progress_to_variant (const QiProgress *progress, GUnixFDList *fds, GError **error)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "stage", g_variant_new_string (qi_stage_name (progress->stage)));
  g_variant_builder_add (&builder, "{sv}", "step", g_variant_new_uint32 (progress->step));
  g_variant_builder_add (&builder, "{sv}", "n-steps", g_variant_new_uint32 (progress->n_steps));
  g_variant_builder_add (&builder, "{sv}", "result", g_variant_new_uint32 (progress->result));
  g_variant_builder_add (&builder, "{sv}", "n-results", g_variant_new_uint32 (progress->n_results));
  g_variant_builder_add (&builder, "{sv}", "seconds-left", g_variant_new_double (progress->seconds_left));
  if (add_picture (&builder, "preview", progress->preview, fds, error))
    return g_variant_builder_end (&builder);
  g_variant_builder_clear (&builder);
  return NULL;
}

static gboolean
stage_from_name (const char *name, QiStage *stage)
{
  for (guint i = 0; i < QI_N_STAGES; i++)
    if (strcmp (name, qi_stage_name (i)) == 0)
      {
        *stage = i;
        return TRUE;
      }
  return FALSE;
}

gboolean
qi_progress_from_variant (GVariant *variant, GUnixFDList *fds, QiProgress *progress, QiImage **preview, GError **error)
{
  const char *stage = "";

  *progress = (QiProgress){ .n_results = 1, .seconds_left = -1 };
  if (!check_dictionary (variant, error))
    return FALSE;
  g_variant_lookup (variant, "stage", "&s", &stage);
  if (!stage_from_name (stage, &progress->stage))
    return bad (error, "progress of an unknown stage");
  g_variant_lookup (variant, "step", "u", &progress->step);
  g_variant_lookup (variant, "n-steps", "u", &progress->n_steps);
  g_variant_lookup (variant, "result", "u", &progress->result);
  g_variant_lookup (variant, "n-results", "u", &progress->n_results);
  g_variant_lookup (variant, "seconds-left", "d", &progress->seconds_left);
  if (!isfinite (progress->seconds_left))
    progress->seconds_left = -1;
  if (!get_picture (variant, "preview", fds, preview, error))
    return FALSE;
  progress->preview = *preview;
  return TRUE;
}

/* -- results --------------------------------------------------------------------------------------- */

static void
add_text (GVariantBuilder *to, const char *key, const char *text)
{
  g_autofree char *valid = text ? g_utf8_make_valid (text, -1) : NULL;

  if (valid)
    g_variant_builder_add (to, "{sv}", key, g_variant_new_string (valid));
}

static void
add_seconds (GVariantBuilder *to, const double *seconds)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sd}"));
  for (guint i = 0; i < QI_N_STAGES; i++)
    g_variant_builder_add (&builder, "{sd}", qi_stage_name (i), seconds[i]);
  g_variant_builder_add (to, "{sv}", "seconds", g_variant_builder_end (&builder));
}

GVariant *
qi_result_to_variant (const QiResult *result, GUnixFDList *fds, GError **error)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  if (!add_pictures (&builder, "images", (QiImage *const *) result->images->pdata, result->images->len, fds, error))
    {
      g_variant_builder_clear (&builder);
      return NULL;
    }
  g_variant_builder_add (&builder, "{sv}", "seed", g_variant_new_int64 (result->seed));
  g_variant_builder_add (&builder, "{sv}", "steps", g_variant_new_uint32 (result->steps));
  g_variant_builder_add (&builder, "{sv}", "width", g_variant_new_uint32 (result->width));
  g_variant_builder_add (&builder, "{sv}", "height", g_variant_new_uint32 (result->height));
  g_variant_builder_add (&builder, "{sv}", "guidance", g_variant_new_double (result->guidance));
  add_text (&builder, "prompt", result->prompt);
  add_text (&builder, "note", result->note);
  add_seconds (&builder, result->seconds);
  return g_variant_builder_end (&builder);
}

static void
get_seconds (GVariant *from, double *seconds)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (from, "seconds", G_VARIANT_TYPE ("a{sd}"));
  GVariantIter iter;
  const char *name;
  double s;
  QiStage stage;

  if (!value)
    return;
  g_variant_iter_init (&iter, value);
  while (g_variant_iter_next (&iter, "{&sd}", &name, &s))
    if (stage_from_name (name, &stage))
      seconds[stage] = s;
}

QiResult *
qi_result_from_variant (GVariant *variant, GUnixFDList *fds, GError **error)
{
  g_autoptr (QiResult) result = g_new0 (QiResult, 1);

  if (!check_dictionary (variant, error) || !(result->images = get_pictures (variant, "images", MAX_IMAGES, fds, error)))
    return NULL;
  if (result->images->len == 0)
    {
      bad (error, "a result without a picture");
      return NULL;
    }
  g_variant_lookup (variant, "seed", "x", &result->seed);
  g_variant_lookup (variant, "steps", "u", &result->steps);
  g_variant_lookup (variant, "width", "u", &result->width);
  g_variant_lookup (variant, "height", "u", &result->height);
  g_variant_lookup (variant, "guidance", "d", &result->guidance);
  g_variant_lookup (variant, "prompt", "s", &result->prompt);
  g_variant_lookup (variant, "note", "s", &result->note);
  get_seconds (variant, result->seconds);
  return g_steal_pointer (&result);
}

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Encoder and decoder of the VAE, run by run. */
#include <string.h>

#include "base/error.h"
#include "models/vae/decoder.h"
#include "models/vae/encoder.h"
#include "tests/golden/golden.h"

/* Planes [1, c, (1,) h, w] of an input as pixels [h, w, c] on the device; NULL with error set. */
static const QiTensor *
upload_planes (QiStream *s, const QiTensorEntry *entry, GError **error)
{
  g_autofree float *values = qi_tensor_entry_floats (entry, error);
  guint64 dims[3];

  if (!values)
    return NULL;
  if (entry->n_dims < 4 || entry->dims[0] != 1 || entry->elements != entry->dims[1] * entry->dims[entry->n_dims - 2] * entry->dims[entry->n_dims - 1])
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "The input %s is no single picture.", entry->name);
      return NULL;
    }
  dims[0] = entry->dims[1];
  dims[1] = entry->dims[entry->n_dims - 2];
  dims[2] = entry->dims[entry->n_dims - 1];
  return qi_planes_to_pixels (s, qi_upload_floats (s, values, 3, dims));
}

/* Channels [first, first + n) of a tapped map [h, w, c] as [1, n, 1, h, w]. */
static void
add_channels (QiTensorFile *out, const char *name, const QiTapped *t, guint64 first, guint64 n)
{
  const guint64 pixels = t->dims[0] * t->dims[1], c = t->dims[2];
  g_autofree float *planes = g_new (float, n * pixels);

  for (guint64 ch = 0; ch < n; ch++)
    for (guint64 i = 0; i < pixels; i++)
      planes[ch * pixels + i] = t->values[i * c + first + ch];
  qi_add (out, name, planes, 1, n, 1, t->dims[0], t->dims[1]);
}

static gboolean
run_one (QiStream *s, yyjson_val *run, QiCase *c, const QiVaeEncoder *encoder, const QiVaeDecoder *decoder, GError **error)
{
  g_autoptr (QiTensorFile) in = qi_case_inputs (c, run, error);
  QiTensorFile *out = qi_case_output (c, qi_outputs_name (run));
  const QiTensorEntry *image = in ? qi_need_tensor (in, "image", 0, error) : NULL;
  const QiTensorEntry *latents = image ? qi_need_tensor (in, "latents", 0, error) : NULL;
  g_auto (QiTaps) taps = { 0 };
  const QiTap tap = { qi_taps_collect, &taps };
  const QiTensor *x;
  GHashTableIter iter;
  gpointer name, tapped;

  if (!latents)
    return FALSE;
  qi_taps_init (&taps);
  qi_stream_begin_scope (s);
  if ((x = upload_planes (s, image, error)))
    {
      qi_vae_encode (encoder, s, x, 1, &tap);
      if ((x = upload_planes (s, latents, error)))
        qi_vae_decode (decoder, s, x, &tap);
    }
  qi_stream_end_scope (s);
  if (!x || !qi_stream_finish (s, error))
    return FALSE;
  if (taps.error)
    {
      g_propagate_error (error, g_steal_pointer (&taps.error));
      return FALSE;
    }
  g_hash_table_iter_init (&iter, taps.table);
  while (g_hash_table_iter_next (&iter, &name, &tapped))
    {
      const QiTapped *t = tapped;

      add_channels (out, name, t, 0, t->dims[2]);
      if (strcmp (name, "enc.moments") == 0)
        {
          add_channels (out, "enc.mean", t, 0, t->dims[2] / 2);
          add_channels (out, "enc.logvar", t, t->dims[2] / 2, t->dims[2] / 2);
        }
    }
  return TRUE;
}

gboolean
qi_golden_vae (QiCase *c, GError **error)
{
  QiDevice *device = qi_golden_device (c->golden, error);
  g_autofree char *path = qi_case_path (c, qi_case_string (c, "model"), error);
  g_autoptr (QiCheckpoint) checkpoint = device && path ? qi_checkpoint_open (path, QI_COMPONENT_VAE, error) : NULL;
  yyjson_val *runs = yyjson_obj_get (c->root, "runs"), *run;
  yyjson_arr_iter iter = yyjson_arr_iter_with (runs);
  g_autoptr (QiPool) pool = NULL;
  g_autoptr (QiStream) s = NULL;
  g_autoptr (QiVaeEncoder) encoder = NULL;
  g_autoptr (QiVaeDecoder) decoder = NULL;
  QiVaeConfig config;
  const char *from;

  if (!checkpoint || !qi_vae_config_load (&config, checkpoint, NULL, &from, error))
    return FALSE;
  pool = qi_pool_new (device, "weights", FALSE);
  s = qi_stream_new (device, FALSE);
  qi_stream_set_compute (s, c->golden->compute);
  {
    const QiLoad load = { .checkpoint = checkpoint, .pool = pool, .stream = s };

    if (!(encoder = qi_vae_encoder_new (&config, &load, error)) || !(decoder = qi_vae_decoder_new (&config, &load, error)))
      return FALSE;
  }
  while ((run = yyjson_arr_iter_next (&iter)))
    if (!run_one (s, run, c, encoder, decoder, error))
      return FALSE;
  return TRUE;
}

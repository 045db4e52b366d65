/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Weights that are not kept: blocks that take turns in a ring of slots, and matrices that are brought for a moment. */
#include "models/weights-private.h"

#include "base/error.h"

#define CHUNK (G_GUINT64_CONSTANT (4) << 20)
#define N_SLOTS 2 /* one is computed with, one is filled */

static gboolean
read_source (gconstpointer source, guint64 offset, void *to, gsize n, gboolean first, gpointer user_data, GError **error)
{
  const QiCheckpoint *checkpoint = user_data;

  return first ? qi_checkpoint_read (checkpoint, source, offset, to, n, error)
               : qi_checkpoint_read_again (checkpoint, source, offset, to, n, error);
}

QiRing *
qi_weights_ring_new (QiDevice *device, const char *name, const QiCheckpoint *checkpoint, gboolean plan)
{
  return qi_ring_new (device, name, N_SLOTS, QI_RING_AUTO, plan, read_source, (gpointer) checkpoint);
}

guint
qi_weights_least_streamed (void)
{
  return N_SLOTS + 1;
}

/* -- blocks ---------------------------------------------------------------------------------------- */

void
qi_weights_begin_block (QiWeights *w, guint i, guint n)
{
  const guint64 streamed = w->load.ring ? MIN (w->load.n_streamed, n) : 0;
  gint group = -1;

  g_return_if_fail (i == w->groups->len && i < n);
  w->streaming = (i + 1) * streamed / n > i * streamed / n; /* spread: kept ones give time to copy the others */
  if (w->streaming)
    {
      group = (gint) qi_ring_n_groups (w->load.ring);
      qi_ring_add_group (w->load.ring);
    }
  g_array_append_val (w->groups, group);
}

void
qi_weights_end_block (QiWeights *w)
{
  w->streaming = FALSE;
}

void
qi_weights_use_block (const QiWeights *w, QiStream *s, guint i)
{
  const gint group = i < w->groups->len ? g_array_index (w->groups, gint, i) : -1;

  if (group >= 0)
    qi_ring_use (w->load.ring, s, (guint) group);
}

/* -- for a moment ---------------------------------------------------------------------------------- */

static void
upload_late (const QiWeights *w, QiStream *s, const QiCheckpointTensor *tensor, const QiTensor *to)
{
  const guint block = qi_dtype_info (tensor->dtype)->block_bytes;
  const guint64 chunk = CHUNK / block * block;
  g_autofree guint8 *buffer = qi_stream_is_plan (s) ? NULL : g_malloc (chunk);
  GError *error = NULL;

  for (guint64 at = 0; buffer && at < tensor->bytes && !qi_stream_failed (s); at += chunk)
    {
      const guint64 n = MIN (chunk, tensor->bytes - at);

      if (qi_checkpoint_read (w->load.checkpoint, tensor, at, buffer, n, &error))
        qi_stream_upload (s, to, at, buffer, n);
      else
        qi_stream_take_error (s, error);
    }
}

QiLinear
qi_weights_bring (const QiWeights *w, QiStream *s, const QiLinear *linear, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *name = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *weight_name = g_strconcat (name, ".weight", NULL);
  const QiCheckpointTensor *tensor = qi_checkpoint_find (w->load.checkpoint, weight_name);
  QiLinear brought = *linear;

  g_return_val_if_fail (tensor && !linear->weight, brought);
  brought.weight = qi_scratch (s, tensor->dtype, tensor->dims[0], tensor->dims[1]);
  upload_late (w, s, tensor, brought.weight);
  return brought;
}

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The language model on token ids. Rows of a batch are run one by one without their padding, which comes back as zeros. */
#include <string.h>

#include "base/error.h"
#include "models/text/encoder.h"
#include "tests/golden/golden.h"

typedef struct
{
  guint batch, n; /* rows, tokens of a row with padding */
  gint64 *ids, *mask;
} Inputs;

static void
inputs_clear (Inputs *in)
{
  g_free (in->ids);
  g_free (in->mask);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Inputs, inputs_clear)

static gboolean
read_inputs (QiCase *c, Inputs *in, GError **error)
{
  g_autoptr (QiTensorFile) file = qi_case_inputs (c, c->root, error);
  const QiTensorEntry *ids = file ? qi_need_tensor (file, "input_ids", 2, error) : NULL;
  const QiTensorEntry *mask = ids ? qi_need_tensor (file, "attention_mask", 2, error) : NULL;

  if (!mask)
    return FALSE;
  if (mask->elements != ids->elements)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "input_ids and attention_mask differ in size.");
      return FALSE;
    }
  in->batch = ids->dims[0];
  in->n = ids->dims[1];
  return (in->ids = qi_tensor_entry_ints (ids, error)) && (in->mask = qi_tensor_entry_ints (mask, error));
}

static gboolean
run_row (const QiTextEncoder *encoder, QiStream *s, const Inputs *in, guint b, GArray *kept, QiTaps *taps, GError **error)
{
  const QiTap tap = { qi_taps_collect, taps };
  g_autofree guint32 *ids = g_new (guint32, in->n);

  for (guint i = 0; i < in->n; i++)
    if (in->mask[b * in->n + i])
      {
        ids[kept->len] = (guint32) in->ids[b * in->n + i];
        g_array_append_val (kept, i);
      }
  qi_stream_begin_scope (s);
  qi_taps_collect ("last_hidden_state", qi_text_encoder_forward (encoder, s, &(QiTextInput){ .ids = ids, .n_ids = kept->len }, &tap), s, taps);
  qi_stream_end_scope (s);
  if (taps->error)
    {
      g_propagate_error (error, g_steal_pointer (&taps->error));
      return FALSE;
    }
  return qi_stream_finish (s, error);
}

/* Rows of row b's tapped tensor, where the tokens stood: values [planes, batch, n, cols], plane p of it. */
static void
scatter (const Inputs *in, float *values, guint64 plane, guint b, const GArray *kept, const float *rows, guint64 cols)
{
  for (guint r = 0; r < kept->len; r++)
    memcpy (values + ((plane * in->batch + b) * in->n + g_array_index (kept, guint32, r)) * cols, rows + r * cols, cols * sizeof *values);
}

/* A tensor of one or several planes of token rows from all rows of the batch; layer: names NAME.0, NAME.1, … */
static void
add_stacked (const Inputs *in, QiTaps *taps, GArray **kept, const char *name, guint n_layers, QiTensorFile *out)
{
  const guint64 planes_in_one = g_str_has_prefix (name, "rope.") ? 3 : 1, planes = n_layers ? n_layers : planes_in_one;
  g_autofree char *first_name = n_layers ? g_strconcat (name, ".0", NULL) : g_strdup (name);
  const QiTapped *first = qi_taps_find (&taps[0], first_name);
  const guint64 cols = first ? first->dims[first->n_dims - 1] : 0;
  g_autofree float *values = g_new0 (float, planes * in->batch * in->n * cols + 1);

  if (!first)
    return;
  for (guint b = 0; b < in->batch; b++)
    for (guint64 p = 0; p < planes; p++)
      {
        g_autofree char *layer = n_layers ? g_strdup_printf ("%s.%u", name, (guint) p) : g_strdup (name);
        const QiTapped *t = qi_taps_find (&taps[b], layer);

        scatter (in, values, p, b, kept[b], t->values + (n_layers ? 0 : p * kept[b]->len * cols), cols);
      }
  if (planes > 1)
    qi_add (out, name, values, planes, in->batch, in->n, cols);
  else
    qi_add (out, name, values, in->batch, in->n, cols);
}

/* Text alone counts up, the same on all three axes; padding is where it stands. */
static void
add_positions (const Inputs *in, GArray **kept, QiTensorFile *out)
{
  g_autofree gint64 *ids = g_new0 (gint64, 3 * in->batch * in->n);

  for (guint axis = 0; axis < 3; axis++)
    for (guint b = 0; b < in->batch; b++)
      {
        for (guint i = 0; i < in->n; i++)
          ids[(axis * in->batch + b) * in->n + i] = i;
        for (guint r = 0; r < kept[b]->len; r++)
          ids[(axis * in->batch + b) * in->n + g_array_index (kept[b], guint32, r)] = r;
      }
  qi_tensor_file_add (out, "position_ids", "I64", 3, (guint64[]){ 3, in->batch, in->n }, ids);
}

static gboolean
run_all (QiCase *c, const QiTextEncoder *encoder, guint n_layers, QiStream *s, const Inputs *in, GError **error)
{
  static const char *const names[] = { "last_hidden_state", "last_layer_before_norm", "rope.cos", "rope.sin" };
  QiTensorFile *out = qi_case_output (c, qi_outputs_name (c->root));
  g_autofree QiTaps *taps = g_new0 (QiTaps, in->batch);
  g_autofree GArray **kept = g_new0 (GArray *, in->batch);
  gboolean ok = TRUE;

  for (guint b = 0; b < in->batch; b++)
    {
      qi_taps_init (&taps[b]);
      kept[b] = g_array_new (FALSE, FALSE, sizeof (guint32));
      ok = ok && run_row (encoder, s, in, b, kept[b], &taps[b], error);
    }
  if (ok)
    {
      for (guint i = 0; i < G_N_ELEMENTS (names); i++)
        add_stacked (in, taps, kept, names[i], 0, out);
      add_stacked (in, taps, kept, "hidden_states", n_layers + 1, out);
      add_positions (in, kept, out);
    }
  for (guint b = 0; b < in->batch; b++)
    {
      qi_taps_clear (&taps[b]);
      g_array_unref (kept[b]);
    }
  return ok;
}

gboolean
qi_golden_text (QiCase *c, GError **error)
{
  QiDevice *device = qi_golden_device (c->golden, error);
  g_autofree char *path = qi_case_path (c, qi_case_string (c, "model"), error);
  g_autoptr (QiCheckpoint) checkpoint = device && path ? qi_checkpoint_open (path, QI_COMPONENT_TEXT_ENCODER, error) : NULL;
  g_auto (Inputs) in = { 0 };
  g_autoptr (QiPool) pool = NULL;
  g_autoptr (QiStream) s = NULL;
  g_autoptr (QiTextEncoder) encoder = NULL;
  QiTextConfig config;
  const char *from;

  if (checkpoint && yyjson_arr_size (yyjson_obj_get (c->root, "images")) > 0)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED, "Pictures in the text encoder are not known here.");
      return FALSE;
    }
  if (!checkpoint || !qi_text_config_load (&config, checkpoint, NULL, &from, error) || !read_inputs (c, &in, error))
    return FALSE;
  pool = qi_pool_new (device, "weights", FALSE);
  s = qi_stream_new (device, FALSE);
  qi_stream_set_compute (s, c->golden->compute);
  encoder = qi_text_encoder_new (&config, &(QiLoad){ .checkpoint = checkpoint, .pool = pool, .stream = s }, error);
  return encoder && run_all (c, encoder, config.n_layers, s, &in, error);
}

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The language model on token ids, and the vision tower on pictures. Rows of a batch are run one by one without their
 * padding, which comes back as zeros. */
#include <string.h>

#include "base/error.h"
#include "models/text/encoder.h"
#include "models/text/head.h"
#include "models/text/tokenizer.h"
#include "models/text/vision.h"
#include "tests/golden/golden.h"

#define MAX_PICTURES 16

typedef struct
{
  guint batch, n; /* rows, tokens of a row with padding */
  gint64 *ids, *mask;
} Inputs;

/* All pictures of a case. */
typedef struct
{
  guint n;
  QiMergedGrid grids[MAX_PICTURES];
  QiTaps taps[MAX_PICTURES];
  guint32 image_id;
  float *rows; /* [tokens of all, width] */
} Pictures;

static void
pictures_clear (Pictures *p)
{
  for (guint i = 0; i < p->n; i++)
    qi_taps_clear (&p->taps[i]);
  g_free (p->rows);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pictures, pictures_clear)

/* What a row's tokens say of where they stand. */
typedef struct
{
  GArray *kept;       /* columns of the tokens that are no padding */
  guint32 *positions; /* [3][kept] */
  QiTaps taps;
} Row;

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

/* -- pictures -------------------------------------------------------------------------------------- */

static gboolean
look_at (QiCase *c, const QiVision *vision, const QiVisionConfig *config, QiStream *s, const char *name, Pictures *p,
         GError **error)
{
  QiMergedGrid *grid = &p->grids[p->n];
  QiTaps *taps = &p->taps[p->n];
  const QiTap tap = { qi_taps_collect, taps };
  g_autofree char *path = qi_case_path (c, name, error);
  g_autoptr (QiImage) image = path ? qi_picture_load (path, error) : NULL;

  if (!image || !qi_vision_grid (config, qi_image_width (image), qi_image_height (image), grid, error))
    return FALSE;

  g_autoptr (QiImage) shown = qi_vision_resize (config, image, grid, error);
  g_autofree float *patches = shown ? qi_vision_patches_new (config, shown, grid) : NULL;

  if (!patches)
    return FALSE;
  qi_taps_init (taps);
  p->n++;
  qi_stream_begin_scope (s);
  qi_vision_forward (vision, s, patches, grid, &tap);
  qi_stream_end_scope (s);
  if (taps->error)
    {
      g_propagate_error (error, g_steal_pointer (&taps->error));
      return FALSE;
    }
  return TRUE;
}

/* One tensor of all pictures, one below the other. (g_free) */
static float *
stack_pictures (const Pictures *p, const char *name, guint64 *rows, guint64 *cols)
{
  GArray *values = g_array_new (FALSE, FALSE, sizeof (float));

  *rows = 0;
  for (guint i = 0; i < p->n; i++)
    {
      const QiTapped *t = qi_taps_find (&p->taps[i], name);

      *rows += t->dims[0];
      *cols = t->dims[1];
      g_array_append_vals (values, t->values, t->elements);
    }
  return (float *) g_array_free (values, FALSE);
}

static gboolean
find_image_id (const char *model, guint32 *id, GError **error)
{
  g_autofree char *path = g_build_filename (model, "..", "tokenizer", NULL);
  g_autoptr (QiTokenizer) tokenizer = qi_tokenizer_open (path, error);

  if (tokenizer && qi_tokenizer_special (tokenizer, "<|image_pad|>", id))
    return TRUE;
  if (tokenizer)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "The tokenizer has no <|image_pad|>.");
  return FALSE;
}

static gboolean
run_pictures (QiCase *c, const char *model, QiDevice *device, Pictures *p, GError **error)
{
  yyjson_arr_iter iter = yyjson_arr_iter_with (yyjson_obj_get (c->root, "images"));
  g_autoptr (QiCheckpoint) checkpoint = qi_checkpoint_open (model, QI_COMPONENT_VISION, error);
  g_autoptr (QiPool) pool = qi_pool_new (device, "vision", FALSE);
  g_autoptr (QiStream) s = qi_stream_new (device, FALSE);
  g_autoptr (QiVision) vision = NULL;
  g_autoptr (GList) names = NULL;
  QiTensorFile *out = qi_case_output (c, qi_outputs_name (c->root));
  QiVisionConfig config;
  guint64 rows, cols;
  const char *from;
  yyjson_val *name;

  if (!checkpoint || !qi_vision_config_load (&config, checkpoint, NULL, &from, error) || !find_image_id (model, &p->image_id, error))
    return FALSE;
  qi_stream_set_compute (s, c->golden->compute);
  vision = qi_vision_new (&config, &(QiLoad){ .checkpoint = checkpoint, .pool = pool, .stream = s }, error);
  if (!vision)
    return FALSE;
  while ((name = yyjson_arr_iter_next (&iter)))
    if (p->n == MAX_PICTURES || !look_at (c, vision, &config, s, yyjson_get_str (name), p, error))
      return FALSE;
  names = g_hash_table_get_keys (p->taps[0].table);
  for (GList *l = names; l; l = l->next)
    {
      g_autofree float *values = stack_pictures (p, l->data, &rows, &cols);

      qi_add (out, l->data, values, rows, cols);
    }
  p->rows = stack_pictures (p, "vis.embeds", &rows, &cols);
  return qi_stream_finish (s, error);
}

/* -- rows ------------------------------------------------------------------------------------------ */

/* The pictures from *first on whose tokens a row has, and how many of them: of these ids. */
static guint
pictures_of (const Pictures *p, guint first, const guint32 *ids, guint n)
{
  guint64 left = 0;
  guint used = 0;

  for (guint i = 0; i < n; i++)
    left += p->n && ids[i] == p->image_id;
  while (left > 0 && first + used < p->n)
    {
      const guint64 tokens = (guint64) p->grids[first + used].h * p->grids[first + used].w;

      left -= MIN (left, tokens);
      used++;
    }
  return used;
}

/* Tokens that the pictures before first have. */
static guint64
tokens_before (const Pictures *p, guint first)
{
  guint64 n = 0;

  for (guint i = 0; i < first; i++)
    n += (guint64) p->grids[i].h * p->grids[i].w;
  return n;
}

static gboolean
run_row (const QiTextEncoder *encoder, const QiTextHead *head, guint64 width, QiStream *s, const Inputs *in, guint b, const Pictures *p, guint *picture,
         Row *row, GError **error)
{
  const QiTap tap = { qi_taps_collect, &row->taps };
  g_autofree guint32 *ids = g_new (guint32, in->n);
  QiTextInput input = { .ids = ids, .image_id = p->image_id };
  guint n_pictures;

  for (guint i = 0; i < in->n; i++)
    if (in->mask[b * in->n + i])
      {
        ids[row->kept->len] = (guint32) in->ids[b * in->n + i];
        g_array_append_val (row->kept, i);
      }
  input.n_ids = row->kept->len;
  n_pictures = pictures_of (p, *picture, ids, input.n_ids);
  row->positions = qi_text_positions_new (ids, input.n_ids, p->image_id, p->grids + *picture, n_pictures, error);
  if (!row->positions)
    return FALSE;
  input.positions = row->positions;
  qi_stream_begin_scope (s);
  if (n_pictures)
    {
      const guint64 at = tokens_before (p, *picture), n = tokens_before (p, *picture + n_pictures) - at;

      input.pictures = qi_upload_floats (s, p->rows + at * width, 2, (guint64[]){ n, width });
    }
  *picture += n_pictures;
  const QiTensor *hidden = qi_text_encoder_forward (encoder, s, &input, &tap);

  qi_taps_collect ("last_hidden_state", hidden, s, &row->taps);
  if (head)
    qi_taps_collect ("logits_last", qi_text_head_forward (head, s, qi_view_rows (s, hidden, input.n_ids - 1, 1)), s, &row->taps);
  qi_stream_end_scope (s);
  if (row->taps.error)
    {
      g_propagate_error (error, g_steal_pointer (&row->taps.error));
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
add_stacked (const Inputs *in, const Row *rows, const char *name, guint n_layers, QiTensorFile *out)
{
  const guint64 planes_in_one = g_str_has_prefix (name, "rope.") ? 3 : 1, planes = n_layers ? n_layers : planes_in_one;
  g_autofree char *first_name = n_layers ? g_strconcat (name, ".0", NULL) : g_strdup (name);
  const QiTapped *first = qi_taps_find (&rows[0].taps, first_name);
  const guint64 cols = first ? first->dims[first->n_dims - 1] : 0;
  g_autofree float *values = g_new0 (float, planes * in->batch * in->n * cols + 1);

  if (!first)
    return;
  for (guint b = 0; b < in->batch; b++)
    for (guint64 p = 0; p < planes; p++)
      {
        g_autofree char *layer = n_layers ? g_strdup_printf ("%s.%u", name, (guint) p) : g_strdup (name);
        const QiTapped *t = qi_taps_find (&rows[b].taps, layer);

        scatter (in, values, p, b, rows[b].kept, t->values + (n_layers ? 0 : p * rows[b].kept->len * cols), cols);
      }
  if (planes > 1)
    qi_add (out, name, values, planes, in->batch, in->n, cols);
  else
    qi_add (out, name, values, in->batch, in->n, cols);
}

/* Padding is where it stands. */
static void
add_positions (const Inputs *in, const Row *rows, QiTensorFile *out)
{
  g_autofree gint64 *ids = g_new0 (gint64, 3 * in->batch * in->n);

  for (guint axis = 0; axis < 3; axis++)
    for (guint b = 0; b < in->batch; b++)
      {
        const GArray *kept = rows[b].kept;

        for (guint i = 0; i < in->n; i++)
          ids[(axis * in->batch + b) * in->n + i] = i;
        for (guint r = 0; r < kept->len; r++)
          ids[(axis * in->batch + b) * in->n + g_array_index (kept, guint32, r)] = rows[b].positions[axis * kept->len + r];
      }
  qi_tensor_file_add (out, "position_ids", "I64", 3, (guint64[]){ 3, in->batch, in->n }, ids);
}

/* Of the last column; where that is padding the reference has scores that mean nothing, and there are none here. */
static void
add_logits (const Inputs *in, guint64 vocabulary, const Row *rows, QiTensorFile *out)
{
  g_autofree float *values = g_new (float, in->batch * vocabulary);

  for (guint b = 0; b < in->batch; b++)
    if (rows[b].kept->len < in->n)
      return;
  for (guint b = 0; b < in->batch; b++)
    memcpy (values + b * vocabulary, qi_taps_find (&rows[b].taps, "logits_last")->values, vocabulary * sizeof *values);
  qi_add (out, "logits_last", values, in->batch, vocabulary);
}

static gboolean
run_all (QiCase *c, const QiTextEncoder *encoder, const QiTextHead *head, const QiTextConfig *config, QiStream *s, const Inputs *in,
         const Pictures *p, GError **error)
{
  static const char *const names[] = { "last_hidden_state", "last_layer_before_norm", "rope.cos", "rope.sin" };
  QiTensorFile *out = qi_case_output (c, qi_outputs_name (c->root));
  g_autofree Row *rows = g_new0 (Row, in->batch);
  guint picture = 0;
  gboolean ok = TRUE;

  for (guint b = 0; b < in->batch; b++)
    {
      qi_taps_init (&rows[b].taps);
      rows[b].kept = g_array_new (FALSE, FALSE, sizeof (guint32));
      ok = ok && run_row (encoder, head, config->width, s, in, b, p, &picture, &rows[b], error);
    }
  if (ok)
    {
      for (guint i = 0; i < G_N_ELEMENTS (names); i++)
        add_stacked (in, rows, names[i], 0, out);
      add_stacked (in, rows, "hidden_states", config->n_layers + 1, out);
      add_positions (in, rows, out);
      if (head)
        add_logits (in, config->vocabulary, rows, out);
    }
  for (guint b = 0; b < in->batch; b++)
    {
      qi_taps_clear (&rows[b].taps);
      g_array_unref (rows[b].kept);
      g_free (rows[b].positions);
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
  g_auto (Pictures) pictures = { 0 };
  g_autoptr (QiPool) pool = NULL;
  g_autoptr (QiStream) s = NULL;
  g_autoptr (QiTextEncoder) encoder = NULL;
  g_autoptr (QiTextHead) head = NULL;
  QiTextConfig config;
  const char *from;

  if (!checkpoint || !qi_text_config_load (&config, checkpoint, NULL, &from, error) || !read_inputs (c, &in, error))
    return FALSE;
  if (yyjson_arr_size (yyjson_obj_get (c->root, "images")) > 0 && !run_pictures (c, path, device, &pictures, error))
    return FALSE;
  pool = qi_pool_new (device, "weights", FALSE);
  s = qi_stream_new (device, FALSE);
  qi_stream_set_compute (s, c->golden->compute);
  const QiLoad load = { .checkpoint = checkpoint, .pool = pool, .stream = s };

  encoder = qi_text_encoder_new (&config, &load, error);
  if (encoder && qi_checkpoint_find (checkpoint, QI_OUTPUT_HEAD) && !(head = qi_text_head_new (&config, &load, error)))
    return FALSE;
  return encoder && run_all (c, encoder, head, &config, s, &in, &pictures, error);
}

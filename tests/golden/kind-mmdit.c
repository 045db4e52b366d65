/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* One forward of the transformer. Rows of a batch are run one by one; masked text rows are left out and come back as zeros. */
#include <string.h>

#include "base/error.h"
#include "models/diffusion/mmdit.h"
#include "tests/golden/golden.h"

#define MAX_GRIDS 64

typedef struct
{
  guint batch, n_text;
  guint64 n_image;
  QiTokenGrid grids[MAX_GRIDS];
  guint n_grids;
  float *x, *text, *sigma; /* [batch, …] */
  gint64 *mask, *cond;     /* NULL: none */
  guint64 x_width, text_width;
} Inputs;

static void
inputs_clear (Inputs *in)
{
  g_free (in->x);
  g_free (in->text);
  g_free (in->sigma);
  g_free (in->mask);
  g_free (in->cond);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Inputs, inputs_clear)

static gboolean
bad (GError **error, const char *what)
{
  g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "The inputs do not fit together: %s.", what);
  return FALSE;
}

static gboolean
read_grids (const QiCase *c, Inputs *in, GError **error)
{
  yyjson_val *list = yyjson_obj_get (c->root, "img_shapes"), *item;
  yyjson_arr_iter iter = yyjson_arr_iter_with (list);

  while ((item = yyjson_arr_iter_next (&iter)))
    {
      QiTokenGrid *grid = &in->grids[in->n_grids];

      if (in->n_grids >= MAX_GRIDS || yyjson_arr_size (item) != 3)
        return bad (error, "img_shapes");
      grid->frames = yyjson_get_uint (yyjson_arr_get (item, 0));
      grid->h = yyjson_get_uint (yyjson_arr_get (item, 1));
      grid->w = yyjson_get_uint (yyjson_arr_get (item, 2));
      in->n_grids++;
    }
  return in->n_grids && qi_token_grids_total (in->grids, in->n_grids) == in->n_image ? TRUE : bad (error, "img_shapes");
}

static gboolean
read_inputs (QiCase *c, Inputs *in, GError **error)
{
  g_autoptr (QiTensorFile) file = qi_case_inputs (c, c->root, error);
  const QiTensorEntry *x, *text, *sigma, *mask, *cond;

  if (!file || !(x = qi_need_tensor (file, "hidden_states", 3, error)) ||
      !(text = qi_need_tensor (file, "encoder_hidden_states", 3, error)) ||
      !(sigma = qi_need_tensor (file, "timestep", 1, error)))
    return FALSE;
  mask = qi_tensor_file_find (file, "encoder_hidden_states_mask");
  cond = qi_tensor_file_find (file, "additional_t_cond");
  in->batch = x->dims[0];
  in->n_image = x->dims[1];
  in->x_width = x->dims[2];
  in->n_text = text->dims[1];
  in->text_width = text->dims[2];
  if (text->dims[0] != in->batch || sigma->dims[0] != in->batch || (mask && mask->elements != text->dims[0] * text->dims[1]) ||
      (cond && cond->elements != in->batch))
    return bad (error, "batch sizes");
  return (in->x = qi_tensor_entry_floats (x, error)) && (in->text = qi_tensor_entry_floats (text, error)) &&
         (in->sigma = qi_tensor_entry_floats (sigma, error)) && (!mask || (in->mask = qi_tensor_entry_ints (mask, error))) &&
         (!cond || (in->cond = qi_tensor_entry_ints (cond, error))) && read_grids (c, in, error);
}

/* Runs row b; *kept: the text rows that count. */
static gboolean
run_row (const QiMmdit *dit, QiStream *s, const Inputs *in, guint b, GArray *kept, QiTaps *taps, GError **error)
{
  const QiTap tap = { qi_taps_collect, taps };
  g_autofree float *text = g_new (float, in->n_text * in->text_width);
  QiMmditInput input = { .grids = in->grids, .n_grids = in->n_grids, .sigma = in->sigma[b] };

  for (guint i = 0; i < in->n_text; i++)
    if (!in->mask || in->mask[(gsize) b * in->n_text + i])
      {
        memcpy (text + kept->len * in->text_width, in->text + ((gsize) b * in->n_text + i) * in->text_width,
                in->text_width * sizeof *text);
        g_array_append_val (kept, i);
      }
  if (kept->len == 0)
    return bad (error, "a prompt without tokens");
  qi_stream_begin_scope (s);
  input.x = qi_upload_floats (s, in->x + b * in->n_image * in->x_width, 2, (guint64[]){ in->n_image, in->x_width });
  input.text = qi_upload_floats (s, text, 2, (guint64[]){ kept->len, in->text_width });
  input.text_indices = (const guint32 *) kept->data;
  input.addition_t_cond = in->cond ? (guint) in->cond[b] : 0;
  qi_mmdit_forward (dit, s, &input, &tap);
  qi_stream_end_scope (s);
  if (taps->error)
    {
      g_propagate_error (error, g_steal_pointer (&taps->error));
      return FALSE;
    }
  return qi_stream_finish (s, error);
}

/* Tensors of text tokens get their left-out rows back, as zeros. */
static gboolean
is_text (const char *name)
{
  return g_str_has_prefix (name, "txt_") || (g_str_has_prefix (name, "block") && g_str_has_suffix (name, ".txt"));
}

static void
stack (const Inputs *in, QiTaps *taps, GArray **kept, const char *name, QiTensorFile *out)
{
  const QiTapped *first = qi_taps_find (&taps[0], name);
  const gboolean text = is_text (name), rope = g_str_has_prefix (name, "rope."), token = text || first->dims[0] == in->n_image;
  const guint64 cols = first->dims[first->n_dims - 1], rows = text ? in->n_text : first->elements / cols;
  g_autofree float *values = g_new0 (float, in->batch * rows * cols);

  if (rope)
    {
      /* The same for the whole batch; positions of left-out rows are not made. */
      if (rows == (g_str_has_prefix (name, "rope.txt") ? in->n_text : in->n_image))
        qi_add (out, name, first->values, rows, cols);
      return;
    }
  for (guint b = 0; b < in->batch; b++)
    {
      const QiTapped *t = qi_taps_find (&taps[b], name);

      for (guint64 r = 0; r < t->elements / cols; r++)
        {
          const guint64 row = text ? g_array_index (kept[b], guint32, r) : r;
          /* Without tokens: all rows of the real timestep, then those of timestep 0. */
          const guint64 to = token ? b * rows + row : row * in->batch + b;

          memcpy (values + to * cols, t->values + r * cols, cols * sizeof *values);
        }
    }
  if (token)
    qi_add (out, name, values, in->batch, rows, cols);
  else
    qi_add (out, name, values, in->batch * rows, cols);
}

static gboolean
load_config (const QiCase *c, const QiCheckpoint *checkpoint, QiMmditConfig *config, GError **error)
{
  const char *file = qi_case_string (c, "config_file"), *from;
  g_autofree char *path = file ? qi_case_path (c, file, error) : NULL, *json = NULL;
  gsize n;

  if (!file)
    return qi_mmdit_config_load (config, checkpoint, NULL, &from, error);
  return g_file_get_contents (path, &json, &n, error) && qi_mmdit_config_parse (config, json, n, path, error);
}

static gboolean
run_all (QiCase *c, const QiMmdit *dit, QiStream *s, const Inputs *in, GError **error)
{
  QiTensorFile *out = qi_case_output (c, qi_outputs_name (c->root));
  g_autofree QiTaps *taps = g_new0 (QiTaps, in->batch);
  g_autofree GArray **kept = g_new0 (GArray *, in->batch);
  gboolean ok = TRUE;

  for (guint b = 0; b < in->batch; b++)
    {
      qi_taps_init (&taps[b]);
      kept[b] = g_array_new (FALSE, FALSE, sizeof (guint32));
      ok = ok && run_row (dit, s, in, b, kept[b], &taps[b], error);
    }
  if (ok)
    {
      g_autoptr (GList) names = g_hash_table_get_keys (taps[0].table);

      for (GList *l = names; l; l = l->next)
        stack (in, taps, kept, l->data, out);
    }
  for (guint b = 0; b < in->batch; b++)
    {
      qi_taps_clear (&taps[b]);
      g_array_unref (kept[b]);
    }
  return ok;
}

gboolean
qi_golden_mmdit (QiCase *c, GError **error)
{
  QiDevice *device = qi_golden_device (c->golden, error);
  g_autofree char *path = qi_case_path (c, qi_case_string (c, "model"), error);
  g_autoptr (QiCheckpoint) checkpoint = device && path ? qi_checkpoint_open (path, QI_COMPONENT_TRANSFORMER, error) : NULL;
  g_auto (Inputs) in = { 0 };
  g_autoptr (QiPool) pool = NULL;
  g_autoptr (QiStream) s = NULL;
  g_autoptr (QiMmdit) dit = NULL;
  QiMmditConfig config;

  if (!checkpoint || !load_config (c, checkpoint, &config, error) || !read_inputs (c, &in, error))
    return FALSE;
  if (in.x_width != config.in_channels || in.text_width != config.text_dim)
    return bad (error, "widths");
  pool = qi_pool_new (device, "weights", FALSE);
  s = qi_stream_new (device, FALSE);
  qi_stream_set_compute (s, c->golden->compute);
  dit = qi_mmdit_new (&config, &(QiLoad){ .checkpoint = checkpoint, .pool = pool, .stream = s }, error);
  return dit && run_all (c, dit, s, &in, error);
}

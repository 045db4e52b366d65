/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/adapter/controlnet.h"

#include "base/error.h"

#include "models/config/source.h"

#define EPS 1e-6f

/* Of a blockwise net, for one block of the transformer. */
typedef struct
{
  const QiTensor *x_norm, *y_norm; /* [d] */
  QiLinear in, out;                /* [d, d] */
} Step;

struct _QiControlnet
{
  QiControlConfig config;
  QiWeights *weights;
  QiLinear embed;    /* [d, condition_channels] */
  QiMmdit *trunk;    /* InstantX */
  QiLinear *outputs; /* InstantX: [n_layers] of [d, d] */
  Step *steps;       /* blockwise: [n_layers] */
};

/* -- what a file is -------------------------------------------------------------------------------- */

static gboolean
fits (const QiCheckpoint *checkpoint, const char *name, guint i, guint64 wanted, const char *what, GError **error)
{
  const guint64 shown = qi_config_dim (checkpoint, name, i);

  if (shown == wanted)
    return TRUE;
  g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
               "The ControlNet “%s” has %s %" G_GUINT64_FORMAT ", the transformer %" G_GUINT64_FORMAT
               "; the two belong to different models.",
               qi_checkpoint_path (checkpoint), what, shown, wanted);
  return FALSE;
}

static gboolean
look_inside (QiControlConfig *c, const QiCheckpoint *checkpoint, GError **error)
{
  const char *path = qi_checkpoint_path (checkpoint);

  if (qi_checkpoint_find (checkpoint, "control_img_in.weight"))
    g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
                 "“%s” is a Fun ControlNet, which cannot be run yet; choose one of InstantX or DiffSynth.", path);
  else if (qi_checkpoint_find (checkpoint, "controlnet_x_embedder.weight"))
    {
      c->condition_channels = qi_config_dim (checkpoint, "controlnet_x_embedder.weight", 1);
      c->net.n_layers = qi_config_count_blocks (checkpoint, "controlnet_blocks", error);
      return c->net.n_layers > 0;
    }
  else if (qi_checkpoint_find (checkpoint, "controlnet_blocks.0.y_rms.weight"))
    {
      c->blockwise = TRUE;
      c->condition_channels = qi_config_dim (checkpoint, "img_in.weight", 1);
      c->net.n_layers = qi_config_count_blocks (checkpoint, "controlnet_blocks", error);
      return c->net.n_layers > 0;
    }
  else
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                 "“%s” is no ControlNet for Qwen-Image: it has neither “controlnet_x_embedder.weight” nor "
                 "“controlnet_blocks.0.y_rms.weight”.",
                 path);
  return FALSE;
}

gboolean
qi_control_config_load (QiControlConfig *config, const QiCheckpoint *checkpoint, const QiMmditConfig *transformer,
                        GError **error)
{
  const guint64 d = (guint64) transformer->n_heads * transformer->head_dim;
  QiControlConfig c = { .net = *transformer };

  if (!look_inside (&c, checkpoint, error) || !fits (checkpoint, "img_in.weight", 0, d, "a width of", error))
    return FALSE;
  c.net.zero_cond_t = c.net.additional_t_cond = c.net.layer3d_rope = FALSE;
  c.inpaint = c.condition_channels == transformer->in_channels + 4;
  if (!c.inpaint && c.condition_channels != transformer->in_channels)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                   "The ControlNet “%s” takes conditions of %u channels; this transformer's pictures have %u, or %u with a "
                   "mask.",
                   qi_checkpoint_path (checkpoint), c.condition_channels, transformer->in_channels,
                   transformer->in_channels + 4);
      return FALSE;
    }
  if (c.blockwise
          ? c.net.n_layers != transformer->n_layers
          : qi_config_dim (checkpoint, "transformer_blocks.0.attn.norm_q.weight", 0) != transformer->head_dim
                || qi_config_count_blocks (checkpoint, "transformer_blocks", NULL) != c.net.n_layers
                || c.net.n_layers > transformer->n_layers)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                   "The ControlNet “%s” has %u blocks, which do not go with the transformer's %u of heads of %u.",
                   qi_checkpoint_path (checkpoint), c.net.n_layers, transformer->n_layers, transformer->head_dim);
      return FALSE;
    }
  if (!c.blockwise && !fits (checkpoint, "txt_in.weight", 1, transformer->text_dim, "embeddings of", error))
    return FALSE;
  *config = c;
  return TRUE;
}

/* -- loading --------------------------------------------------------------------------------------- */

static gboolean
load_instantx (QiControlnet *net, const QiLoad *load, guint64 d, GError **error)
{
  const QiControlConfig *c = &net->config;

  if (!(net->trunk = qi_mmdit_trunk_new (&c->net, load, error)))
    return FALSE;
  net->weights = qi_weights_new (load);
  net->outputs = g_new0 (QiLinear, c->net.n_layers);
  qi_weights_linear (net->weights, &net->embed, c->condition_channels, d, TRUE, "controlnet_x_embedder");
  for (guint k = 0; k < c->net.n_layers; k++)
    qi_weights_linear (net->weights, &net->outputs[k], d, d, TRUE, "controlnet_blocks.%u", k);
  return qi_weights_finish (net->weights, error);
}

static gboolean
load_blockwise (QiControlnet *net, const QiLoad *load, guint64 d, GError **error)
{
  const QiControlConfig *c = &net->config;
  QiWeights *w = net->weights = qi_weights_new (load);

  net->steps = g_new0 (Step, c->net.n_layers);
  qi_weights_linear (w, &net->embed, c->condition_channels, d, TRUE, "img_in");
  for (guint i = 0; i < c->net.n_layers; i++)
    {
      net->steps[i].x_norm = qi_weights_array (w, 1, d, "controlnet_blocks.%u.x_rms.weight", i);
      net->steps[i].y_norm = qi_weights_array (w, 1, d, "controlnet_blocks.%u.y_rms.weight", i);
      qi_weights_linear (w, &net->steps[i].in, d, d, TRUE, "controlnet_blocks.%u.input_proj", i);
      qi_weights_linear (w, &net->steps[i].out, d, d, TRUE, "controlnet_blocks.%u.output_proj", i);
    }
  return qi_weights_finish (w, error);
}

QiControlnet *
qi_controlnet_new (const QiControlConfig *config, const QiLoad *load, GError **error)
{
  g_autoptr (QiControlnet) net = g_new0 (QiControlnet, 1);
  const guint64 d = (guint64) config->net.n_heads * config->net.head_dim;

  net->config = *config;
  if (config->blockwise ? !load_blockwise (net, load, d, error) : !load_instantx (net, load, d, error))
    return NULL;
  return g_steal_pointer (&net);
}

void
qi_controlnet_free (QiControlnet *net)
{
  if (!net)
    return;
  qi_mmdit_free (net->trunk);
  g_clear_pointer (&net->weights, qi_weights_free);
  g_free (net->outputs);
  g_free (net->steps);
  g_free (net);
}

/* -- steering -------------------------------------------------------------------------------------- */

void
qi_control_begin (const QiControlnet *net, QiStream *s, const QiTensor *condition, guint n_main_blocks, QiControl *control)
{
  *control = (QiControl){ .net = net,
                          .condition = qi_linear (s, condition, &net->embed, QI_ACT_NONE),
                          .n_main_blocks = n_main_blocks };
}

/* After block k of the net itself. */
static void
take_residual (QiStream *s, guint k, const QiTensor *img, gpointer user_data)
{
  QiControl *control = user_data;

  qi_copy_into (s, control->residuals[k],
                qi_axpby (s, control->scale, qi_linear (s, img, &control->net->outputs[k], QI_ACT_NONE), 0, NULL));
}

/* After block i of the transformer. */
static void
add_residual (QiStream *s, guint i, const QiTensor *img, gpointer user_data)
{
  const QiControl *control = user_data;
  const guint n = control->net->config.net.n_layers, each = (control->n_main_blocks + n - 1) / n;

  qi_add_gated_into (s, img, control->residuals[i / each], NULL);
}

static void
add_blockwise (QiStream *s, guint i, const QiTensor *img, gpointer user_data)
{
  const QiControl *control = user_data;
  const Step *step = &control->net->steps[i];
  const QiTensor *sum = qi_add (s, qi_rms_norm (s, img, step->x_norm, EPS),
                                qi_rms_norm (s, control->condition, step->y_norm, EPS));
  const QiTensor *hint = qi_linear (s, qi_linear (s, sum, &step->in, QI_ACT_GELU_ERF), &step->out, QI_ACT_NONE);

  qi_add_gated_into (s, img, qi_axpby (s, control->scale, hint, 0, NULL), NULL);
}

static void
run_net (QiControl *control, QiStream *s, guint step, const QiMmditInput *main, const QiTap *tap)
{
  const guint64 n = qi_tensor_rows (control->condition), d = qi_tensor_dim (control->condition, -1);
  QiMmditInput input = *main;

  for (guint k = 0; k < control->net->config.net.n_layers; k++)
    control->residuals[k] = qi_scratch (s, QI_DTYPE_F32, n, d);
  input.x = qi_view_rows (s, main->x, 0, n);
  input.n_grids = 1;
  input.rope = main->n_grids == 1 ? main->rope : NULL;
  input.embedded_add = control->condition;
  input.modulation = NULL; /* the net has its own */
  input.after_block = take_residual;
  input.after_block_data = control;
  qi_mmdit_run_trunk (control->net->trunk, s, &input, NULL);
  for (guint k = 0; tap && tap->func && k < control->net->config.net.n_layers; k++)
    {
      g_autofree char *name = g_strdup_printf ("control.sample%u_%u", step, k);

      qi_tap (tap, s, control->residuals[k], name);
    }
}

void
qi_control_step (QiControl *control, QiStream *s, float scale, guint step, QiMmditInput *input, const QiTap *tap)
{
  if (scale == 0)
    return;
  control->scale = scale;
  if (!control->net->config.blockwise)
    run_net (control, s, step, input, tap);
  input->n_target = qi_tensor_rows (control->condition);
  input->after_block = control->net->config.blockwise ? add_blockwise : add_residual;
  input->after_block_data = control;
}

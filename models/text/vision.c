/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/text/vision.h"

#include <math.h>

#include "models/picture/planes.h"
#include "models/picture/resize.h"
#include "models/picture/sizes.h"

#define EPS 1e-6f
#define THETA 10000.0f

typedef struct
{
  const QiTensor *norm1, *norm2; /* [width] */
  QiLinear qkv;                  /* without weight: they are apart */
  QiLinear q, k, v, proj;
  QiLinear gate, up, down;
} Block;

struct _QiVision
{
  QiVisionConfig config;
  QiWeights *weights;
  QiLinear patch; /* [width, 3 patch patch] */
  Block *blocks;
  const QiTensor *merger_norm; /* [width] */
  QiLinear merge[2];
};

static void
load_block (Block *block, QiWeights *w, const QiCheckpoint *checkpoint, const QiVisionConfig *c, gboolean swapped,
            guint i)
{
  g_autofree char *fused = g_strdup_printf ("visual.blocks.%u.attn.qkv.weight", i);
  const char *const names[2] = { swapped ? "down" : "up", swapped ? "up" : "down" };

  block->norm1 = qi_weights_array (w, 1, c->width, "visual.blocks.%u.norm1.weight", i);
  block->norm2 = qi_weights_array (w, 1, c->width, "visual.blocks.%u.norm2.weight", i);
  if (qi_checkpoint_find (checkpoint, fused))
    qi_weights_linear (w, &block->qkv, c->width, 3 * (guint64) c->width, TRUE, "visual.blocks.%u.attn.qkv", i);
  else
    {
      qi_weights_linear (w, &block->q, c->width, c->width, TRUE, "visual.blocks.%u.attn.q", i);
      qi_weights_linear (w, &block->k, c->width, c->width, TRUE, "visual.blocks.%u.attn.k", i);
      qi_weights_linear (w, &block->v, c->width, c->width, TRUE, "visual.blocks.%u.attn.v", i);
    }
  qi_weights_linear (w, &block->proj, c->width, c->width, TRUE, "visual.blocks.%u.attn.proj", i);
  qi_weights_linear (w, &block->gate, c->width, c->ffn_dim, TRUE, "visual.blocks.%u.mlp.gate_proj", i);
  qi_weights_linear (w, &block->up, c->width, c->ffn_dim, TRUE, "visual.blocks.%u.mlp.%s_proj", i, names[0]);
  qi_weights_linear (w, &block->down, c->ffn_dim, c->width, TRUE, "visual.blocks.%u.mlp.%s_proj", i, names[1]);
}

QiVision *
qi_vision_new (const QiVisionConfig *config, const QiLoad *load, GError **error)
{
  g_autoptr (QiVision) vision = g_new0 (QiVision, 1);
  const guint64 merged = 4 * (guint64) config->width;
  const gboolean swapped = qi_vision_ffn_is_swapped (load->checkpoint, config);

  vision->config = *config;
  vision->blocks = g_new0 (Block, config->n_layers);
  vision->weights = qi_weights_new (load);
  qi_weights_patches (vision->weights, &vision->patch, config->in_channels, (guint64) config->patch * config->patch,
                      config->width, "visual.patch_embed.proj");
  for (guint i = 0; i < config->n_layers; i++)
    load_block (&vision->blocks[i], vision->weights, load->checkpoint, config, swapped, i);
  vision->merger_norm = qi_weights_array (vision->weights, 1, config->width, "visual.merger.ln_q.weight");
  qi_weights_linear (vision->weights, &vision->merge[0], merged, merged, TRUE, "visual.merger.mlp.0");
  qi_weights_linear (vision->weights, &vision->merge[1], merged, config->out_dim, TRUE, "visual.merger.mlp.2");
  return qi_weights_finish (vision->weights, error) ? g_steal_pointer (&vision) : NULL;
}

void
qi_vision_free (QiVision *vision)
{
  if (!vision)
    return;
  qi_weights_free (vision->weights);
  g_free (vision->blocks);
  g_free (vision);
}

/* -- pictures -------------------------------------------------------------------------------------- */

gboolean
qi_vision_grid (const QiVisionConfig *c, guint width, guint height, QiMergedGrid *grid, GError **error)
{
  const guint unit = c->patch * c->merge;
  guint wide, high;

  if (!qi_smart_resize (width, height, unit, c->min_area, c->max_area, &wide, &high, error))
    return FALSE;
  *grid = (QiMergedGrid){ high / unit, wide / unit };
  return TRUE;
}

QiImage *
qi_vision_resize (const QiVisionConfig *c, QiImage *image, const QiMergedGrid *grid, GError **error)
{
  const guint unit = c->patch * c->merge;
  g_autoptr (QiImage) rgb = qi_image_to_rgb (image);

  return qi_image_resize (rgb, grid->w * unit, grid->h * unit, QI_RESIZE_BICUBIC_TENSOR, error);
}

/* One patch, whose first pixel is (x, y): [3, patch, patch] */
static void
take_patch (float *to, const QiVisionConfig *c, const QiImage *image, guint x, guint y)
{
  static const float mean[3] = { 0.48145466f, 0.4578275f, 0.40821073f }, deviation[3] = { 0.26862954f, 0.26130258f, 0.27577711f };

  for (guint channel = 0; channel < 3; channel++)
    for (guint row = 0; row < c->patch; row++)
      {
        const guint8 *from = qi_image_row (image, y + row) + 3 * (gsize) x + channel;

        for (guint column = 0; column < c->patch; column++, from += 3)
          *to++ = (*from / 255.0f - mean[channel]) / deviation[channel];
      }
}

float *
qi_vision_patches_new (const QiVisionConfig *c, const QiImage *image, const QiMergedGrid *grid)
{
  const guint unit = c->patch * c->merge;
  const gsize values = 3 * (gsize) c->patch * c->patch;

  g_return_val_if_fail (qi_image_channels (image) == 3, NULL);
  g_return_val_if_fail (qi_image_width (image) == grid->w * unit && qi_image_height (image) == grid->h * unit, NULL);

  float *patches = g_new (float, (gsize) grid->h * grid->w * 4 * values), *to = patches;

  for (guint y = 0; y < grid->h; y++)
    for (guint x = 0; x < grid->w; x++)
      for (guint i = 0; i < 4; i++, to += values)
        take_patch (to, c, image, (2 * x + i % 2) * c->patch, (2 * y + i / 2) * c->patch);
  return patches;
}

/* -- the order of windows -------------------------------------------------------------------------- */

/* Tokens window by window, with what belongs to them. */
typedef struct
{
  guint32 *order, *place; /* [tokens]: which token stands here, and where a token stands */
  guint32 *ranges;        /* [4 tokens, 2]: the patches of a patch's window */
  float *cos_sin;         /* [4 tokens, head_dim / 2, 2] */
} Windows;

static void
windows_clear (Windows *windows)
{
  g_free (windows->order);
  g_free (windows->place);
  g_free (windows->ranges);
  g_free (windows->cos_sin);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Windows, windows_clear)

/* The half of the pairs turn with the row of the patch, the other half with its column. */
static void
turn_patch (float *cos_sin, const QiVisionConfig *c, guint row, guint column)
{
  const guint half = c->width / c->n_heads / 2, quarter = half / 2;

  for (guint j = 0; j < half; j++)
    {
      const float frequency = 1.0f / powf (THETA, (float) (2 * (j % quarter)) / (float) half);
      const float angle = (j < quarter ? row : column) * frequency;

      cos_sin[2 * j] = (float) cos (angle);
      cos_sin[2 * j + 1] = (float) sin (angle);
    }
}

static void
place_window (Windows *w, const QiVisionConfig *c, const QiMergedGrid *grid, guint top, guint left, guint side, guint32 *at)
{
  const guint bottom = MIN (top + side, grid->h), right = MIN (left + side, grid->w), half = c->width / c->n_heads / 2;
  const guint32 begin = 4 * *at, end = begin + 4 * (bottom - top) * (right - left);

  for (guint y = top; y < bottom; y++)
    for (guint x = left; x < right; x++, (*at)++)
      {
        const guint32 token = y * grid->w + x;

        w->order[*at] = token;
        w->place[token] = *at;
        for (guint i = 0; i < 4; i++)
          {
            const gsize patch = 4 * (gsize) *at + i;

            w->ranges[2 * patch] = begin;
            w->ranges[2 * patch + 1] = end;
            turn_patch (w->cos_sin + patch * 2 * half, c, 2 * y + i / 2, 2 * x + i % 2);
          }
      }
}

static void
windows_init (Windows *w, const QiVisionConfig *c, const QiMergedGrid *grid)
{
  const gsize n = (gsize) grid->h * grid->w;
  const guint side = c->window / c->patch / c->merge; /* of a window, in tokens */
  guint32 at = 0;

  w->order = g_new (guint32, n);
  w->place = g_new (guint32, n);
  w->ranges = g_new (guint32, 8 * n);
  w->cos_sin = g_new (float, 4 * n * (c->width / c->n_heads));
  for (guint top = 0; top < grid->h; top += side)
    for (guint left = 0; left < grid->w; left += side)
      place_window (w, c, grid, top, left, side, &at);
}

/* -- the tower ------------------------------------------------------------------------------------- */

/* What all blocks of one picture share. */
typedef struct
{
  const QiTensor *order, *place; /* u32 [tokens] */
  const QiTensor *ranges;        /* u32 [patches, 2] */
  QiRope rope;
} Shared;

static void
share (const QiVision *vision, QiStream *s, const QiMergedGrid *grid, Shared *shared)
{
  const QiVisionConfig *c = &vision->config;
  const guint64 n = (guint64) grid->h * grid->w;
  const QiTensor *cos_sin = qi_scratch (s, QI_DTYPE_F32, 4 * n, c->width / c->n_heads / 2, 2);
  g_auto (Windows) windows = { 0 };

  *shared = (Shared){ qi_scratch (s, QI_DTYPE_U32, n), qi_scratch (s, QI_DTYPE_U32, n), qi_scratch (s, QI_DTYPE_U32, 4 * n, 2),
                      { cos_sin, TRUE } };
  if (qi_stream_is_plan (s))
    return;
  windows_init (&windows, c, grid);
  qi_stream_upload (s, shared->order, 0, windows.order, qi_tensor_bytes (shared->order));
  qi_stream_upload (s, shared->place, 0, windows.place, qi_tensor_bytes (shared->place));
  qi_stream_upload (s, shared->ranges, 0, windows.ranges, qi_tensor_bytes (shared->ranges));
  qi_stream_upload (s, cos_sin, 0, windows.cos_sin, qi_tensor_bytes (cos_sin));
}

/* Patches in f32 [patches, width], as they come. */
static const QiTensor *
embed_patches (const QiVision *vision, QiStream *s, const float *patches, guint64 n)
{
  const QiVisionConfig *c = &vision->config;
  const QiTensor *pixels = qi_scratch (s, QI_DTYPE_F32, n, 3 * (guint64) c->patch * c->patch);

  if (!qi_stream_is_plan (s))
    qi_stream_upload (s, pixels, 0, patches, qi_tensor_bytes (pixels));
  return qi_linear (s, pixels, &vision->patch, QI_ACT_NONE);
}

/* x += Wproj attention (rms (x)) */
static void
attend (QiStream *s, const QiVisionConfig *c, const Block *block, const QiTensor *x, const Shared *shared, gboolean full)
{
  const guint64 n = qi_tensor_rows (x), width = c->width;
  const QiAttention attention = { .n_heads = c->n_heads, .n_kv_heads = c->n_heads, .ranges = full ? NULL : shared->ranges };

  qi_stream_begin_scope (s);
  const QiTensor *q = qi_scratch (s, QI_DTYPE_F32, n, width), *k = qi_scratch (s, QI_DTYPE_F32, n, width), *v;
  const QiTensor *normed = qi_rms_norm (s, x, block->norm1, EPS);

  if (block->qkv.weight)
    {
      const QiTensor *qkv = qi_linear (s, normed, &block->qkv, QI_ACT_NONE);

      qi_norm_rope_into (s, q, qi_slice_columns (s, qkv, 0, width), c->n_heads, NULL, 0, &shared->rope);
      qi_norm_rope_into (s, k, qi_slice_columns (s, qkv, width, width), c->n_heads, NULL, 0, &shared->rope);
      v = qi_slice_columns (s, qkv, 2 * width, width);
    }
  else
    {
      qi_norm_rope_into (s, q, qi_linear (s, normed, &block->q, QI_ACT_NONE), c->n_heads, NULL, 0, &shared->rope);
      qi_norm_rope_into (s, k, qi_linear (s, normed, &block->k, QI_ACT_NONE), c->n_heads, NULL, 0, &shared->rope);
      v = qi_linear (s, normed, &block->v, QI_ACT_NONE);
    }
  qi_linear_add_into (s, x, qi_attention (s, q, k, v, &attention), &block->proj, NULL);
  qi_stream_end_scope (s);
}

static void
feed_forward (QiStream *s, const Block *block, const QiTensor *x)
{
  qi_stream_begin_scope (s);
  const QiTensor *normed = qi_rms_norm (s, x, block->norm2, EPS);
  const QiTensor *gate = qi_linear (s, normed, &block->gate, QI_ACT_NONE);
  const QiTensor *up = qi_linear (s, normed, &block->up, QI_ACT_NONE);

  qi_linear_add_into (s, x, qi_swiglu (s, gate, up), &block->down, NULL);
  qi_stream_end_scope (s);
}

const QiTensor *
qi_vision_forward (const QiVision *vision, QiStream *s, const float *patches, const QiMergedGrid *grid, const QiTap *tap)
{
  const QiVisionConfig *c = &vision->config;
  const guint64 n = (guint64) grid->h * grid->w, merged = 4 * (guint64) c->width;
  const QiTensor *result = qi_scratch (s, QI_DTYPE_F32, n, c->out_dim);
  Shared shared;

  qi_stream_begin_scope (s);
  share (vision, s, grid, &shared);
  const QiTensor *x = qi_scratch (s, QI_DTYPE_F32, 4 * n, c->width);

  qi_stream_begin_scope (s);
  const QiTensor *embedded = embed_patches (vision, s, patches, 4 * n);

  qi_tap (tap, s, embedded, "vis.patch_embed");
  qi_copy_into (s, x, qi_embed_rows (s, qi_view_as (s, embedded, n, merged), shared.order));
  qi_stream_end_scope (s);
  for (guint i = 0; i < c->n_layers; i++)
    {
      attend (s, c, &vision->blocks[i], x, &shared, c->full_attention[i]);
      feed_forward (s, &vision->blocks[i], x);
      qi_tap_n (tap, s, x, "vis.block%u", i);
    }

  const QiTensor *normed = qi_view_as (s, qi_rms_norm (s, x, vision->merger_norm, EPS), n, merged);
  const QiTensor *y = qi_linear (s, qi_linear (s, normed, &vision->merge[0], QI_ACT_GELU_ERF), &vision->merge[1], QI_ACT_NONE);

  qi_tap (tap, s, y, "vis.merger_window_order");
  qi_copy_into (s, result, qi_embed_rows (s, y, shared.place));
  qi_tap (tap, s, result, "vis.embeds");
  qi_stream_end_scope (s);
  return result;
}

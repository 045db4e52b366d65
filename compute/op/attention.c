/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/op.h"

#include <math.h>
#include <string.h>

#include "compute/op/forms.h"
#include "compute/stream.h"
#include "shaders/push.h"

#define STEP 4 /* as in attention.comp */

/* What attention_panels.comp's workgroups keep in memory at a time; more comes in several dispatches. */
#define WORK_BYTES (G_GUINT64_CONSTANT (32) << 20)

/* How a workgroup cuts its work; figures: docs/performance.md. */
typedef struct
{
  guint lanes, rows, keys; /* threads, query rows, keys of a block */
  guint keys_per_lane, columns_per_lane;
  QiKernel kernel; /* the two above are the scalar row's */
  guint columns;   /* on matrix units: d in whole products */
} Tile;

typedef struct
{
  QiForm q, k, v; /* rows of one head each */
  const QiTensor *y;
  const QiAttention *attention;
  guint64 n_q, n_k, d, key_window;
  Tile tile;
  guint64 rows, heads;      /* of a dispatch, at most */
  const QiTensor *work;     /* of a dispatch's workgroups, for QI_KERNEL_PANELS */
  const QiTensor *state[2]; /* [n_q, heads, d + 2], what one window of keys hands to the next; NULL: one window */
} Job;

static Tile
choose_tile (const QiDeviceInfo *info, guint64 n_q, guint64 d)
{
  const gboolean software = info->type == QI_DEVICE_SOFTWARE;
  Tile t = { .lanes = software ? info->subgroup_size : 128, .rows = software ? 24 : 16 };
  guint64 row_bytes;

  t.keys_per_lane = t.columns_per_lane = software ? 4 : 1;
  t.keys = MAX (t.lanes * t.keys_per_lane, 64);
  /* q and accumulators, scores, and five values a row. */
  row_bytes = 4 * ((d + STEP - 1) / STEP * STEP + d + t.keys + 1 + 5);
  t.rows = CLAMP (info->shared_bytes / row_bytes, 1, t.rows);
  /* Few queries: a small tile, of few sizes since each is a pipeline. */
  while (t.rows > 4 && t.rows / 2 >= n_q)
    t.rows /= 2;
  return t;
}

/* Bytes of shared memory that attention.comp takes with MATRIX. */
static guint64
matrix_bytes (const Tile *t)
{
  const guint64 operand_row = t->columns * 2 + 16;

  return (t->rows + t->keys) * operand_row + t->rows * (t->keys + 8) * 2 + t->rows * (t->keys + 4) * 4 + t->rows * t->columns * 4 +
         (6 * t->rows + 2 * t->keys) * 4;
}

/* FALSE where heads are too wide for shared memory. Not measured on any GPU. */
static gboolean
choose_matrix_tile (const QiDeviceInfo *info, guint64 n_q, guint64 d, Tile *t)
{
  const guint side = MAX (info->coopmat_n, info->coopmat_k), step = MAX (side, 32);

  *t = (Tile){ .lanes = info->subgroup_size * (info->type == QI_DEVICE_SOFTWARE ? 2 : 4), .rows = 2 * info->coopmat_m, .keys = step,
               .kernel = QI_KERNEL_COOPMAT, .columns = (d + side - 1) / side * side };
  if (n_q <= info->coopmat_m || matrix_bytes (t) > info->shared_bytes)
    t->rows = info->coopmat_m;
  return matrix_bytes (t) <= info->shared_bytes;
}

/* One subgroup; a row of the panels that it works on is a query row of each of its lanes. */
static Tile
panels_tile (const QiDeviceInfo *info)
{
  return (Tile){ .lanes = info->subgroup_size, .rows = QI_PANEL_ROWS, .keys = 256, .kernel = QI_KERNEL_PANELS };
}

/* Bytes of work to a query row of a head: itself, its sums, its scores of a block. */
static guint64
work_row_bytes (const Job *job)
{
  return (2 * job->d + job->tile.keys) * 4;
}

/* A tile's constants in the order of the shader. */
static void
take_tile (const QiDeviceInfo *info, const Job *job, QiDispatch *d)
{
  static const QiShaderId shaders[QI_N_KERNELS] = { [QI_KERNEL_SCALAR] = QI_SHADER_ATTENTION,
                                                    [QI_KERNEL_COOPMAT] = QI_SHADER_ATTENTION_COOPMAT,
                                                    [QI_KERNEL_PANELS] = QI_SHADER_ATTENTION_PANELS };
  const Tile *t = &job->tile;
  const guint32 common[] = { t->lanes, job->d, t->rows, t->keys, job->attention->ranges != NULL };
  const guint32 matrix[] = { info->coopmat_m, info->coopmat_n, info->coopmat_k, t->columns };
  const guint32 lanes[] = { t->keys_per_lane, t->columns_per_lane };

  memcpy (d->spec, common, sizeof common);
  if (t->kernel == QI_KERNEL_COOPMAT)
    memcpy (d->spec + G_N_ELEMENTS (common), matrix, sizeof matrix);
  else if (t->kernel == QI_KERNEL_PANELS)
    d->spec[G_N_ELEMENTS (common)] = t->lanes;
  else
    memcpy (d->spec + G_N_ELEMENTS (common), lanes, sizeof lanes);
  d->shader = shaders[t->kernel];
  d->n_spec = qi_shader_table[d->shader].n_spec;
  d->n_args = qi_shader_table[d->shader].n_bindings;
}

static QiArg
rows_of (const QiTensor *t, guint64 row_bytes, guint64 first, guint64 n)
{
  return t ? (QiArg){ t, first * row_bytes, n * row_bytes } : (QiArg){ 0 };
}

/* The arguments in the order of attention_panels.comp: first those that go by their addresses. */
static void
take_addresses (const Job *job, QiDispatch *d)
{
  const QiArg work = rows_of (job->work, work_row_bytes (job), 0, d->groups[0] * job->tile.rows * d->groups[1]);
  const QiArg args[] = { d->args[1], d->args[2], work, d->args[0], d->args[3], d->args[4], d->args[5] };

  memcpy (d->args, args, sizeof args);
  d->address_at = offsetof (struct QiPushAttention, k_low);
  d->n_addresses = 3;
}

/* Query rows [first, first + n) and heads [head, head + n_heads) with the window of keys that begins at key. */
static void
attend (QiStream *s, const Job *job, guint64 first, guint64 n, guint head, guint n_heads, guint64 key)
{
  const QiAttention *a = job->attention;
  const guint64 width = a->n_heads * job->d, heads = a->n_heads, kv_heads = a->n_kv_heads, n_k = MIN (job->key_window, job->n_k - key);
  const guint64 window = key / job->key_window, at = first * width * 4, bytes = n * width * 4;
  const guint64 state_row = a->n_heads * (job->d + 2) * 4;
  const gboolean last = key + n_k == job->n_k;
  const QiArg old_state = { key ? job->state[window & 1] : NULL, first * state_row, key ? n * state_row : 0 };
  const QiArg new_state = { job->state[(window + 1) & 1], first * state_row, n * state_row };
  const QiArg y = { job->y, at, bytes };
  const struct QiPushAttention push = { .n_q = n,
                                        .n_k = n_k,
                                        .key_first = key,
                                        .causal = a->causal ? first + 1 + job->n_k - job->n_q : 0,
                                        .heads = a->n_heads,
                                        .kv_heads = a->n_kv_heads,
                                        .group = a->n_heads / a->n_kv_heads,
                                        .head_first = head,
                                        .has_state = key > 0,
                                        .last = last,
                                        .scale = a->scale > 0 ? a->scale : 1 / sqrt (job->d) };

  QiDispatch d = { .name = "attention",
                   .args = { rows_of (job->q.data, job->q.row_bytes, first * heads, n * heads),
                             rows_of (job->k.data, job->k.row_bytes, key * kv_heads, n_k * kv_heads),
                             rows_of (job->v.data, job->v.row_bytes, key * kv_heads, n_k * kv_heads),
                             rows_of (a->ranges, 8, first, n),
                             old_state,
                             last ? y : new_state,
                             rows_of (job->q.scale, 4, first * heads, n * heads),
                             rows_of (job->k.scale, 4, key * kv_heads, n_k * kv_heads),
                             rows_of (job->v.scale, 4, key * kv_heads, n_k * kv_heads) },
                   .push = &push,
                   .push_bytes = sizeof push,
                   .groups = { (n + job->tile.rows - 1) / job->tile.rows, n_heads, 1 },
                   .flops = 4.0 * n * n_k * n_heads * job->d };

  take_tile (qi_stream_device_info (s), job, &d);
  if (job->tile.kernel == QI_KERNEL_PANELS)
    take_addresses (job, &d);
  qi_stream_dispatch (s, &d);
}

/* As many rows as a dispatch may hold; where that is less than a tile, fewer heads. */
static void
choose_window (QiStream *s, Job *job)
{
  const guint heads = job->attention->n_heads, step = job->tile.rows;
  const double flops_per_row = 4.0 * job->key_window * job->d; /* of one head */
  const guint64 fit = qi_stream_window (s, job->n_q, heads * (job->d + 2) * 4, 0, step);
  const guint64 quick = qi_stream_window (s, job->n_q, 0, heads * flops_per_row, step);
  const guint64 work = MAX (WORK_BYTES / (heads * work_row_bytes (job)) / step, 1) * step;

  job->rows = MIN (fit, MAX (quick, step));
  if (job->tile.kernel == QI_KERNEL_PANELS)
    job->rows = MIN (job->rows, work);
  job->heads = qi_stream_window (s, heads, 0, job->rows * flops_per_row, 1);
}

/* All windows of one range of keys. */
static void
attend_keys (QiStream *s, const Job *job, guint64 key)
{
  const guint heads = job->attention->n_heads;

  for (guint64 first = 0; first < job->n_q; first += job->rows)
    for (guint head = 0; head < heads; head += job->heads)
      attend (s, job, first, MIN (job->rows, job->n_q - first), head, MIN (job->heads, heads - head), key);
}

/* The row that takes it, its tile, and q, k and v in the form that it reads. */
static void
prepare (QiStream *s, Job *job, const QiTensor *q, const QiTensor *k, const QiTensor *v)
{
  const QiDeviceInfo *info = qi_stream_device_info (s);
  const QiAttention *a = job->attention;
  const QiTensor *all[] = { q, k, v };
  QiForm *forms[] = { &job->q, &job->k, &job->v };
  const QiKernel kernel = qi_kernels_for_attention (qi_stream_kernels (s), info, job->n_q, job->d, qi_stream_compute (s));
  const gboolean matrix = kernel == QI_KERNEL_COOPMAT && choose_matrix_tile (info, job->n_q, job->d, &job->tile);

  if (!matrix)
    job->tile = kernel == QI_KERNEL_PANELS ? panels_tile (info) : choose_tile (info, job->n_q, job->d);
  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    {
      const QiTensor *heads = qi_view_as (s, all[i], qi_tensor_rows (all[i]) * (i ? a->n_kv_heads : a->n_heads), job->d);

      *forms[i] = matrix ? qi_form_f16_scaled (s, heads) : qi_form_stored (heads);
    }
}

const QiTensor *
qi_attention (QiStream *s, const QiTensor *q, const QiTensor *k, const QiTensor *v, const QiAttention *attention)
{
  const guint64 width = qi_tensor_dim (q, -1);
  Job job = { .attention = attention, .n_q = qi_tensor_rows (q), .n_k = qi_tensor_rows (k), .d = width / MAX (attention->n_heads, 1) };
  const guint64 kv_width = job.d * attention->n_kv_heads;

  g_return_val_if_fail (attention->n_heads > 0 && attention->n_kv_heads > 0, NULL);
  g_return_val_if_fail (attention->n_heads % attention->n_kv_heads == 0 && width % attention->n_heads == 0, NULL);
  g_return_val_if_fail (qi_tensor_dim (k, -1) == kv_width && qi_tensor_dim (v, -1) == kv_width, NULL);
  g_return_val_if_fail (qi_tensor_rows (v) == job.n_k && (!attention->causal || job.n_k >= job.n_q), NULL);
  g_return_val_if_fail (!attention->ranges || qi_tensor_elements (attention->ranges) == 2 * job.n_q, NULL);

  job.y = qi_scratch (s, QI_DTYPE_F32, job.n_q, width);
  qi_stream_begin_scope (s);
  prepare (s, &job, q, k, v);
  job.key_window = qi_stream_window (s, job.n_k, kv_width * 4, 0, job.tile.keys);
  if (job.key_window < job.n_k)
    for (guint i = 0; i < 2; i++)
      job.state[i] = qi_scratch (s, QI_DTYPE_F32, job.n_q, attention->n_heads, job.d + 2);
  choose_window (s, &job);
  if (job.tile.kernel == QI_KERNEL_PANELS)
    job.work = qi_scratch (s, QI_DTYPE_F32, (job.rows + job.tile.rows - 1) / job.tile.rows * job.tile.rows * job.heads,
                           work_row_bytes (&job) / 4);
  for (guint64 key = 0; key < job.n_k; key += job.key_window)
    attend_keys (s, &job, key);
  qi_stream_end_scope (s);
  return job.y;
}

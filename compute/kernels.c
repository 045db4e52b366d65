/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/kernels.h"

#include <string.h>

#include "base/error.h"
#include "compute/stream-private.h"

#define ANY_WEIGHT ((1u << QI_N_WEIGHT_DTYPES) - 1)
#define BLOCKS_32                                                                                                             \
  (1u << QI_DTYPE_Q4_0 | 1u << QI_DTYPE_Q4_1 | 1u << QI_DTYPE_Q5_0 | 1u << QI_DTYPE_Q5_1 | 1u << QI_DTYPE_Q8_0 |               \
   1u << QI_DTYPE_IQ4_NL)
#define BLOCKS_256                                                                                                            \
  (1u << QI_DTYPE_Q2_K | 1u << QI_DTYPE_Q3_K | 1u << QI_DTYPE_Q4_K | 1u << QI_DTYPE_Q5_K | 1u << QI_DTYPE_Q6_K |               \
   1u << QI_DTYPE_IQ4_XS)
#define SOFTWARE (1u << QI_DEVICE_SOFTWARE)
#define GPU (1u << QI_DEVICE_DISCRETE | 1u << QI_DEVICE_INTEGRATED | 1u << QI_DEVICE_OTHER)

static const struct
{
  const char *name;
  const char *lacks;   /* what a device that does not offer it lacks */
  guint32 computes;    /* bits of QiCompute that it serves */
} rows[QI_N_KERNELS] = {
  [QI_KERNEL_SCALAR] = { "scalar", "", 1u << QI_COMPUTE_F32 | 1u << QI_COMPUTE_F16 },
  [QI_KERNEL_COOPMAT] = { "coopmat", "matrix units for f16 with f32 sums (VK_KHR_cooperative_matrix in compute shaders, subgroup scope)",
                          1u << QI_COMPUTE_F16 },
  [QI_KERNEL_DOT] = { "dot", "dot products of 8-bit numbers (shaderIntegerDotProduct)",
                      1u << QI_COMPUTE_F32 | 1u << QI_COMPUTE_F16 },
  [QI_KERNEL_COOPMAT2] = { "coopmat2", "VK_NV_cooperative_matrix2", 1u << QI_COMPUTE_F16 },
  [QI_KERNEL_PANELS] = { "panels", "a processor that stands in for a GPU, in subgroups of 4, 8 or 16", 1u << QI_COMPUTE_F32 },
};

/* Who takes a multiplication, first match first; what nobody wants is scalar. The dot row is in no line: what rounding x
 * to 8 bits costs is outside the limits of the golden cases (docs/performance.md). Nor is coopmat2, before the golden cases have
 * passed on a device that offers it: what no device has run is not chosen. On software devices matrix units are emulated, and slower
 * than anything else. */
static const struct
{
  guint32 devices; /* bits of QiDeviceType */
  guint64 from_rows, from_columns, from_depth; /* m, n, k at least */
  guint32 weights; /* bits of QiDtype */
  QiKernel kernel;
} choices[] = {
  { GPU, 8, 16, 16, ANY_WEIGHT, QI_KERNEL_COOPMAT },
  /* From where expanding the weight pays; block types would be expanded from there on for the scalar row too. */
  { SOFTWARE, 32, 32, QI_PANEL_DEPTH, BLOCKS_256, QI_KERNEL_PANELS },
  { SOFTWARE, 48, 32, QI_PANEL_DEPTH, BLOCKS_32, QI_KERNEL_PANELS },
  { SOFTWARE, 128, 32, QI_PANEL_DEPTH, ANY_WEIGHT, QI_KERNEL_PANELS },
};

const char *
qi_kernel_name (QiKernel kernel)
{
  return rows[kernel].name;
}

gboolean
qi_kernel_serves (QiKernel kernel, QiCompute compute)
{
  return (rows[kernel].computes & 1u << compute) != 0;
}

/* On a GPU what the shader does to get plain loads is only in the way. */
static gboolean
offers_panels (const QiDeviceInfo *info)
{
  return info->type == QI_DEVICE_SOFTWARE && (info->subgroup_size == 4 || info->subgroup_size == 8 || info->subgroup_size == 16);
}

static guint32
offered (const QiDeviceInfo *info)
{
  return QI_KERNEL_BIT (QI_KERNEL_SCALAR) | (info->coopmat ? QI_KERNEL_BIT (QI_KERNEL_COOPMAT) : 0) |
         (info->integer_dot ? QI_KERNEL_BIT (QI_KERNEL_DOT) : 0) | (info->coopmat2 ? QI_KERNEL_BIT (QI_KERNEL_COOPMAT2) : 0) |
         (offers_panels (info) ? QI_KERNEL_BIT (QI_KERNEL_PANELS) : 0);
}

const QiKernels *
qi_stream_kernels (const QiStream *s)
{
  return &s->device->kernels;
}

const QiTiles *
qi_stream_tiles (const QiStream *s)
{
  return &s->device->tiles;
}

/* What keeps the device from offering the row. coopmat2 builds on coopmat, and its extension is there in parts on some. */
static const char *
lacking (const QiDeviceInfo *info, QiKernel kernel)
{
  if (kernel == QI_KERNEL_COOPMAT2 && !info->coopmat)
    return rows[QI_KERNEL_COOPMAT].lacks;
  return kernel == QI_KERNEL_COOPMAT2 && *info->coopmat2_lacks ? info->coopmat2_lacks : rows[kernel].lacks;
}

gboolean
qi_kernels_init (QiKernels *kernels, const QiDeviceInfo *info, const char *forced, GError **error)
{
  *kernels = (QiKernels){ .offered = offered (info), .forced = -1 };
  if (!forced || !*forced)
    return TRUE;
  for (guint i = 0; i < QI_N_KERNELS; i++)
    if (strcmp (forced, rows[i].name) == 0)
      kernels->forced = (int) i;
  if (kernels->forced < 0)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST,
                 "QI_KERNELS asks for kernels called “%.40s”; there are scalar, coopmat, dot, coopmat2 and panels", forced);
  else if (!(kernels->offered & QI_KERNEL_BIT (kernels->forced)))
    g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED, "QI_KERNELS asks for the kernels “%s”, but %s lacks %s", forced, info->name,
                 lacking (info, (QiKernel) kernels->forced));
  else
    return TRUE;
  return FALSE;
}

static gboolean
usable (const QiKernels *kernels, QiKernel kernel)
{
  return (kernels->offered & ~kernels->failed & QI_KERNEL_BIT (kernel)) != 0;
}

/* Whether the row can take a product of this size and these types. */
static gboolean
takes (QiKernel kernel, const QiProduct *product)
{
  return qi_kernel_serves (kernel, product->compute) && (kernel != QI_KERNEL_PANELS || product->k % QI_PANEL_DEPTH == 0);
}

QiKernel
qi_kernels_for_linear (const QiKernels *kernels, const QiDeviceInfo *info, const QiProduct *product)
{
  if (kernels->forced >= 0)
    return takes ((QiKernel) kernels->forced, product) ? (QiKernel) kernels->forced : QI_KERNEL_SCALAR;
  for (guint i = 0; i < G_N_ELEMENTS (choices); i++)
    if (choices[i].devices & 1u << info->type && choices[i].weights & 1u << product->weight &&
        takes (choices[i].kernel, product) && usable (kernels, choices[i].kernel) &&
        product->m >= choices[i].from_rows && product->n >= choices[i].from_columns && product->k >= choices[i].from_depth)
      return choices[i].kernel;
  return QI_KERNEL_SCALAR;
}

/* Attention has rows for lanes, for matrix units and for a processor's vectors, which computes in f32 whatever is asked for, as the
 * scalar row does. Few queries waste a tile. */
static const struct
{
  guint32 devices;
  guint64 from_queries;
  QiKernel kernel;
} attention_choices[] = {
  { GPU, 8, QI_KERNEL_COOPMAT },
  { SOFTWARE, 12, QI_KERNEL_PANELS },
};

static gboolean
takes_attention (QiKernel kernel, guint64 d, QiCompute compute)
{
  return (kernel == QI_KERNEL_COOPMAT && qi_kernel_serves (kernel, compute)) ||
         (kernel == QI_KERNEL_PANELS && d % QI_PANEL_DEPTH == 0);
}

QiKernel
qi_kernels_for_attention (const QiKernels *kernels, const QiDeviceInfo *info, guint64 n_q, guint64 d, QiCompute compute)
{
  if (kernels->forced >= 0)
    return takes_attention ((QiKernel) kernels->forced, d, compute) ? (QiKernel) kernels->forced : QI_KERNEL_SCALAR;
  for (guint i = 0; i < G_N_ELEMENTS (attention_choices); i++)
    if (attention_choices[i].devices & 1u << info->type && n_q >= attention_choices[i].from_queries &&
        usable (kernels, attention_choices[i].kernel) && takes_attention (attention_choices[i].kernel, d, compute))
      return attention_choices[i].kernel;
  return QI_KERNEL_SCALAR;
}

guint32
qi_kernels_in_use (const QiKernels *kernels, const QiDeviceInfo *info)
{
  guint32 bits = QI_KERNEL_BIT (QI_KERNEL_SCALAR);

  if (kernels->forced >= 0)
    return bits | QI_KERNEL_BIT (kernels->forced);
  for (guint i = 0; i < G_N_ELEMENTS (choices); i++)
    if (choices[i].devices & 1u << info->type && kernels->offered & QI_KERNEL_BIT (choices[i].kernel))
      bits |= QI_KERNEL_BIT (choices[i].kernel);
  return bits;
}

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/picture/resize.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

typedef double (*Kernel) (double x);

static double
sinc (double x)
{
  return x == 0 ? 1 : sin (x * G_PI) / (x * G_PI);
}

static double
lanczos (double x)
{
  return -3 <= x && x < 3 ? sinc (x) * sinc (x / 3) : 0;
}

static double
bicubic (double x)
{
  const double a = -0.5;

  x = fabs (x);
  if (x < 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static const struct
{
  Kernel kernel;
  double support;
  guint bits; /* of the weights' fraction; 0: as many as fit 16 bits */
} filters[] = {
  [QI_RESIZE_LANCZOS] = { lanczos, 3, 22 },
  [QI_RESIZE_BICUBIC] = { bicubic, 2, 22 },
  [QI_RESIZE_BICUBIC_TENSOR] = { bicubic, 2, 0 },
};

/* One pass: each of n_out values from n taps. */
typedef struct
{
  guint n_out, n_taps; /* weights: [n_out, n_taps] */
  guint *first, *n;    /* [n_out] */
  gint32 *weights;
  guint bits;
} Pass;

static void
pass_clear (Pass *pass)
{
  g_free (pass->first);
  g_free (pass->n);
  g_free (pass->weights);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pass, pass_clear)

/* The first and the number of the taps of value i, and their weights, whose sum is 1. */
static void
weigh (Pass *pass, guint i, guint n_in, QiResize how, double *weights)
{
  const double scale = (double) n_in / pass->n_out, stretch = MAX (scale, 1);
  const double support = filters[how].support * stretch, center = (i + 0.5) * scale, shrink = 1 / stretch;
  const int from = MAX ((int) (center - support + 0.5), 0), to = MIN ((int) (center + support + 0.5), (int) n_in);
  double sum = 0;

  pass->first[i] = (guint) from;
  pass->n[i] = (guint) (to - from);
  for (int tap = 0; tap < to - from; tap++)
    sum += weights[tap] = filters[how].kernel ((tap + from - center + 0.5) * shrink);
  for (int tap = 0; tap < to - from && sum != 0; tap++)
    weights[tap] /= sum;
}

/* As many bits as torch's kernel for bytes takes, whose weights are 16 bits wide. */
static guint
tensor_bits (double largest)
{
  guint bits = 0;

  while (bits < 22 && (int) (0.5 + largest * (1 << (bits + 1))) < (1 << 15))
    bits++;
  return bits;
}

static gboolean
pass_init (Pass *pass, guint n_in, guint n_out, QiResize how)
{
  const double support = filters[how].support * MAX ((double) n_in / n_out, 1);
  const gsize n_taps = (gsize) ceil (support) * 2 + 1;
  g_autofree double *weights = g_try_new0 (double, n_out * n_taps);
  double largest = 0;

  *pass = (Pass){ .n_out = n_out, .n_taps = (guint) n_taps };
  pass->first = g_try_new (guint, n_out);
  pass->n = g_try_new (guint, n_out);
  pass->weights = g_try_new0 (gint32, n_out * n_taps);
  if (!weights || !pass->first || !pass->n || !pass->weights)
    return FALSE;
  for (guint i = 0; i < n_out; i++)
    weigh (pass, i, n_in, how, weights + i * n_taps);
  for (gsize i = 0; i < n_out * n_taps; i++)
    largest = MAX (largest, weights[i]);
  pass->bits = filters[how].bits ? filters[how].bits : tensor_bits (largest);
  for (gsize i = 0; i < n_out * n_taps; i++)
    pass->weights[i] = (gint32) (weights[i] * (1 << pass->bits) + (weights[i] < 0 ? -0.5 : 0.5));
  return TRUE;
}

static guint8
rounded (gint64 sum, guint bits)
{
  return (guint8) CLAMP ((sum + (1 << (bits - 1))) >> bits, 0, 255);
}

/* to: [height, pass->n_out, channels], from rows of width pixels */
static void
run_horizontal (const Pass *pass, guint8 *to, const guint8 *from, gsize stride, guint height, guint channels)
{
  for (guint y = 0; y < height; y++, from += stride)
    for (guint x = 0; x < pass->n_out; x++)
      {
        const guint8 *taps = from + (gsize) pass->first[x] * channels;
        const gint32 *weights = pass->weights + (gsize) x * pass->n_taps;

        for (guint c = 0; c < channels; c++)
          {
            gint64 sum = 0;

            for (guint t = 0; t < pass->n[x]; t++)
              sum += (gint64) weights[t] * taps[t * channels + c];
            *to++ = rounded (sum, pass->bits);
          }
      }
}

/* to: [pass->n_out, row], row values side by side */
static gboolean
run_vertical (const Pass *pass, guint8 *to, const guint8 *from, gsize stride, gsize row)
{
  g_autofree gint64 *sums = g_try_new (gint64, row);

  if (!sums)
    return FALSE;
  for (guint y = 0; y < pass->n_out; y++, to += row)
    {
      memset (sums, 0, row * sizeof *sums);
      for (guint t = 0; t < pass->n[y]; t++)
        {
          const guint8 *tap = from + (pass->first[y] + t) * stride;
          const gint64 weight = pass->weights[(gsize) y * pass->n_taps + t];

          for (gsize i = 0; i < row; i++)
            sums[i] += weight * tap[i];
        }
      for (gsize i = 0; i < row; i++)
        to[i] = rounded (sums[i], pass->bits);
    }
  return TRUE;
}

static QiImage *
take_pixels (guint width, guint height, guint channels, guint8 *pixels)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, (gsize) width * height * channels);

  return qi_image_new (width, height, channels, (gsize) width * channels, bytes);
}

static guint8 *
new_pixels (guint width, guint height, guint channels)
{
  return (guint64) width * height > G_MAXSIZE / 8 ? NULL : g_try_malloc ((gsize) width * height * channels);
}

/* Straight to premultiplied, and back, as PIL rounds. NULL: no memory. */
static QiImage *
premultiply (const QiImage *image)
{
  const guint width = qi_image_width (image), height = qi_image_height (image);
  guint8 *pixels = new_pixels (width, height, 4), *to = pixels;

  for (guint y = 0; pixels && y < height; y++)
    {
      const guint8 *from = qi_image_row (image, y);

      for (guint x = 0; x < width; x++, from += 4, to += 4)
        {
          for (guint c = 0; c < 3; c++)
            {
              const guint t = from[c] * from[3] + 128u;

              to[c] = (guint8) (((t >> 8) + t) >> 8);
            }
          to[3] = from[3];
        }
    }
  return pixels ? take_pixels (width, height, 4, pixels) : NULL;
}

static void
unpremultiply (guint8 *pixels, gsize n)
{
  for (gsize i = 0; i < n; i++, pixels += 4)
    if (pixels[3] != 0 && pixels[3] != 255)
      for (guint c = 0; c < 3; c++)
        pixels[c] = (guint8) MIN (255u * pixels[c] / pixels[3], 255u);
}

static guint8 *
resize_horizontal (const QiImage *image, guint width, QiResize how)
{
  const guint height = qi_image_height (image), channels = qi_image_channels (image);
  g_auto (Pass) pass = { 0 };
  guint8 *pixels = new_pixels (width, height, channels);

  if (!pixels || !pass_init (&pass, qi_image_width (image), width, how))
    {
      g_free (pixels);
      return NULL;
    }
  run_horizontal (&pass, pixels, qi_image_row (image, 0), qi_image_stride (image), height, channels);
  return pixels;
}

static guint8 *
resize_vertical (const QiImage *image, guint height, QiResize how)
{
  const guint width = qi_image_width (image), channels = qi_image_channels (image);
  g_auto (Pass) pass = { 0 };
  guint8 *pixels = new_pixels (width, height, channels);

  if (pixels && pass_init (&pass, qi_image_height (image), height, how)
      && run_vertical (&pass, pixels, qi_image_row (image, 0), qi_image_stride (image), (gsize) width * channels))
    return pixels;
  g_free (pixels);
  return NULL;
}

/* Both passes; one whose size does not change is left out. NULL: no memory. */
static QiImage *
resize (QiImage *image, guint width, guint height, QiResize how)
{
  const guint channels = qi_image_channels (image);
  g_autoptr (QiImage) wide = NULL;
  guint8 *pixels;

  if (width != qi_image_width (image))
    {
      pixels = resize_horizontal (image, width, how);
      wide = pixels ? take_pixels (width, qi_image_height (image), channels, pixels) : NULL;
    }
  else
    wide = qi_image_ref (image);
  if (!wide || height == qi_image_height (image))
    return g_steal_pointer (&wide);
  pixels = resize_vertical (wide, height, how);
  return pixels ? take_pixels (width, height, channels, pixels) : NULL;
}

/* Its pixels once more, straight. NULL: no memory. */
static QiImage *
straighten (QiImage *image)
{
  const guint width = qi_image_width (image), height = qi_image_height (image);
  guint8 *pixels = new_pixels (width, height, 4);

  if (!pixels)
    return NULL;
  memcpy (pixels, qi_image_row (image, 0), (gsize) width * height * 4); /* ours: without gaps */
  unpremultiply (pixels, (gsize) width * height);
  return take_pixels (width, height, 4, pixels);
}

QiImage *
qi_image_resize (QiImage *image, guint width, guint height, QiResize how, GError **error)
{
  g_return_val_if_fail (width > 0 && height > 0 && how < G_N_ELEMENTS (filters), NULL);

  if (width == qi_image_width (image) && height == qi_image_height (image))
    return qi_image_ref (image);

  const gboolean alpha = qi_image_channels (image) == 4;
  g_autoptr (QiImage) source = alpha ? premultiply (image) : qi_image_ref (image);
  g_autoptr (QiImage) resized = source ? resize (source, width, height, how) : NULL;
  QiImage *result = resized && alpha ? straighten (resized) : g_steal_pointer (&resized);

  if (!result)
    g_set_error (error, QI_ERROR, QI_ERROR_OUT_OF_MEMORY,
                 "There is not enough memory to resize a picture of %u × %u pixels to %u × %u.", qi_image_width (image),
                 qi_image_height (image), width, height);
  return result;
}

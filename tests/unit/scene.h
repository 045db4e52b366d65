/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* A picture like a photo, given at every place and not only at pixels: shapes with soft light, texture and edges. So
 * what it looks like when moved or zoomed is known exactly. Deterministic. */
#pragma once
#include <glib.h>
#include <math.h>

#include "base/image.h"
#include "compose/pixels.h"

static inline float
scene_hash (gint32 x, gint32 y, guint32 seed)
{
  guint32 h = (guint32) x * 0x9e3779b1u ^ (guint32) y * 0x85ebca77u ^ seed * 0xc2b2ae3du;

  h = (h ^ h >> 15) * 0x2c1b3c6du;
  h = (h ^ h >> 12) * 0x297a2d39u;
  return (float) (h ^ h >> 15) / 4294967296.f;
}

/* Smooth noise of one wavelength, 0–1. */
static inline float
scene_noise (double x, double y, guint32 seed)
{
  const double fx = floor (x), fy = floor (y);
  const float u = (float) (x - fx), v = (float) (y - fy);
  const float su = u * u * u * (u * (6 * u - 15) + 10), sv = v * v * v * (v * (6 * v - 15) + 10);
  const gint32 ix = (gint32) fx, iy = (gint32) fy;
  const float a = scene_hash (ix, iy, seed), b = scene_hash (ix + 1, iy, seed);
  const float c = scene_hash (ix, iy + 1, seed), d = scene_hash (ix + 1, iy + 1, seed);

  return (a + (b - a) * su) * (1 - sv) + (c + (d - c) * su) * sv;
}

static inline float
scene_step (float v, float at, float soft)
{
  const float t = CLAMP ((v - at) / soft + 0.5f, 0, 1);

  return t * t * (3 - 2 * t);
}

/* Values 0–255, between 20 and 235, at place (x, y) in pixels. */
static inline void
scene_at (double x, double y, guint32 seed, float rgb[3])
{
  const float large = scene_noise (x / 150, y / 150, seed), middle = scene_noise (x / 47, y / 47, seed + 1);
  const float small = scene_noise (x / 15, y / 15, seed + 2), fine = scene_noise (x / 5, y / 5, seed + 3);
  const float edge = scene_step (0.6f * middle + 0.4f * small, 0.5f, 0.05f);
  const float light = 0.45f * large + 0.2f * middle + 0.1f * small + 0.08f * fine;

  rgb[0] = 20 + 215 * CLAMP (light + 0.25f * edge, 0, 1);
  rgb[1] = 20 + 215 * CLAMP (light + 0.12f * edge + 0.1f * middle, 0, 1);
  rgb[2] = 20 + 215 * CLAMP (0.9f * light + 0.2f * (1 - edge), 0, 1);
}

/* The scene as seen when things lie (dx, dy) further on and are zoom times as large about the middle. (transfer full) */
static inline QiImage *
scene_picture (guint width, guint height, guint32 seed, double dx, double dy, double zoom)
{
  guint8 *pixels = qi_pixels_alloc (width, height, 3);

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        const double cx = width / 2.0, cy = height / 2.0;
        float rgb[3];

        scene_at (cx + (x + 0.5 - dx - cx) / zoom, cy + (y + 0.5 - dy - cy) / zoom, seed, rgb);
        for (guint c = 0; c < 3; c++)
          pixels[((gsize) y * width + x) * 3 + c] = QI_CLAMP_BYTE (rgb[c]);
      }
  return qi_pixels_take (width, height, 3, pixels);
}

/* One channel: 255 within an ellipse, or, with feather, fading over so many pixels outwards of it. (transfer full) */
static inline QiImage *
scene_ellipse (guint width, guint height, double cx, double cy, double rx, double ry, double feather)
{
  guint8 *pixels = qi_pixels_alloc (width, height, 1);

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      {
        const double d = (hypot ((x + 0.5 - cx) / rx, (y + 0.5 - cy) / ry) - 1) * MIN (rx, ry);
        const double t = feather > 0 ? CLAMP (1 - d / feather, 0, 1) : d <= 0;

        pixels[(gsize) y * width + x] = (guint8) (255 * t + 0.5);
      }
  return qi_pixels_take (width, height, 1, pixels);
}

/* Other pixels where mask is more than half. (transfer full) */
static inline QiImage *
scene_replace (const QiImage *picture, const QiImage *mask, const QiImage *other)
{
  const guint width = qi_image_width (picture), height = qi_image_height (picture);
  guint8 *pixels = qi_pixels_alloc (width, height, 3);

  for (guint y = 0; y < height; y++)
    for (guint x = 0; x < width; x++)
      for (guint c = 0; c < 3; c++)
        pixels[((gsize) y * width + x) * 3 + c]
          = qi_image_row (qi_image_row (mask, y)[x] > 127 ? other : picture, y)[3 * x + c];
  return qi_pixels_take (width, height, 3, pixels);
}

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compose/register.h"

#include <math.h>
#include <string.h>

#include "compose/agreement.h"
#include "compose/plane.h"
#include "compose/solve.h"

/* A pyramid of both images; a few whole-pixel shifts and zooms tried at its top; the best few refined level by level by
 * Gauss-Newton on the difference of luminance, with weights that pass over what was really changed. */

#define MAX_LEVELS 8
#define TOP_SIDE 96          /* pixels of the coarsest level's longer side, at most */
#define SEARCH_PX 32.0       /* looked for so far: further than can be corrected, so that one can say how far it was */
#define SEARCH_ZOOM 0.08
#define CANDIDATES 4
#define MIN_CORRELATION 0.5  /* interfaces.md: else neither correction nor warning */
#define SURE_CORRELATION 0.7 /* to tell somebody that the picture moved */
#define MIN_CONTRAST 2.5     /* standard deviation of the ring's luminance, of 255 */
#define MIN_GRADIENT 0.5     /* rms levels a pixel in a direction; less, and a change of light looks like a shift */
#define MIN_RING 256         /* pixels */
#define NEGLIGIBLE_PX 0.1
#define ASKED_FOR_PX 3.0     /* without a mask: nobody asks for less, so that the model did it */

/* Pixels of the full size. A place p of picture is at centre + (p - centre) · (1 + zoom) + (x, y) in result. */
typedef struct
{
  double x, y, zoom;
  double score;
} Motion;

typedef struct
{
  guint n;
  QiPlane picture[MAX_LEVELS], result[MAX_LEVELS], ring[MAX_LEVELS];
} Pyramid;

static void
pyramid_clear (Pyramid *pyramid)
{
  for (guint i = 0; i < pyramid->n; i++)
    {
      qi_plane_clear (&pyramid->picture[i]);
      qi_plane_clear (&pyramid->result[i]);
      qi_plane_clear (&pyramid->ring[i]);
    }
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pyramid, pyramid_clear)

static gsize
ring_size (const QiPlane *ring)
{
  gsize n = 0;

  for (gsize i = 0; i < (gsize) ring->width * ring->height; i++)
    n += ring->values[i] > 0;
  return n;
}

static void
pyramid_make (Pyramid *p, const QiImage *picture, const QiImage *result, const QiImage *mask)
{
  p->picture[0] = qi_plane_luminance (picture);
  p->result[0] = qi_plane_luminance (result);
  p->ring[0] = qi_plane_ring (mask, p->picture[0].width, p->picture[0].height);
  for (p->n = 1; p->n < MAX_LEVELS; p->n++)
    {
      const guint i = p->n;

      if (MAX (p->picture[i - 1].width, p->picture[i - 1].height) <= TOP_SIDE
          || MIN (p->picture[i - 1].width, p->picture[i - 1].height) < 24)
        break;
      p->ring[i] = qi_plane_halve_ring (&p->ring[i - 1]);
      if (ring_size (&p->ring[i]) < MIN_RING)
        {
          qi_plane_clear (&p->ring[i]); /* a narrow ring shows nothing so far off */
          break;
        }
      p->picture[i] = qi_plane_halve (&p->picture[i - 1]);
      p->result[i] = qi_plane_halve (&p->result[i - 1]);
    }
}

/* -- comparing --------------------------------------------------------------------------------------- */

/* Where pixel (x, y) of level's picture is in its result, or FALSE when that is too near an edge to be read. */
static inline gboolean
moved (const QiPlane *result, const Motion *motion, double scale, guint x, guint y, float *u, float *v)
{
  const double cx = (result->width - 1) / 2.0, cy = (result->height - 1) / 2.0;

  *u = (float) (cx + (x - cx) * (1 + motion->zoom) + motion->x * scale);
  *v = (float) (cy + (y - cy) * (1 + motion->zoom) + motion->y * scale);
  return *u >= 1 && *v >= 1 && *u < result->width - 2 && *v < result->height - 2;
}

typedef struct
{
  double n, a, b, aa, bb, ab;
} Sums;

static double
correlation (const Sums *s)
{
  const double va = s->aa - s->a * s->a / s->n, vb = s->bb - s->b * s->b / s->n;

  return s->n > 0 && va > 1e-6 && vb > 1e-6 ? (s->ab - s->a * s->b / s->n) / sqrt (va * vb) : 0;
}

/* On the ring; every step-th pixel of every step-th row. */
static double
correlate (const Pyramid *p, guint level, const Motion *motion, guint step)
{
  const QiPlane *picture = &p->picture[level], *result = &p->result[level], *ring = &p->ring[level];
  const double scale = 1.0 / (1 << level);
  Sums s = { 0 };

  for (guint y = 0; y < picture->height; y += step)
    for (guint x = 0; x < picture->width; x += step)
      {
        const gsize i = (gsize) y * picture->width + x;
        float u, v;

        if (!ring->values[i] || !moved (result, motion, scale, x, y, &u, &v))
          continue;

        const float a = picture->values[i], b = qi_plane_cubic (result, u, v);

        s.n++;
        s.a += a;
        s.b += b;
        s.aa += a * a;
        s.bb += b * b;
        s.ab += a * b;
      }
  return correlation (&s);
}

/* -- the top of the pyramid: everything is tried ----------------------------------------------------- */

/* Keeps the best few, no two of them within a pixel of each other. */
static void
remember (Motion best[CANDIDATES], const Motion *motion, double apart)
{
  Motion now = *motion;

  for (guint i = 0; i < CANDIDATES; i++)
    {
      const gboolean same = fabs (best[i].x - now.x) < apart && fabs (best[i].y - now.y) < apart;

      if (now.score > best[i].score)
        {
          const Motion old = best[i];

          best[i] = now;
          if (same)
            return;
          now = old;
        }
      else if (same)
        return;
    }
}

/* Whole-pixel shifts of the top level's result, already zoomed. */
static void
try_shifts (const QiPlane *picture, const QiPlane *zoomed, const QiPlane *ring, int reach, double px, double zoom,
            Motion best[CANDIDATES])
{
  const int width = (int) picture->width, height = (int) picture->height;
  const double n_ring = ring_size (ring);

  for (int dy = -reach; dy <= reach; dy++)
    for (int dx = -reach; dx <= reach; dx++)
      {
        Sums s = { 0 };

        for (int y = MAX (0, -dy); y < MIN (height, height - dy); y++)
          for (int x = MAX (0, -dx); x < MIN (width, width - dx); x++)
            {
              const gsize i = (gsize) y * picture->width + (gsize) x;
              const float a = picture->values[i],
                          b = zoomed->values[(gsize) (y + dy) * picture->width + (gsize) (x + dx)];
              const float w = b >= 0 ? ring->values[i] : 0;

              s.n += w;
              s.a += w * a;
              s.b += w * b;
              s.aa += w * a * a;
              s.bb += w * b * b;
              s.ab += w * a * b;
            }
        if (s.n < 64 || s.n < n_ring / 3)
          continue;

        Motion motion = { dx * px, dy * px, zoom, 0 };

        /* Among equals the smallest motion: a picture of stripes does not tell how far it moved along them. */
        motion.score = correlation (&s) - 1e-3 * (hypot (motion.x, motion.y) / SEARCH_PX + fabs (zoom) / SEARCH_ZOOM);
        remember (best, &motion, 1.5 * px);
      }
}

static void
search (const Pyramid *p, Motion best[CANDIDATES])
{
  const guint top = p->n - 1;
  const QiPlane *picture = &p->picture[top], *result = &p->result[top];
  const double px = 1 << top; /* of the full size */
  const guint side = MAX (picture->width, picture->height);
  const int reach = (int) ceil (MIN (SEARCH_PX, side * px / 6) / px);
  const int n_zooms = (int) ceil (SEARCH_ZOOM * side); /* steps of a pixel from edge to edge */

  for (guint i = 0; i < CANDIDATES; i++)
    best[i] = (Motion){ 0, 0, 0, -1 };
  for (int z = -n_zooms; z <= n_zooms; z++)
    {
      const Motion motion = { 0, 0, SEARCH_ZOOM * z / n_zooms, 0 };
      g_auto (QiPlane) zoomed = qi_plane_new (picture->width, picture->height);

      for (guint y = 0; y < picture->height; y++)
        for (guint x = 0; x < picture->width; x++)
          {
            float u, v;
            const gboolean seen = moved (result, &motion, 1, x, y, &u, &v);

            zoomed.values[(gsize) y * picture->width + x] = seen ? MAX (0, qi_plane_cubic (result, u, v)) : -1;
          }
      try_shifts (picture, &zoomed, &p->ring[top], reach, px, motion.zoom, best);
    }
}

/* -- refining ---------------------------------------------------------------------------------------- */

/* What the ring says about a motion: normal equations of r = gain · result + offset - picture in (x, y, zoom · radius,
 * gain, offset), the first three in pixels of the full size. */
typedef struct
{
  double h[5][5], g[5];
  double weight;
  double median; /* of |r| */
} Equations;

typedef struct
{
  double gain, offset, limit;
  guint n_directions; /* of the three, how many the ring tells */
  double directions[3][3];
} Fit;

/* The larger half of a pixel's way from the centre: with it, zoom · radius is a length like the others. */
static double
radius_of (const QiPlane *full)
{
  return hypot (full->width, full->height) / 4;
}

static double
median_of (const guint histogram[256])
{
  guint n = 0, sum = 0;

  for (guint i = 0; i < 256; i++)
    n += histogram[i];
  for (guint i = 0; i < 256; i++)
    if ((sum += histogram[i]) * 2 >= n)
      return (i + 0.5) / 4;
  return 64;
}

static void
add_pixel (Equations *e, const double j[5], double r, double limit)
{
  const double t = 1 - r * r / (limit * limit), w = fabs (r) < limit ? t * t : 0; /* Tukey's biweight */

  e->weight += w;
  for (guint k = 0; k < 5; k++)
    {
      e->g[k] += w * j[k] * r;
      for (guint l = k; l < 5; l++)
        e->h[k][l] += w * j[k] * j[l];
    }
}

static void
gather (const Pyramid *p, guint level, const Motion *motion, const Fit *fit, guint step, Equations *e)
{
  const QiPlane *picture = &p->picture[level], *result = &p->result[level], *ring = &p->ring[level];
  const double scale = 1.0 / (1 << level), radius = radius_of (&p->picture[0]);
  const double cx = (picture->width - 1) / 2.0, cy = (picture->height - 1) / 2.0;
  guint histogram[256] = { 0 };

  memset (e, 0, sizeof *e);
  for (guint y = 0; y < picture->height; y += step)
    for (guint x = 0; x < picture->width; x += step)
      {
        const gsize i = (gsize) y * picture->width + x;
        float u, v;

        if (!ring->values[i] || !moved (result, motion, scale, x, y, &u, &v) || u < 2 || v < 2
            || u >= result->width - 3 || v >= result->height - 3)
          continue;

        const float b = qi_plane_cubic (result, u, v);
        const double r = fit->gain * b + fit->offset - picture->values[i], half = 0.5 * fit->gain;
        const double gx = half * (qi_plane_cubic (result, u + 1, v) - qi_plane_cubic (result, u - 1, v));
        const double gy = half * (qi_plane_cubic (result, u, v + 1) - qi_plane_cubic (result, u, v - 1));
        const double j[5] = { gx * scale, gy * scale, (gx * (x - cx) + gy * (y - cy)) / radius, b, 1 };

        histogram[MIN (255, (guint) (fabs (r) * 4))]++;
        add_pixel (e, j, r, fit->limit);
      }
  for (guint k = 0; k < 5; k++)
    for (guint l = 0; l < k; l++)
      e->h[k][l] = e->h[l][k];
  e->median = median_of (histogram);
}

/* The same with gain and offset eliminated: h = H_mm - H_mc H_cc⁻¹ H_cm, g alike. */
static gboolean
eliminate (const Equations *e, double h[3][3], double g[3])
{
  const double det = e->h[3][3] * e->h[4][4] - e->h[3][4] * e->h[3][4];

  if (e->weight < 64 || det <= 1e-9 * e->h[3][3] * e->h[4][4])
    return FALSE;
  for (guint k = 0; k < 3; k++)
    {
      const double a = (e->h[k][3] * e->h[4][4] - e->h[k][4] * e->h[3][4]) / det;
      const double b = (e->h[k][4] * e->h[3][3] - e->h[k][3] * e->h[3][4]) / det;

      g[k] = e->g[k] - a * e->g[3] - b * e->g[4];
      for (guint l = 0; l < 3; l++)
        h[k][l] = e->h[k][l] - a * e->h[3][l] - b * e->h[4][l];
    }
  return TRUE;
}

/* Gain and offset that go with a step of the motion: what the last two equations ask for. */
static void
adjust (const Equations *e, const double delta[3], Fit *fit)
{
  const double det = e->h[3][3] * e->h[4][4] - e->h[3][4] * e->h[3][4];
  double g[2] = { -e->g[3], -e->g[4] };

  for (guint k = 0; k < 3; k++)
    {
      g[0] -= e->h[3][k] * delta[k];
      g[1] -= e->h[4][k] * delta[k];
    }
  fit->gain = CLAMP (fit->gain + (g[0] * e->h[4][4] - g[1] * e->h[3][4]) / det, 0.2, 5);
  fit->offset = CLAMP (fit->offset + (g[1] * e->h[3][3] - g[0] * e->h[3][4]) / det, -255, 255);
}

/* The step that the equations ask for, in those directions that the ring tells about. */
static void
solve (const double h[3][3], const double g[3], double least, Fit *fit, double delta[3])
{
  double values[3], vectors[3][3];

  qi_solve_eigen (h, values, vectors);
  fit->n_directions = 0;
  for (guint i = 0; i < 3; i++)
    {
      double along = 0;

      if (values[i] < least)
        continue;
      memcpy (fit->directions[fit->n_directions++], vectors[i], sizeof vectors[i]);
      for (guint j = 0; j < 3; j++)
        along += vectors[i][j] * g[j];
      for (guint j = 0; j < 3; j++)
        delta[j] -= vectors[i][j] * along / values[i];
    }
}

/* Gauss-Newton at one level. FALSE: there is nothing to measure by. */
static gboolean
refine (const Pyramid *p, guint level, guint iterations, Motion *motion, Fit *fit)
{
  const double radius = radius_of (&p->picture[0]), px = 1 << level;
  const gsize n_ring = ring_size (&p->ring[level]);
  const guint step = n_ring > 400000 ? 3 : n_ring > 120000 ? 2 : 1;

  *fit = (Fit){ 1, 0, 1e3, 0 };
  for (guint k = 0; k <= iterations; k++)
    {
      double h[3][3], g[3], delta[3] = { 0 };
      Equations e;

      gather (p, level, motion, fit, step, &e);
      if (!eliminate (&e, h, g))
        return FALSE;
      if (k > 0) /* the first round is for gain and offset alone */
        solve (h, g, e.weight * MIN_GRADIENT * MIN_GRADIENT / (px * px), fit, delta);
      for (guint i = 0; i < 3; i++)
        delta[i] = CLAMP (delta[i], -2 * px, 2 * px);
      adjust (&e, delta, fit);
      motion->x += delta[0];
      motion->y += delta[1];
      motion->zoom += delta[2] / radius;
      if (k > 0)
        fit->limit = MAX (6, 4.685 * 1.4826 * e.median);
      else
        fit->limit = MAX (24, 3 * 4.685 * 1.4826 * e.median);
    }
  return fit->n_directions > 0;
}

/* Takes out of the motion what the ring does not tell. */
static void
project (Motion *motion, const Fit *fit, double radius)
{
  const double old[3] = { motion->x, motion->y, motion->zoom * radius };
  double now[3] = { 0 };

  for (guint i = 0; i < fit->n_directions; i++)
    {
      double along = 0;

      for (guint j = 0; j < 3; j++)
        along += fit->directions[i][j] * old[j];
      for (guint j = 0; j < 3; j++)
        now[j] += fit->directions[i][j] * along;
    }
  *motion = (Motion){ now[0], now[1], now[2] / radius, motion->score };
}

/* From the candidates of the top down to the full size. */
static gboolean
descend (const Pyramid *p, Motion best[CANDIDATES], Motion *motion, Fit *fit)
{
  const guint top = p->n - 1, second = top > 0 ? top - 1 : 0;

  motion->score = -1;
  for (guint i = 0; i < CANDIDATES && best[i].score > -1; i++)
    {
      refine (p, top, 4, &best[i], fit);
      refine (p, second, 3, &best[i], fit);
      best[i].score = correlate (p, second, &best[i], 1);
      if (best[i].score > motion->score + 1e-4)
        *motion = best[i];
    }
  for (guint level = second; level-- > 0;)
    refine (p, level, 3, motion, fit);
  if (!refine (p, 0, 4, motion, fit))
    return FALSE;
  if (fit->n_directions == 3)
    return TRUE;
  project (motion, fit, radius_of (&p->picture[0]));
  return refine (p, 0, 4, motion, fit);
}

/* -- what follows from it ---------------------------------------------------------------------------- */

static double
contrast (const Pyramid *p)
{
  const QiPlane *picture = &p->picture[0], *ring = &p->ring[0];
  double n = 0, sum = 0, squares = 0;

  for (gsize i = 0; i < (gsize) picture->width * picture->height; i++)
    {
      n += ring->values[i];
      sum += ring->values[i] * picture->values[i];
      squares += ring->values[i] * picture->values[i] * picture->values[i];
    }
  return n < MIN_RING ? 0 : sqrt (MAX (0, squares / n - sum / n * sum / n));
}

QiDrift
qi_drift_measure (const QiImage *picture, const QiImage *result, const QiImage *mask)
{
  const QiDrift none = { .zoom = 1, .negligible = TRUE };
  const guint width = qi_image_width (picture), height = qi_image_height (picture);
  g_auto (Pyramid) p = { 0 };
  Motion best[CANDIDATES], motion = { 0 };
  const Motion still = { 0 };
  Fit fit;

  g_return_val_if_fail (qi_image_width (result) == width && qi_image_height (result) == height, none);
  g_return_val_if_fail (!mask || (qi_image_width (mask) == width && qi_image_height (mask) == height), none);

  if (MIN (width, height) < 16)
    return none;
  pyramid_make (&p, picture, result, mask);
  if (contrast (&p) < MIN_CONTRAST)
    return none;
  search (&p, best);
  if (!descend (&p, best, &motion, &fit))
    return none;

  const double unmoved = correlate (&p, 0, &still, 2), found = correlate (&p, 0, &motion, 2);
  QiDrift drift = { .measured = TRUE, .dx = motion.x, .dy = motion.y, .zoom = 1 + motion.zoom, .correlation = found };

  if (unmoved >= found)
    drift = (QiDrift){ .measured = TRUE, .zoom = 1, .correlation = unmoved };
  const double most = hypot (fabs (drift.dx) + fabs (drift.zoom - 1) * width / 2,
                             fabs (drift.dy) + fabs (drift.zoom - 1) * height / 2);

  drift.negligible = most <= NEGLIGIBLE_PX;
  drift.beyond = MAX (fabs (drift.dx), fabs (drift.dy)) > QI_DRIFT_LIMIT_PX + 0.25
                 || fabs (drift.zoom - 1) > QI_DRIFT_LIMIT_ZOOM + 5e-4;
  if (drift.correlation < MIN_CORRELATION || (drift.beyond && drift.correlation < SURE_CORRELATION))
    return none;
  if (!mask && most > ASKED_FOR_PX && !qi_drift_is_everywhere (&p.picture[0], &p.result[0], &drift))
    return none;
  return drift;
}

QiMapping
qi_drift_undo (const QiDrift *drift, const QiMapping *mapping, guint width, guint height)
{
  const double cx = width / 2.0, cy = height / 2.0;

  return (QiMapping){ cx + (mapping->x - cx) * drift->zoom + drift->dx, mapping->dx * drift->zoom,
                      cy + (mapping->y - cy) * drift->zoom + drift->dy, mapping->dy * drift->zoom };
}

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "demo/check/palette.h"

#include <math.h>
#include <string.h>

/* Those of demo/train/words.py. */
static const struct
{
  const char *name;
  guint8 r, g, b;
} colours[CHECK_N_COLOURS] = { { "red", 218, 38, 38 },     { "orange", 245, 140, 20 }, { "yellow", 250, 222, 40 }, { "green", 36, 160, 62 },
                               { "blue", 36, 84, 220 },    { "purple", 128, 48, 176 }, { "pink", 250, 132, 184 },  { "brown", 128, 78, 38 },
                               { "black", 18, 18, 18 },    { "white", 250, 250, 250 }, { "gray", 140, 140, 140 } };

const char *
check_colour_name (guint i)
{
  return i < CHECK_N_COLOURS ? colours[i].name : "none";
}

int
check_colour_by_name (const char *name)
{
  for (guint i = 0; i < CHECK_N_COLOURS; i++)
    if (strcmp (colours[i].name, name) == 0)
      return (int) i;
  return -1;
}

CheckLab
check_colour_lab (guint i)
{
  return check_lab (colours[i].r, colours[i].g, colours[i].b);
}

static double
linear (double v)
{
  v /= 255.0;
  return v <= 0.04045 ? v / 12.92 : pow ((v + 0.055) / 1.055, 2.4);
}

static double
curve (double t)
{
  return t > 216.0 / 24389.0 ? cbrt (t) : (24389.0 / 27.0 * t + 16.0) / 116.0;
}

CheckLab
check_lab (double r, double g, double b)
{
  const double lr = linear (r), lg = linear (g), lb = linear (b);
  const double x = curve ((0.4124 * lr + 0.3576 * lg + 0.1805 * lb) / 0.9505);
  const double y = curve (0.2126 * lr + 0.7152 * lg + 0.0722 * lb);
  const double z = curve ((0.0193 * lr + 0.1192 * lg + 0.9505 * lb) / 1.089);

  return (CheckLab){ 116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z) };
}

double
check_distance (CheckLab x, CheckLab y)
{
  return sqrt ((x.l - y.l) * (x.l - y.l) + (x.a - y.a) * (x.a - y.a) + (x.b - y.b) * (x.b - y.b));
}

guint
check_nearest_colour (CheckLab x)
{
  guint best = 0;
  double least = G_MAXDOUBLE;

  for (guint i = 0; i < CHECK_N_COLOURS; i++)
    {
      const double d = check_distance (x, check_colour_lab (i));

      if (d < least)
        {
          least = d;
          best = i;
        }
    }
  return best;
}

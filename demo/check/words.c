/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "demo/check/words.h"

#include <math.h>
#include <string.h>

#include <ft2build.h>
#include FT_FREETYPE_H

/* The fonts of demo/train/scenes.py; the last has the ideographs. */
static const char *const fonts[] = { "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf",
                                     "/usr/share/fonts/truetype/liberation/LiberationSans-Bold.ttf",
                                     "/usr/share/fonts-droid-fallback/truetype/DroidSansFallback.ttf" };
#define N_FONTS G_N_ELEMENTS (fonts)

/* What a letter may be mistaken for: letters and digits, or the ideographs that scenes use (demo/train/words.py). */
static const char latin[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
static const char ideographs[] = "你好新年快乐春节打折特价上海北京中国咖啡红茶绿面包牛奶水果开门关出口入欢迎谢再见早安晚"
                                 "生日音影书店花园天空大月亮太阳山夏秋冬福狐爱家美电";

struct _CheckReader
{
  FT_Library library;
  FT_Face faces[N_FONTS];
};

CheckReader *
check_reader_new (GError **error)
{
  CheckReader *reader = g_new0 (CheckReader, 1);

  if (FT_Init_FreeType (&reader->library) != 0)
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "FreeType cannot be started.");
  for (guint i = 0; i < N_FONTS && reader->library; i++)
    if (FT_New_Face (reader->library, fonts[i], 0, &reader->faces[i]) != 0)
      {
        g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "The font %s is missing; packages.txt names its package.", fonts[i]);
        check_reader_free (reader);
        return NULL;
      }
  if (reader->library)
    return reader;
  check_reader_free (reader);
  return NULL;
}

void
check_reader_free (CheckReader *reader)
{
  if (!reader)
    return;
  for (guint i = 0; i < N_FONTS; i++)
    if (reader->faces[i])
      FT_Done_Face (reader->faces[i]);
  if (reader->library)
    FT_Done_FreeType (reader->library);
  g_free (reader);
}

/* --- letters as the fonts have them --- */

typedef struct
{
  double left, right, top, bottom; /* box of the ink of the whole word, in em; up is positive */
  GArray *pens;                    /* double: where each letter begins */
} Line;

/* Lays text out at one em a unit, letter by letter with kerning. */
static Line
lay_out (FT_Face face, const gunichar *text, guint n)
{
  Line line = { 1e9, -1e9, -1e9, 1e9, g_array_new (FALSE, FALSE, sizeof (double)) };
  const double unit = face->units_per_EM;
  double pen = 0.0;
  guint before = 0;

  for (guint i = 0; i < n; i++)
    {
      const guint glyph = FT_Get_Char_Index (face, text[i]);
      FT_Vector kern = { 0 };

      if (i && before)
        FT_Get_Kerning (face, before, glyph, FT_KERNING_UNSCALED, &kern);
      pen += kern.x / unit;
      g_array_append_val (line.pens, pen);
      if (FT_Load_Glyph (face, glyph, FT_LOAD_NO_SCALE) != 0)
        continue;
      const FT_Glyph_Metrics *m = &face->glyph->metrics;
      line.left = MIN (line.left, pen + m->horiBearingX / unit);
      line.right = MAX (line.right, pen + (m->horiBearingX + m->width) / unit);
      line.top = MAX (line.top, m->horiBearingY / unit);
      line.bottom = MIN (line.bottom, (m->horiBearingY - m->height) / unit);
      pen += m->horiAdvance / unit;
      before = glyph;
    }
  return line;
}

/* Where a line's ems lie in the picture. */
typedef struct
{
  double x, y, sx, sy; /* column of the pen's start, row of the baseline, pixels an em */
} Place;

/* Paints letter over out [h w], whose corner is (x0, y0) of the picture; pen in em. */
static void
paint (FT_Face face, gunichar letter, double pen, const Place *place, double x0, double y0, guint w, guint h, float *out)
{
  const double px = place->x + pen * place->sx - x0, py = place->y - y0;
  FT_Matrix squeeze = { (FT_Fixed) (place->sx / place->sy * 65536.0), 0, 0, 65536 };
  FT_Vector shift = { (FT_Pos) lround ((px - floor (px)) * 64.0), (FT_Pos) lround ((ceil (py) - py) * 64.0) };

  memset (out, 0, sizeof *out * w * h);
  FT_Set_Char_Size (face, 0, (FT_F26Dot6) lround (place->sy * 64.0), 72, 72);
  FT_Set_Transform (face, &squeeze, &shift);
  if (FT_Load_Char (face, letter, FT_LOAD_RENDER | FT_LOAD_NO_HINTING | FT_LOAD_NO_BITMAP) == 0)
    {
      const FT_GlyphSlot slot = face->glyph;
      const int left = (int) floor (px) + slot->bitmap_left, top = (int) ceil (py) - slot->bitmap_top;

      for (int y = 0; y < (int) slot->bitmap.rows; y++)
        for (int x = 0; x < (int) slot->bitmap.width; x++)
          if (x + left >= 0 && x + left < (int) w && y + top >= 0 && y + top < (int) h)
            out[(guint) (y + top) * w + (guint) (x + left)] = slot->bitmap.buffer[y * slot->bitmap.pitch + x] / 255.0f;
    }
  FT_Set_Transform (face, NULL, NULL);
}

/* --- likeness --- */

/* Normalised correlation of a window of ink at (x0, y0) with what was painted. */
static double
correlate (const float *ink, guint width, guint height, int x0, int y0, const float *want, guint w, guint h)
{
  double a = 0.0, b = 0.0, aa = 0.0, bb = 0.0, ab = 0.0;
  const double n = (double) w * h;

  for (guint y = 0; y < h; y++)
    for (guint x = 0; x < w; x++)
      {
        const int xx = x0 + (int) x, yy = y0 + (int) y;
        const double u = xx >= 0 && yy >= 0 && xx < (int) width && yy < (int) height ? ink[yy * (int) width + xx] : 0.0;
        const double v = want[y * w + x];

        a += u;
        b += v;
        aa += u * u;
        bb += v * v;
        ab += u * v;
      }
  const double va = aa - a * a / n, vb = bb - b * b / n;
  return va > 1e-6 && vb > 1e-6 ? (ab - a * b / n) / sqrt (va * vb) : 0.0;
}

/* The best correlation over small shifts. */
static double
likeness (const float *ink, guint width, guint height, int x0, int y0, const float *want, guint w, guint h)
{
  double best = -1.0;

  for (int dy = -1; dy <= 1; dy++)
    for (int dx = -2; dx <= 2; dx++)
      best = MAX (best, correlate (ink, width, height, x0 + dx, y0 + dy, want, w, h));
  return best;
}

/* Letters that look alike, alone or in a word whose height is all one knows. */
static gboolean
alike (gunichar a, gunichar b)
{
  static const char *const groups[] = { "Oo0", "Il1", "Cc", "Ss", "Vv", "Ww", "Xx", "Zz", "Pp", "Kk", "Uu", "69" };

  for (guint i = 0; i < G_N_ELEMENTS (groups) - 1; i++)
    if (a < 128 && b < 128 && strchr (groups[i], (int) a) && strchr (groups[i], (int) b))
      return TRUE;
  return a == b;
}

typedef struct
{
  const float *ink;
  guint width, height;
  const guint *box;
} Window;

/* Mean likeness of the letters of text in this font, laid over the box; -1 where one is more like another. */
static double
read_with (FT_Face face, const Window *win, const gunichar *text, guint n, const gunichar *others, guint n_others)
{
  Line line = lay_out (face, text, n);
  const double w = win->box[2] - win->box[0], h = win->box[3] - win->box[1];
  const Place place = { win->box[0] - line.left * w / (line.right - line.left), win->box[1] + line.top * h / (line.top - line.bottom),
                        w / (line.right - line.left), h / (line.top - line.bottom) };
  const double squeeze = log (place.sx / place.sy);
  double sum = 0.0;
  gboolean right = fabs (squeeze) < 0.3;

  for (guint i = 0; i < n && right; i++)
    {
      const double pen = g_array_index (line.pens, double, i);
      const double next = i + 1 < n ? g_array_index (line.pens, double, i + 1) : line.right;
      const int x0 = (int) floor (place.x + pen * place.sx) - 1, y0 = (int) win->box[1] - 1;
      const guint cw = (guint) MAX (3.0, ceil ((next - pen) * place.sx) + 2.0), ch = (guint) h + 2;
      g_autofree float *want = g_new (float, (gsize) cw * ch);
      double own, best = -1.0;
      gunichar winner = text[i];

      paint (face, text[i], pen, &place, x0, y0, cw, ch, want);
      own = likeness (win->ink, win->width, win->height, x0, y0, want, cw, ch);
      for (guint k = 0; k < n_others; k++)
        if (!alike (others[k], text[i]))
          {
            double s;

            paint (face, others[k], pen, &place, x0, y0, cw, ch, want);
            s = likeness (win->ink, win->width, win->height, x0, y0, want, cw, ch);
            if (s > best)
              {
                best = s;
                winner = others[k];
              }
          }
      right = own > 0.55 && own >= best - 0.01;
      if (!right)
        g_debug ("letter %u: own %.2f, best %.2f (U+%04X)", i, own, best, winner);
      sum += own;
    }
  g_array_unref (line.pens);
  return right ? sum / n : -1.0;
}

gboolean
check_reader_reads (CheckReader *reader, const float *ink, guint width, guint height, const guint box[4], const char *text,
                    double *score)
{
  glong n = 0, n_others = 0;
  g_autofree gunichar *letters = g_utf8_to_ucs4_fast (text, -1, &n);
  const gboolean cjk = n && letters[0] > 0x2e7f;
  g_autofree gunichar *others = g_utf8_to_ucs4_fast (cjk ? ideographs : latin, -1, &n_others);
  const Window win = { ink, width, height, box };

  *score = -1.0;
  for (guint i = cjk ? N_FONTS - 1 : 0; i < (cjk ? N_FONTS : N_FONTS - 1) && n; i++)
    *score = MAX (*score, read_with (reader->faces[i], &win, letters, (guint) n, others, (guint) n_others));
  return *score > 0.0;
}

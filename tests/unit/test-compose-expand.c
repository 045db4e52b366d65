/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The canvas grows; what was there stays. */
#include "compose/expand.h"

#include <string.h>

#include "base/error.h"
#include "compose/resize.h"
#include "scene.h"

static QiRequest *
request_for (guint left, guint right, guint top, guint bottom)
{
  QiRequest *request = qi_request_new ();

  request->task = QI_TASK_EXPAND;
  request->left = left;
  request->right = right;
  request->top = top;
  request->bottom = bottom;
  return request;
}

/* Every pass is within what the model likes, sees something known, and shows it at half its size or more; together they
 * paint everything. known: [height, width] of the new canvas. */
static void
check_passes (const QiExpand *expand, const QiModelSizes *sizes, guint width, guint height)
{
  const QiRect old = qi_expand_old (expand);
  g_autofree guint8 *known = g_malloc0 ((gsize) width * height);

  for (int y = 0; y < old.height; y++)
    memset (known + (gsize) (old.y + y) * width + old.x, 1, (gsize) old.width);
  for (guint i = 0; i < qi_expand_n_passes (expand); i++)
    {
      const QiFrame *pass = qi_expand_frame (expand, i);
      const QiRect *f = &pass->frame;
      gsize n_known = 0;

      g_assert_cmpuint ((guint64) pass->width * pass->height, <=, sizes->max_area);
      g_assert_true (f->x >= 0 && f->y >= 0 && f->x + f->width <= (int) width && f->y + f->height <= (int) height);
      g_assert_cmpfloat ((double) pass->content.width / f->width, >=, 0.45);
      for (int y = f->y; y < f->y + f->height; y++)
        for (int x = f->x; x < f->x + f->width; x++)
          n_known += known[(gsize) y * width + x];
      g_assert_cmpfloat ((double) n_known, >=, 0.2 * f->width * f->height);
      g_assert_cmpuint (n_known, <, (gsize) f->width * f->height);
      for (int y = f->y; y < f->y + f->height; y++)
        memset (known + (gsize) y * width + f->x, 1, (gsize) f->width);
    }
  for (gsize i = 0; i < (gsize) width * height; i++)
    g_assert_true (known[i]);
}

/* The model is a painter who knows what lies beyond, but sees it a little too bright. */
static void
paint (guint width, guint height, guint left, guint right, guint top, guint bottom, guint side, guint n_passes)
{
  const guint new_width = width + left + right, new_height = height + top + bottom;
  g_autoptr (QiRequest) request = request_for (left, right, top, bottom);
  g_autoptr (QiImage) truth = scene_picture (new_width, new_height, 70, 0, 0, 1);
  const QiRect middle = { (int) left, (int) top, (int) width, (int) height };
  g_autoptr (QiImage) old = qi_pixels_crop (truth, &middle);
  const QiModelSizes sizes = qi_model_sizes (side, side, 16);
  g_autoptr (GError) error = NULL;
  g_autoptr (QiExpand) expand = qi_expand_new (request, old, &sizes, &error);
  double sum = 0;

  g_assert_no_error (error);
  g_assert_cmpuint (qi_expand_n_passes (expand), ==, qi_expand_count (request, width, height, &sizes));
  g_test_message ("%u × %u → %u × %u: %u passes", width, height, new_width, new_height, qi_expand_n_passes (expand));
  g_assert_cmpuint (qi_expand_n_passes (expand), ==, n_passes);
  check_passes (expand, &sizes, new_width, new_height);
  for (guint i = 0; i < n_passes; i++)
    {
      g_autoptr (QiCompose) compose = qi_expand_prepare (expand, i, request, &error);
      const QiFrame *frame = &compose->frame;
      const double dx = (double) frame->frame.width / frame->content.width;
      const QiMapping mapping = { frame->frame.x - frame->content.x * dx, dx, frame->frame.y - frame->content.y * dx, dx };
      g_autoptr (QiImage) seen = qi_resample (truth, frame->width, frame->height, &mapping, QI_FILTER_LANCZOS);
      const QiMatch bright = { TRUE, { 1.05f, 1.05f, 1.05f }, { 2, 2, 2 } };
      g_autoptr (QiImage) result = qi_match_apply (&bright, seen, NULL, frame->width, frame->height);
      g_autoptr (QiPatch) patch = qi_compose_finish (compose, result, &error);

      g_assert_no_error (error);
      g_assert_false (patch->moved_too_far);
      qi_expand_place (expand, patch);
    }

  g_autoptr (QiImage) picture = qi_expand_picture (expand);
  g_autoptr (QiImage) mask = qi_expand_mask (expand);

  for (guint y = 0; y < new_height; y++)
    for (guint x = 0; x < new_width; x++)
      {
        const guint8 *is = qi_image_row (picture, y) + 4 * x, *was = qi_image_row (truth, y) + 3 * x;
        const gboolean inside = x >= left && x < left + width && y >= top && y < top + height;

        g_assert_cmpuint (is[3], ==, 255);
        g_assert_cmpuint (qi_image_row (mask, y)[x], ==, inside ? 0 : 255);
        if (inside)
          g_assert_cmpmem (is, 3, was, 3);
        for (guint c = 0; c < 3; c++)
          sum += ABS (is[c] - was[c]);
      }
  sum /= (double) new_width * new_height * 3;
  g_test_message ("%.3f levels from the truth in the mean", sum);
  g_assert_cmpfloat (sum, <=, 3);
}

static void
directions (void)
{
  paint (100, 80, 30, 0, 0, 0, 128, 1);
  paint (100, 80, 0, 31, 0, 0, 128, 1);
  paint (100, 80, 0, 0, 29, 0, 128, 1);
  paint (100, 80, 0, 0, 0, 17, 128, 1);
  paint (101, 83, 30, 11, 0, 0, 128, 1);
  paint (101, 83, 13, 0, 27, 0, 128, 1);
  paint (101, 83, 0, 13, 0, 27, 128, 1);
  paint (101, 83, 40, 40, 30, 30, 128, 1);
}

/* 4000 → 6000 in small. */
static void
passes (void)
{
  paint (500, 500, 125, 125, 125, 125, 128, 14);
  paint (500, 90, 0, 0, 0, 300, 128, 11);
}

static void
figures (void)
{
  g_autoptr (QiRequest) request = request_for (1000, 1000, 1000, 1000);
  g_autoptr (QiRequest) strip = request_for (0, 100, 0, 0);
  const QiModelSizes sizes = qi_model_sizes (1328, 1328, 16);

  g_test_message ("%u, %u passes", qi_expand_count (request, 4000, 4000, &sizes), qi_expand_count (strip, 6000, 4000, &sizes));
  g_assert_cmpuint (qi_expand_count (request, 4000, 4000, &sizes), <=, 16);
  g_assert_cmpuint (qi_expand_count (strip, 6000, 4000, &sizes), <=, 6);
}

static void
refused (void)
{
  g_autoptr (QiRequest) nothing = request_for (0, 0, 0, 0);
  g_autoptr (QiRequest) far = request_for (G_MAXUINT, G_MAXUINT, 0, 0);
  g_autoptr (QiImage) old = scene_picture (20, 20, 1, 0, 0, 1);
  const QiModelSizes sizes = qi_model_sizes (128, 128, 16);
  g_autoptr (GError) error = NULL;

  g_assert_null (qi_expand_new (nothing, old, &sizes, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST);
  g_clear_error (&error);
  g_assert_null (qi_expand_new (far, old, &sizes, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST);
  g_assert_nonnull (strstr (error->message, "8589934610"));
  g_assert_cmpuint (qi_expand_count (far, 20, 20, &sizes), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/compose/expand/directions", directions);
  g_test_add_func ("/compose/expand/passes", passes);
  g_test_add_func ("/compose/expand/figures", figures);
  g_test_add_func ("/compose/expand/refused", refused);
  return g_test_run ();
}

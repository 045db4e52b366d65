/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* A request in figures: what the demo model is asked for each task, and how large it is shown the pictures. */
#include "models/order.h"

#include "models/pipeline/sources.h"

#define WORDS "make the circle green"

static QiModelSet *demo;

static QiImage *
blank (guint width, guint height, guint channels)
{
  const gsize n = (gsize) width * height * channels;
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (n), n);

  return qi_image_new (width, height, channels, (gsize) width * channels, bytes);
}

typedef struct
{
  QiTask task;
  const char *prompt;
  guint n_pictures;
  guint sizes[2][2];     /* of the pictures */
  const char *pipeline;
  guint width, height;   /* of the result */
  guint shown[2][2];     /* to the VAE */
  guint seen[2][2];      /* to the vision tower */
  const char *words;     /* of the prompt, as the model gets it */
} Row;

static void
check_sizes (const QiOrder *order, const Row *row)
{
  QiShown shown[QI_MAX_SOURCES];
  QiPromptPicture seen[QI_MAX_SOURCES];
  guint n_shown = 0, n_seen = 0;

  g_assert_true (qi_pipeline_shown (order->pipeline, order->jobs, shown, &n_shown, NULL));
  g_assert_true (qi_pipeline_seen (order->pipeline, order->jobs, seen, &n_seen, NULL));
  g_assert_cmpuint (n_shown, ==, row->n_pictures);
  g_assert_cmpuint (n_seen, ==, row->n_pictures);
  for (guint i = 0; i < row->n_pictures; i++)
    {
      QiMergedGrid grid;

      g_assert_cmpuint (shown[i].width, ==, row->shown[i][0]);
      g_assert_cmpuint (shown[i].height, ==, row->shown[i][1]);
      g_assert_true (qi_vision_grid (&demo->vision_config, seen[i].width, seen[i].height, &grid, NULL));
      g_assert_cmpuint (grid.w * 28, ==, row->seen[i][0]);
      g_assert_cmpuint (grid.h * 28, ==, row->seen[i][1]);
    }
}

static void
check_row (const Row *row)
{
  g_autoptr (QiRequest) request = qi_request_new ();
  QiImage *pictures[2] = { NULL };
  g_autoptr (QiImage) mask = NULL;
  g_auto (QiOrder) order = { 0 };

  for (guint i = 0; i < row->n_pictures; i++)
    pictures[i] = blank (row->sizes[i][0], row->sizes[i][1], 3);
  if (row->task == QI_TASK_FILL || row->task == QI_TASK_EXPAND)
    mask = blank (row->sizes[0][0], row->sizes[0][1], 1);
  request->task = row->task;
  request->prompt = g_strdup (row->prompt);

  const QiInputs inputs = { .pictures = pictures, .n_pictures = row->n_pictures, .mask = mask };

  g_assert_true (qi_order_fill (&order, demo, request, &inputs, NULL));
  g_assert_cmpstr (order.pipeline->name, ==, row->pipeline);
  g_assert_cmpuint (order.width, ==, row->width);
  g_assert_cmpuint (order.height, ==, row->height);
  g_assert_cmpstr (order.prompt, ==, row->words);
  check_sizes (&order, row);
  for (guint i = 0; i < row->n_pictures; i++)
    qi_image_unref (pictures[i]);
}

/* One network for everything: words alone in the plain template, pictures in that of Edit-2509, none larger than it knows. */
static void
tasks (void)
{
  static const Row rows[] = {
    { QI_TASK_GENERATE, WORDS, 0, { { 0 } }, "text-to-image", 192, 192, { { 0 } }, { { 0 } }, WORDS },
    { QI_TASK_EDIT, WORDS, 1, { { 192, 192 } }, "edit-plus", 192, 192, { { 192, 192 } }, { { 56, 56 } }, WORDS },
    { QI_TASK_EDIT, WORDS, 1, { { 224, 160 } }, "edit-plus", 224, 160, { { 224, 160 } }, { { 84, 56 } }, WORDS },
    { QI_TASK_EDIT, WORDS, 2, { { 192, 192 }, { 640, 480 } }, "edit-plus", 192, 192, { { 192, 192 }, { 224, 160 } },
      { { 56, 56 }, { 84, 56 } }, WORDS },
    { QI_TASK_GENERATE, WORDS, 1, { { 400, 400 } }, "edit-plus", 192, 192, { { 192, 192 } }, { { 56, 56 } }, WORDS },
    { QI_TASK_FILL, WORDS, 1, { { 192, 192 } }, "edit-plus-inpaint", 192, 192, { { 192, 192 } }, { { 56, 56 } }, WORDS },
    { QI_TASK_FILL, "", 1, { { 192, 192 } }, "edit-plus-inpaint", 192, 192, { { 192, 192 } }, { { 56, 56 } },
      "Remove what is in the marked area and continue its surroundings there." },
    { QI_TASK_EXPAND, "", 1, { { 224, 160 } }, "edit-plus-inpaint", 224, 160, { { 224, 160 } }, { { 84, 56 } },
      "Continue the picture naturally into the new area around it." },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    check_row (&rows[i]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  demo = qi_model_set_open (&(const QiModelPaths){ .model = g_getenv ("SFUMATO_DEMO_MODEL") }, NULL);
  g_assert_nonnull (demo);
  g_test_add_func ("/order/tasks", tasks);

  const int status = g_test_run ();

  qi_model_set_free (demo);
  return status;
}

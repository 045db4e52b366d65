/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Every allocation of device memory and every submission fails once, in turn: the picture is then made in another way, with
 * the same bytes, or there is an error that says something; the next one, by the same engine, is made in any case. What is left
 * allocated when the device is closed fails an assertion of the allocator. */
#include <string.h>

#include "base/env.h"
#include "base/error.h"
#include "compute/fault.h"
#include "models/engine.h"
#include "models/plan.h"
#include "tests/golden/on-device.h"

typedef struct
{
  const char *model; /* folder of tests/data/models */
  QiTask task;
  gboolean streaming; /* the transformer in f32, and a little less memory than it takes */
  guint64 budget;
} Case;

static char *
in_models (const Case *c)
{
  return g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", c->model, NULL);
}

/* NULL: the model's own. */
static char *
transformer_of (const Case *c)
{
  return c->streaming ? g_build_filename (g_getenv ("SFUMATO_TEST_VARIANTS"), "transformer", "f32.safetensors", NULL) : NULL;
}

static QiEngine *
open_engine (const Case *c)
{
  g_autofree char *path = in_models (c), *transformer = transformer_of (c);
  g_autofree char *config = c->streaming ? g_build_filename (g_getenv ("SFUMATO_TEST_VARIANTS"), "config", NULL) : NULL;
  g_autoptr (GError) error = NULL;
  QiEngine *engine = qi_engine_open (&(QiModelPaths){ .model = path, .transformer = transformer, .config = config },
                                     QI_ENGINE_PARAMS (.device = qi_env_device (), .memory_budget = c->budget), NULL, NULL, NULL,
                                     &error);

  g_assert_no_error (error);
  return engine;
}

static QiImage *
grey (guint width, guint height)
{
  const gsize n = (gsize) width * height * 3;
  guint8 *pixels = g_malloc (n);
  g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, n);

  for (gsize i = 0; i < n; i++)
    pixels[i] = (guint8) (i * 7);
  return qi_image_new (width, height, 3, (gsize) width * 3, bytes);
}

/* The picture's bytes; NULL with error. (transfer full) */
static GBytes *
draw (QiEngine *engine, const Case *c, GError **error)
{
  g_autoptr (QiRequest) request = qi_request_new ();
  g_autoptr (QiImage) picture = grey (64, 64);
  QiImage *pictures[] = { picture };
  const QiInputs inputs = { .pictures = pictures, .n_pictures = c->task == QI_TASK_GENERATE ? 0 : 1 };
  g_autoptr (QiResult) result = NULL;
  const QiImage *image;
  GByteArray *bytes;

  request->task = c->task;
  request->prompt = g_strdup ("a red circle");
  request->width = request->height = 64;
  request->steps = 1;
  request->guidance = 1;
  request->seed = 3;
  if (!(result = qi_engine_generate (engine, request, &inputs, FALSE, NULL, NULL, NULL, error)))
    return NULL;
  image = g_ptr_array_index (result->images, 0);
  bytes = g_byte_array_new ();
  for (guint y = 0; y < qi_image_height (image); y++)
    g_byte_array_append (bytes, qi_image_row (image, y), qi_image_width (image) * qi_image_channels (image));
  return g_byte_array_free_to_bytes (bytes);
}

/* Calls of a kind in a picture by a new engine, whose bytes are taken. */
static guint
count_calls (const Case *c, QiFault kind, GBytes **expected)
{
  g_autoptr (QiEngine) engine = open_engine (c);
  g_autoptr (GError) error = NULL;
  guint n;

  qi_fault_arm (kind, 0);
  *expected = draw (engine, c, &error);
  n = qi_fault_count (kind);
  g_assert_no_error (error);
  g_assert_cmpuint (n, >, 0);
  return n;
}

/* Call number n fails. TRUE: the picture was made all the same. */
static gboolean
fail_at (const Case *c, QiFault kind, guint n, GBytes *expected)
{
  g_autoptr (QiEngine) engine = open_engine (c);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) picture = NULL, next = NULL;

  qi_fault_arm (kind, n);
  picture = draw (engine, c, &error);
  g_assert_cmpuint (qi_fault_count (kind), >=, n);
  qi_fault_arm (kind, 0);
  if (picture)
    {
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (picture, expected));
    }
  else
    {
      const gint code = kind == QI_FAULT_LOST ? QI_ERROR_DEVICE_LOST : QI_ERROR_OUT_OF_MEMORY;

      g_assert_error (error, QI_ERROR, code);
      g_assert_cmpuint (strlen (error->message), >, 20);
      g_clear_error (&error);
    }
  g_test_message ("call %u of kind %u: %s", n, kind, picture ? "made all the same" : "failed");
  next = draw (engine, c, &error);
  if (kind == QI_FAULT_LOST)
    {
      g_assert_null (picture);
      g_assert_null (next);
      g_assert_error (error, QI_ERROR, QI_ERROR_DEVICE_LOST);
    }
  else
    {
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (next, expected));
    }
  return picture != NULL;
}

static void
fail_in_turn (const Case *c, QiFault kind, guint step)
{
  g_autoptr (GBytes) expected = NULL;
  const guint n = count_calls (c, kind, &expected);
  guint made = 0, tried = 0;

  for (guint i = 1; i <= n; i += step, tried++)
    made += fail_at (c, kind, i, expected);
  g_test_message ("%s: of %u calls %u failed in turn; %u pictures were made all the same", c->model, n, tried, made);
}

/* A little less than the transformer takes when it is kept: its blocks are copied ahead. */
static Case
streaming_case (void)
{
  Case c = { "base", QI_TASK_GENERATE, TRUE, 0 };
  g_autoptr (GError) error = NULL;
  g_autofree char *path = in_models (&c), *transformer = transformer_of (&c);
  g_autoptr (QiDevice) device = qi_device_open (&(QiDeviceParams){ .device = qi_env_device (), .validate = qi_env_validate () }, &error);
  g_autofree char *config = g_build_filename (g_getenv ("SFUMATO_TEST_VARIANTS"), "config", NULL);
  g_autoptr (QiModelSet) set = qi_model_set_open (&(QiModelPaths){ .model = path, .transformer = transformer, .config = config },
                                                  &error);
  const QiPipeline *pipeline = qi_pipeline_by_name ("text-to-image");

  g_assert_no_error (error);

  const QiPipelineJob job = { .prompt = "a red circle", .negative = " ", .width = 64, .height = 64, .steps = 1, .guidance = 1 };
  g_autoptr (QiPlan) plan = qi_plan_new (device, set, QI_COMPUTE_F32, pipeline, &job, 1, NULL, 0, &error);

  c.budget = qi_plan_stage_bytes (plan, QI_PART_MMDIT) - 1;

  g_autoptr (QiPlan) lean = qi_plan_new (device, set, QI_COMPUTE_F32, pipeline, &job, 1, NULL, c.budget, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (qi_plan_stage (lean, QI_PART_MMDIT).n_streamed, >, 0);
  g_assert_true (qi_plan_fits (lean, c.budget, &error));
  g_assert_no_error (error);
  return c;
}

static void
test_allocations (void)
{
  fail_in_turn (&(Case){ "base", QI_TASK_GENERATE }, QI_FAULT_ALLOCATION, 1);
  fail_in_turn (&(Case){ "edit", QI_TASK_EDIT }, QI_FAULT_ALLOCATION, 1);
}

static void
test_submissions (void)
{
  fail_in_turn (&(Case){ "base", QI_TASK_GENERATE }, QI_FAULT_SUBMIT, 1);
  fail_in_turn (&(Case){ "edit", QI_TASK_EDIT }, QI_FAULT_SUBMIT, 1);
}

static void
test_streaming (void)
{
  const Case c = streaming_case ();

  fail_in_turn (&c, QI_FAULT_ALLOCATION, 1);
  fail_in_turn (&c, QI_FAULT_SUBMIT, 1);
}

static void
test_lost (void)
{
  const Case c = streaming_case ();

  fail_in_turn (&(Case){ "base", QI_TASK_GENERATE }, QI_FAULT_LOST, 5);
  fail_in_turn (&c, QI_FAULT_LOST, 5);
}

int
main (int argc, char **argv)
{
  if (!golden_has_device (&argc, &argv))
    return 0;
  g_test_add_func ("/faults/allocations", test_allocations);
  g_test_add_func ("/faults/submissions", test_submissions);
  g_test_add_func ("/faults/streaming", test_streaming);
  g_test_add_func ("/faults/lost", test_lost);
  return g_test_run ();
}

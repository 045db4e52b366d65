/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel table: who takes what on which device, what forcing says, and what becomes of a row that computes garbage. */
#include <glib/gstdio.h>

#include "base/env.h"
#include "base/error.h"
#include "compute/op.h"
#include "compute/op/linear-tiles.h"
#include "compute/pipeline.h"
#include "compute/self-test.h"
#include "tests/op/own-cache.h"

static const QiDeviceInfo gpu = { .name = "a card", .type = QI_DEVICE_DISCRETE, .coopmat = TRUE, .integer_dot = TRUE };
static const QiDeviceInfo plain = { .name = "an old card", .type = QI_DEVICE_DISCRETE };
static const QiDeviceInfo software = { .name = "a processor", .type = QI_DEVICE_SOFTWARE, .coopmat = TRUE, .integer_dot = TRUE };

static void
check_choice (const QiDeviceInfo *info, const char *forced, guint32 failed, const QiProduct *product, QiKernel want)
{
  g_autoptr (GError) error = NULL;
  QiKernels kernels;

  qi_kernels_init (&kernels, info, forced, &error);
  g_assert_no_error (error);
  kernels.failed = failed;
  g_assert_cmpstr (qi_kernel_name (qi_kernels_for_linear (&kernels, info, product)), ==, qi_kernel_name (want));
}

static void
test_choice (void)
{
  const QiProduct many = { 4096, 3072, 3072, QI_DTYPE_Q4_K, QI_COMPUTE_F16 }, one = { 1, 3072, 3072, QI_DTYPE_Q4_K, QI_COMPUTE_F16 },
                  exact = { 4096, 3072, 3072, QI_DTYPE_Q8_0, QI_COMPUTE_F32 };

  check_choice (&gpu, NULL, 0, &many, QI_KERNEL_COOPMAT);
  check_choice (&gpu, NULL, 0, &one, QI_KERNEL_SCALAR);
  check_choice (&gpu, NULL, 0, &exact, QI_KERNEL_SCALAR); /* f32 has no matrix units */
  check_choice (&gpu, NULL, QI_KERNEL_BIT (QI_KERNEL_COOPMAT), &many, QI_KERNEL_SCALAR);
  check_choice (&gpu, "scalar", 0, &many, QI_KERNEL_SCALAR);
  check_choice (&gpu, "coopmat", 0, &one, QI_KERNEL_COOPMAT);
  check_choice (&gpu, "coopmat", 0, &exact, QI_KERNEL_SCALAR);
  check_choice (&gpu, "dot", 0, &exact, QI_KERNEL_DOT);
  check_choice (&plain, NULL, 0, &many, QI_KERNEL_SCALAR);
  check_choice (&software, NULL, 0, &many, QI_KERNEL_SCALAR);
  check_choice (&software, "coopmat", 0, &many, QI_KERNEL_COOPMAT);
}

static void
check_refused (const QiDeviceInfo *info, const char *forced, int code, const char *word)
{
  g_autoptr (GError) error = NULL;
  QiKernels kernels;

  g_assert_false (qi_kernels_init (&kernels, info, forced, &error));
  g_assert_error (error, QI_ERROR, code);
  g_assert_nonnull (strstr (error->message, word));
}

/* Panels: on processors with such vectors alone, for what they divide and what they gain by. */
static void
test_panels (void)
{
  const QiProduct exact = { 4096, 3072, 3072, QI_DTYPE_F32, QI_COMPUTE_F32 };
  QiDeviceInfo processor = software, card = gpu;
  QiProduct odd = exact, few = exact, half = exact;

  processor.subgroup_size = card.subgroup_size = 8;
  odd.k = 3080;
  few.m = 100;
  half.compute = QI_COMPUTE_F16;
  check_choice (&processor, NULL, 0, &exact, QI_KERNEL_PANELS);
  check_choice (&processor, NULL, 0, &odd, QI_KERNEL_SCALAR);
  check_choice (&processor, NULL, 0, &few, QI_KERNEL_SCALAR);
  check_choice (&processor, NULL, 0, &half, QI_KERNEL_SCALAR);
  check_choice (&processor, "panels", 0, &few, QI_KERNEL_PANELS);
  check_choice (&processor, "panels", 0, &odd, QI_KERNEL_SCALAR);
  check_choice (&processor, NULL, QI_KERNEL_BIT (QI_KERNEL_PANELS), &exact, QI_KERNEL_SCALAR);
  few.weight = QI_DTYPE_Q8_0; /* it is expanded anyway */
  check_choice (&processor, NULL, 0, &few, QI_KERNEL_PANELS);
  check_choice (&card, NULL, 0, &exact, QI_KERNEL_SCALAR);
  check_refused (&card, "panels", QI_ERROR_UNSUPPORTED, "subgroups of 4, 8 or 16");
}

static void
check_attention (const QiDeviceInfo *info, const char *forced, guint64 n_q, guint64 d, QiCompute compute, QiKernel want)
{
  QiKernels kernels;

  g_assert_true (qi_kernels_init (&kernels, info, forced, NULL));
  g_assert_cmpstr (qi_kernel_name (qi_kernels_for_attention (&kernels, info, n_q, d, compute)), ==, qi_kernel_name (want));
}

static void
test_attention_choice (void)
{
  QiDeviceInfo processor = software;

  processor.subgroup_size = 8;
  check_attention (&processor, NULL, 100, 128, QI_COMPUTE_F32, QI_KERNEL_PANELS);
  check_attention (&processor, NULL, 100, 128, QI_COMPUTE_F16, QI_KERNEL_PANELS);
  check_attention (&processor, NULL, 1, 128, QI_COMPUTE_F32, QI_KERNEL_SCALAR);
  check_attention (&processor, "panels", 1, 128, QI_COMPUTE_F32, QI_KERNEL_PANELS);
  check_attention (&processor, NULL, 100, 40, QI_COMPUTE_F32, QI_KERNEL_SCALAR);
  check_attention (&processor, "scalar", 100, 128, QI_COMPUTE_F32, QI_KERNEL_SCALAR);
  check_attention (&gpu, NULL, 100, 128, QI_COMPUTE_F16, QI_KERNEL_COOPMAT);
  check_attention (&gpu, NULL, 100, 128, QI_COMPUTE_F32, QI_KERNEL_SCALAR);
}

static void
test_refused (void)
{
  check_refused (&plain, "coopmat", QI_ERROR_UNSUPPORTED, "an old card lacks matrix units");
  check_refused (&plain, "dot", QI_ERROR_UNSUPPORTED, "shaderIntegerDotProduct");
  check_refused (&plain, "coopmat2", QI_ERROR_UNSUPPORTED, "an old card lacks matrix units");
  check_refused (&gpu, "coopmat2", QI_ERROR_UNSUPPORTED, "a card lacks VK_NV_cooperative_matrix2");
  check_refused (&gpu, "fast", QI_ERROR_BAD_REQUEST, "scalar, coopmat, dot, coopmat2 and panels");
}

/* -- coopmat2: offered by features and shapes, never by name, and chosen by nobody ------------------------- */

#define SHAPE(lanes_, side, type, scope_)                                                                                  \
  { .MGranularity = (side), .NGranularity = (side), .KGranularity = 16, .AType = VK_COMPONENT_TYPE_FLOAT16_KHR,              \
    .BType = VK_COMPONENT_TYPE_FLOAT16_KHR, .CType = (type), .ResultType = (type), .scope = (scope_), .workgroupInvocations = (lanes_) }

static const VkPhysicalDeviceCooperativeMatrix2FeaturesNV all_features = {
  .cooperativeMatrixWorkgroupScope = VK_TRUE,       .cooperativeMatrixFlexibleDimensions = VK_TRUE,
  .cooperativeMatrixPerElementOperations = VK_TRUE, .cooperativeMatrixTensorAddressing = VK_TRUE,
  .cooperativeMatrixBlockLoads = VK_TRUE
};
static const VkCooperativeMatrixFlexibleDimensionsPropertiesNV shapes[] = {
  SHAPE (32, 16, VK_COMPONENT_TYPE_FLOAT32_KHR, VK_SCOPE_SUBGROUP_KHR),
  SHAPE (128, 16, VK_COMPONENT_TYPE_FLOAT16_KHR, VK_SCOPE_WORKGROUP_KHR),
  SHAPE (128, 32, VK_COMPONENT_TYPE_FLOAT32_KHR, VK_SCOPE_WORKGROUP_KHR),
  SHAPE (256, 64, VK_COMPONENT_TYPE_FLOAT32_KHR, VK_SCOPE_WORKGROUP_KHR),
};

static void
check_coopmat2_refused (VkPhysicalDeviceCooperativeMatrix2FeaturesNV features, gboolean addresses, guint32 n_shapes, guint side,
                        const char *word)
{
  QiDeviceInfo info = gpu;

  qi_caps_take_matrix2 (&features, addresses, shapes, n_shapes, side, &info);
  g_assert_false (info.coopmat2);
  check_refused (&info, "coopmat2", QI_ERROR_UNSUPPORTED, word);
}

static void
check_tile (const QiDeviceInfo *info, guint64 m, guint lanes, guint rows, guint columns)
{
  const QiLinearTile *tile = qi_linear_tile (info, &(QiTiles){ 0 }, QI_KERNEL_COOPMAT2, m);

  g_assert_cmpuint (tile->side[0], ==, lanes);
  g_assert_cmpuint (tile->side[1], ==, rows);
  g_assert_cmpuint (tile->side[2], ==, columns);
}

static void
test_coopmat2 (void)
{
  const QiProduct many = { 4096, 3072, 3072, QI_DTYPE_Q4_K, QI_COMPUTE_F16 }, exact = { 4096, 3072, 3072, QI_DTYPE_Q8_0, QI_COMPUTE_F32 };
  VkPhysicalDeviceCooperativeMatrix2FeaturesNV some = all_features;
  QiDeviceInfo info = gpu, none = plain;
  QiKernels kernels;

  qi_caps_take_matrix2 (&all_features, TRUE, shapes, G_N_ELEMENTS (shapes), 1024, &info);
  g_assert_true (info.coopmat2);
  g_assert_cmpuint (info.n_coopmat2_shapes, ==, 2); /* those of workgroups with f32 sums */
  check_choice (&info, NULL, 0, &many, QI_KERNEL_COOPMAT);
  check_choice (&info, NULL, QI_KERNEL_BIT (QI_KERNEL_COOPMAT), &many, QI_KERNEL_SCALAR);
  check_choice (&info, "coopmat2", 0, &many, QI_KERNEL_COOPMAT2);
  check_choice (&info, "coopmat2", 0, &exact, QI_KERNEL_SCALAR);
  g_assert_true (qi_kernels_init (&kernels, &info, NULL, NULL));
  g_assert_cmpuint (qi_kernels_in_use (&kernels, &info) & QI_KERNEL_BIT (QI_KERNEL_COOPMAT2), ==, 0);

  /* Tiles are whole multiples of a shape, 16 rows are none of 32. */
  check_tile (&info, 4096, 256, 128, 128);
  check_tile (&info, 40, 128, 64, 64);
  check_tile (&info, 1, 128, 32, 64);
  info.coopmat2_side = 64;
  check_tile (&info, 4096, 128, 64, 64);

  /* As lavapipe has it. */
  some.cooperativeMatrixWorkgroupScope = some.cooperativeMatrixTensorAddressing = some.cooperativeMatrixBlockLoads = VK_FALSE;
  check_coopmat2_refused (some, TRUE, G_N_ELEMENTS (shapes), 1024,
                          "a card lacks what they need of VK_NV_cooperative_matrix2: workgroup scope, tensor addressing, block loads");
  check_coopmat2_refused (all_features, FALSE, G_N_ELEMENTS (shapes), 1024, "buffer device addresses");
  check_coopmat2_refused (all_features, TRUE, 2, 1024, "a shape of f16 operands");
  check_coopmat2_refused (all_features, TRUE, G_N_ELEMENTS (shapes), 32, "a shape of f16 operands");
  qi_caps_take_matrix2 (&all_features, TRUE, shapes, G_N_ELEMENTS (shapes), 1024, &none);
  g_assert_false (none.coopmat2); /* the first extension is what it builds on */
}

/* -- on the device --------------------------------------------------------------------------------- */

static QiDevice *
open_device (const char *kernels, GError **error)
{
  return qi_device_open (&(QiDeviceParams){ .device = qi_env_device (), .validate = TRUE, .kernels = kernels }, error);
}

/* Every row that is offered is right, and the limits are what finds one that is not. */
static void
test_rows (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiDevice) device = open_device (NULL, &error);

  g_assert_no_error (error);
  for (QiKernel kernel = 0; kernel < QI_N_KERNELS; kernel++)
    {
      gboolean known;

      if (!(device->kernels.offered & QI_KERNEL_BIT (kernel)))
        continue;
      g_assert_true (qi_self_test_row (device, kernel, 1, &known, &error));
      g_assert_no_error (error);
      g_assert_false (qi_self_test_row (device, kernel, 1e9, &known, &error));
      g_assert_true (known);
      g_assert_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED);
      g_assert_nonnull (strstr (error->message, qi_kernel_name (kernel)));
      g_clear_error (&error);
    }
  g_assert_cmpuint (qi_device_validation_messages (device, NULL), ==, 0);
}

#define SAME_M 53
#define SAME_N 71
#define SAME_K 80

static void
multiply (const char *kernels, float *y)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiDevice) device = open_device (kernels, &error);
  g_autoptr (QiStream) s = NULL;
  float x[SAME_M * SAME_K], w[SAME_N * SAME_K];
  const QiTensor *tx, *tw;

  g_assert_no_error (error);
  s = qi_stream_new (device, FALSE);
  tx = qi_scratch (s, QI_DTYPE_F32, SAME_M, SAME_K);
  tw = qi_scratch (s, QI_DTYPE_F32, SAME_N, SAME_K);
  for (guint i = 0; i < G_N_ELEMENTS (x); i++)
    x[i] = (float) (i * 7919 % 1009) / 1009 - 0.5f;
  for (guint i = 0; i < G_N_ELEMENTS (w); i++)
    w[i] = (float) (i * 104729 % 997) / 997 - 0.5f;
  qi_stream_upload (s, tx, 0, x, sizeof x);
  qi_stream_upload (s, tw, 0, w, sizeof w);
  g_assert_true (qi_stream_download (s, qi_linear (s, tx, &(QiLinear){ .weight = tw }, QI_ACT_NONE), y, SAME_M * SAME_N * sizeof *y,
                                     &error));
  g_assert_cmpuint (qi_device_validation_messages (device, NULL), ==, 0);
}

/* Both rows of f32 sum in one order: panels change no bit. */
static void
test_same_bytes (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiDevice) device = open_device (NULL, &error);
  float scalar[SAME_M * SAME_N], panels[SAME_M * SAME_N];

  g_assert_no_error (error);
  if (!(device->kernels.offered & QI_KERNEL_BIT (QI_KERNEL_PANELS)))
    {
      g_test_skip ("no panels here");
      return;
    }
  multiply ("scalar", scalar);
  multiply ("panels", panels);
  g_assert_cmpmem (scalar, sizeof scalar, panels, sizeof panels);
}

/* Here too the driver has the extension, and not what counts of it. */
static void
test_coopmat2_here (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiDevice) device = open_device (NULL, &error);

  g_assert_no_error (error);
  if (device->info.coopmat2)
    {
      g_test_skip ("it is all there");
      return;
    }
  g_assert_null (open_device ("coopmat2", &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED);
  g_assert_nonnull (strstr (error->message, "VK_NV_cooperative_matrix2"));
  if (qi_caps_has_extension (device->physical, VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME))
    g_assert_nonnull (strstr (error->message, "workgroup scope"));
}

/* The tiles that GPUs get, with this device's shape of products. */
static void
test_large_tiles (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiDevice) device = open_device (NULL, &error);
  gboolean known;

  g_assert_no_error (error);
  if (!device->info.coopmat)
    {
      g_test_skip ("no matrix units here");
      return;
    }
  device->info.type = QI_DEVICE_DISCRETE;
  g_assert_true (qi_self_test_row (device, QI_KERNEL_COOPMAT, 1, &known, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (qi_device_validation_messages (device, NULL), ==, 0);
}

/* What was found is remembered for this device, driver and these shaders, and found anew for others. */
static void
test_remembered (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autofree char *path = NULL, *word = NULL;
  QiDevice *device = open_device ("dot", &error);

  g_assert_no_error (error);
  path = qi_pipeline_cache_path (device, "kernels");
  qi_device_close (device);
  g_assert_true (g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, NULL));
  word = g_key_file_get_string (file, "self-test", "dot", NULL);
  g_assert_cmpstr (word, ==, "right");

  g_key_file_set_string (file, "self-test", "dot", "garbage, as was seen");
  g_assert_true (g_key_file_save_to_file (file, path, NULL));
  g_assert_null (open_device ("dot", &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED);
  g_assert_cmpstr (error->message, ==, "garbage, as was seen");
  g_clear_error (&error);

  g_key_file_set_string (file, "self-test", "version", "of another version");
  g_assert_true (g_key_file_save_to_file (file, path, NULL));
  device = open_device ("dot", &error);
  g_assert_no_error (error);
  qi_device_close (device);
}

/* A row that nobody forced is replaced by the next, with a warning. */
static void
test_replaced (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (QiDevice) device = open_device (NULL, &error);
  g_autofree char *path = NULL;
  const QiProduct many = { 4096, 3072, 3072, QI_DTYPE_Q4_K, QI_COMPUTE_F16 };

  g_assert_no_error (error);
  if (!device->info.coopmat)
    {
      g_test_skip ("no matrix units here");
      return;
    }
  path = qi_pipeline_cache_path (device, "kernels");
  g_key_file_set_string (file, "self-test", "version", qi_shader_digest);
  g_key_file_set_string (file, "self-test", "scalar", "right");
  g_key_file_set_string (file, "self-test", "coopmat", "garbage, as was seen");
  g_assert_true (g_key_file_save_to_file (file, path, NULL));
  device->info.type = QI_DEVICE_DISCRETE; /* on software devices nobody would choose it */
  g_assert_cmpint (qi_kernels_for_linear (&device->kernels, &device->info, &many), ==, QI_KERNEL_COOPMAT);
  g_test_expect_message ("qi-compute", G_LOG_LEVEL_WARNING, "garbage, as was seen; others take their place");
  g_assert_true (qi_self_test (device, &error));
  g_test_assert_expected_messages ();
  g_assert_cmpint (qi_kernels_for_linear (&device->kernels, &device->info, &many), ==, QI_KERNEL_SCALAR);
  g_remove (path);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiDevice) device = NULL;

  g_test_init (&argc, &argv, NULL);
  own_cache ();
  g_test_add_func ("/kernels/choice", test_choice);
  g_test_add_func ("/kernels/panels", test_panels);
  g_test_add_func ("/kernels/attention-choice", test_attention_choice);
  g_test_add_func ("/kernels/refused", test_refused);
  g_test_add_func ("/kernels/coopmat2", test_coopmat2);
  device = open_device (NULL, &error);
  if (!device && qi_env_require_vulkan ())
    g_error ("%s", error->message);
  if (device)
    {
      g_test_add_func ("/kernels/rows", test_rows);
      g_test_add_func ("/kernels/same-bytes", test_same_bytes);
      g_test_add_func ("/kernels/coopmat2-here", test_coopmat2_here);
      g_test_add_func ("/kernels/large-tiles", test_large_tiles);
      g_test_add_func ("/kernels/remembered", test_remembered);
      g_test_add_func ("/kernels/replaced", test_replaced);
    }
  return g_test_run ();
}

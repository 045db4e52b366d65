/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The text encoder writes: with its cache as without, up to stop tokens, until it is cancelled, and in the planned memory. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "models/text/speak.h"
#include "models/text/template.h"
#include "tests/golden/on-device.h"

#define N_TOKENS 32

static QiDevice *device;

static QiModelSet *
open_set (const char *encoder)
{
  g_autofree char *model = g_build_filename (g_getenv ("SFUMATO_TEST_DATA"), "models", "base", NULL);
  g_autofree char *text = encoder ? g_build_filename (g_getenv ("SFUMATO_TEST_VARIANTS"), "text", encoder, NULL) : NULL;
  g_autofree char *tower = encoder ? g_build_filename (g_getenv ("SFUMATO_TEST_VARIANTS"), "text", "mmproj-f32.gguf", NULL) : NULL;
  g_autofree char *config = encoder ? g_build_filename (g_getenv ("SFUMATO_TEST_VARIANTS"), "config", NULL) : NULL;
  const QiModelPaths paths = { .model = model, .text_encoder = text, .vision = tower, .config = config };
  g_autoptr (GError) error = NULL;
  QiModelSet *set = qi_model_set_open (&paths, &error);

  g_assert_no_error (error);
  return set;
}

/* -- with the cache as without --------------------------------------------------------------------- */

/* The likeliest token after ids, from all of them anew. */
static guint32
next_of_all (QiRuntime *runtime, const QiSeen *seen, guint n_pictures, const GArray *ids, guint32 image_id)
{
  const guint vocabulary = qi_runtime_set (runtime)->text_config.vocabulary;
  g_autofree float *logits = g_new (float, vocabulary);
  g_autofree guint32 *positions = NULL;
  g_autoptr (GError) error = NULL;
  QiStream *s = qi_runtime_begin (runtime, QI_PART_TEXT_ENCODER, &error);
  guint32 best = 0;

  g_assert_no_error (error);
  g_assert_true (qi_runtime_load (runtime, QI_PART_TEXT_HEAD, &error));
  positions = qi_seen_positions (seen, n_pictures, ids, image_id, &error);
  g_assert_no_error (error);
  qi_stream_begin_scope (s);
  const QiTextInput input = { .ids = (const guint32 *) ids->data, .n_ids = ids->len, .positions = positions,
                              .image_id = image_id, .pictures = qi_seen_upload (seen, n_pictures, runtime, s) };
  const QiTensor *hidden = qi_text_encoder_forward (qi_runtime_text_encoder (runtime), s, &input, NULL);
  const QiTensor *scores = qi_text_head_forward (qi_runtime_text_head (runtime), s, qi_view_rows (s, hidden, ids->len - 1, 1));

  g_assert_true (qi_stream_download (s, scores, logits, vocabulary * sizeof *logits, &error));
  qi_stream_end_scope (s);
  g_assert_true (qi_runtime_end (runtime, &error));
  for (guint i = 1; i < vocabulary; i++)
    best = logits[i] > logits[best] ? i : best;
  return best;
}

static void
compare (QiCompute compute, const QiPromptPicture *pictures, guint n_pictures)
{
  const QiGenerationConfig greedy = { .temperature = 1, .top_p = 1, .repetition_penalty = 1 };
  g_autoptr (QiModelSet) set = open_set (NULL);
  g_autoptr (QiRuntime) runtime = qi_runtime_new (device, set, compute, FALSE);
  g_autoptr (GArray) said = g_array_new (FALSE, FALSE, sizeof (guint32)), ids = NULL;
  g_autoptr (GError) error = NULL;
  const QiQuestion question = { .text = "What is there?\n", .pictures = pictures, .n_pictures = n_pictures,
                                .max_tokens = N_TOKENS, .config = &greedy, .stop_free = TRUE };
  g_autofree char *answer = qi_speak (runtime, &question, said, &error);
  g_autofree QiSeen *seen = g_new0 (QiSeen, n_pictures + 1);
  g_autofree guint *counts = g_new0 (guint, n_pictures + 1);
  g_autoptr (GHashTable) kinds = g_hash_table_new (NULL, NULL);
  guint32 image_id;

  g_assert_no_error (error);
  g_assert_true (g_utf8_validate (answer, -1, NULL));
  g_assert_cmpuint (said->len, ==, N_TOKENS);
  g_assert_false (qi_runtime_is_loaded (runtime, QI_PART_TEXT_HEAD));
  for (guint i = 0; i < n_pictures; i++)
    {
      g_assert_true (qi_seen_init (&seen[i], runtime, &pictures[i], &error));
      g_assert_nonnull (seen[i].rows); /* remembered */
      counts[i] = seen[i].grid.h * seen[i].grid.w;
    }
  g_assert_true (qi_tokenizer_special (set->tokenizer, "<|image_pad|>", &image_id));
  ids = qi_template_encode (QI_TEMPLATE_ASK, set->tokenizer, question.text, -1, counts, n_pictures, FALSE, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < N_TOKENS; i++)
    {
      const guint32 id = g_array_index (said, guint32, i);

      g_assert_cmpuint (id, ==, next_of_all (runtime, seen, n_pictures, ids, image_id));
      g_array_append_val (ids, id);
      g_hash_table_add (kinds, GUINT_TO_POINTER (id));
    }
  g_assert_cmpuint (g_hash_table_size (kinds), >, 1); /* else any cache would do */
  for (guint i = 0; i < n_pictures; i++)
    qi_seen_clear (&seen[i]);
}

static void
cached (gconstpointer data)
{
  g_autoptr (QiImage) a = golden_noise (112, 84, 1), b = golden_noise (56, 140, 2);
  const QiPromptPicture pictures[] = { { a }, { b } };
  const guint i = GPOINTER_TO_UINT (data);

  compare (i < 3 ? QI_COMPUTE_F32 : QI_COMPUTE_F16, pictures, i < 3 ? i : 2);
}

/* -- ends ------------------------------------------------------------------------------------------ */

static QiQuestion
question_about (const QiPromptPicture *picture, const QiGenerationConfig *config)
{
  return (QiQuestion){ .text = "What is there?\n", .pictures = picture, .n_pictures = 1, .max_tokens = 12, .config = config };
}

static void
stops (void)
{
  QiGenerationConfig config = { .temperature = 1, .top_p = 1, .repetition_penalty = 1.3 };
  g_autoptr (QiModelSet) set = open_set (NULL);
  g_autoptr (QiRuntime) runtime = qi_runtime_new (device, set, QI_COMPUTE_F32, FALSE);
  g_autoptr (QiImage) image = golden_noise (60, 60, 5);
  const QiPromptPicture picture = { image };
  QiQuestion question = question_about (&picture, &config);
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (guint32)), cut = g_array_new (FALSE, FALSE, sizeof (guint32));
  g_autoptr (GError) error = NULL;
  g_autofree char *first = NULL, *second = NULL;
  guint at = 0;

  question.stop_free = TRUE;
  first = qi_speak (runtime, &question, all, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (all->len, ==, 12);
  config.stops[0] = 543; /* never said, or at the end */
  config.stops[1] = g_array_index (all, guint32, 5);
  config.n_stops = 2;
  while (at < 5 && g_array_index (all, guint32, at) != config.stops[1] && g_array_index (all, guint32, at) != 543)
    at++;
  question.stop_free = FALSE;
  second = qi_speak (runtime, &question, cut, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (cut->len, ==, at);
  g_assert_cmpmem (cut->data, cut->len * 4, all->data, at * 4);
}

/* The same seed says the same, another one something else; at a low temperature all say the likeliest. */
static void
sampled (void)
{
  QiGenerationConfig config = { .sample = TRUE, .temperature = 2, .top_p = 1, .repetition_penalty = 1 };
  g_autoptr (QiModelSet) set = open_set (NULL);
  g_autoptr (QiRuntime) runtime = qi_runtime_new (device, set, QI_COMPUTE_F32, FALSE);
  g_autoptr (QiImage) image = golden_noise (60, 60, 5);
  const QiPromptPicture picture = { image };
  QiQuestion question = question_about (&picture, &config);
  static const guint32 seeds[] = { 1, 1, 2 };
  GArray *said[6];
  g_autoptr (GError) error = NULL;

  question.stop_free = TRUE;
  for (guint i = 0; i < 6; i++)
    {
      said[i] = g_array_new (FALSE, FALSE, sizeof (guint32));
      question.seed = seeds[i % 3];
      config.temperature = i < 3 ? 2 : 1e-6;
      config.sample = i < 5;
      g_free (qi_speak (runtime, &question, said[i], &error));
      g_assert_no_error (error);
      g_assert_cmpuint (said[i]->len, ==, 12);
    }
  g_assert_cmpmem (said[0]->data, 48, said[1]->data, 48);
  g_assert_true (memcmp (said[0]->data, said[2]->data, 48) != 0);
  g_assert_cmpmem (said[3]->data, 48, said[4]->data, 48);
  g_assert_cmpmem (said[3]->data, 48, said[5]->data, 48);
  for (guint i = 0; i < 6; i++)
    g_array_unref (said[i]);
}

static void
cancel_at (const QiProgress *progress, gpointer user_data)
{
  if (progress->stage == QI_STAGE_ENCODE && progress->step == 4)
    g_cancellable_cancel (user_data);
}

static void
cancelled (void)
{
  g_autoptr (QiModelSet) set = open_set (NULL);
  g_autoptr (QiRuntime) runtime = qi_runtime_new (device, set, QI_COMPUTE_F32, FALSE);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (QiImage) image = golden_noise (60, 60, 5);
  const QiPromptPicture picture = { image };
  QiQuestion question = question_about (&picture, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *answer = NULL;

  question.stop_free = TRUE;
  qi_runtime_set_job (runtime, &(QiJob){ .progress = cancel_at, .user_data = cancellable, .cancellable = cancellable });
  g_assert_null (qi_speak (runtime, &question, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (qi_runtime_is_loaded (runtime, QI_PART_TEXT_HEAD));
  qi_runtime_set_job (runtime, NULL);
  g_clear_error (&error);
  answer = qi_speak (runtime, &question, NULL, &error);
  g_assert_no_error (error);
}

/* A file that only serves to read says so, and says it before the long work. */
static void
headless (void)
{
  g_autoptr (QiModelSet) set = open_set ("fp8-scaled.safetensors");
  g_autoptr (QiRuntime) runtime = qi_runtime_new (device, set, QI_COMPUTE_F32, FALSE);
  g_autoptr (QiImage) image = golden_noise (60, 60, 5);
  const QiPromptPicture picture = { image };
  const QiQuestion question = question_about (&picture, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (qi_speak (runtime, &question, NULL, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, "output head"));
  g_assert_false (qi_runtime_is_loaded (runtime, QI_PART_VISION));
}

static void
planned (void)
{
  const QiPart order[] = { QI_PART_VISION, QI_PART_TEXT_ENCODER };
  g_autoptr (QiModelSet) set = open_set (NULL);
  g_autoptr (QiRuntime) plan = qi_runtime_new (device, set, QI_COMPUTE_F32, TRUE);
  g_autoptr (QiRuntime) runtime = qi_runtime_new (device, set, QI_COMPUTE_F32, FALSE);
  g_autoptr (QiImage) image = golden_noise (224, 168, 1);
  const QiPromptPicture picture = { image }, size = { NULL, 224, 168 };
  QiQuestion question = question_about (&size, NULL);
  g_autoptr (GError) error = NULL;
  guint64 most = 0, weights = 0;

  question.stop_free = TRUE;
  g_free (qi_speak (plan, &question, NULL, &error));
  g_assert_no_error (error);
  for (guint i = 0; i < 2; i++)
    {
      weights += qi_pool_peak (qi_runtime_weights (plan, order[i]));
      for (QiPart part = 0; part < QI_N_PARTS; part++)
        if (qi_part_host (part) == order[i] && qi_runtime_weights (plan, part))
          weights += qi_pool_peak (qi_runtime_weights (plan, part));
      most = MAX (most, weights + qi_pool_peak (qi_runtime_scratch (plan, order[i])));
    }
  g_assert_cmpuint (qi_device_memory (device).tensors, ==, 0);
  qi_device_reset_memory_peak (device);
  question.pictures = &picture;
  g_free (qi_speak (runtime, &question, NULL, &error));
  g_assert_no_error (error);
  g_test_message ("planned %" G_GUINT64_FORMAT ", seen %" G_GUINT64_FORMAT, most, qi_device_memory (device).tensors_peak);
  g_assert_cmpfloat (fabs ((double) most - qi_device_memory (device).tensors_peak), <=, 0.05 * most);
}

int
main (int argc, char **argv)
{
  static const char *const names[] = { "words", "one-picture", "two-pictures", "f16" };
  device = golden_open (&argc, &argv);
  if (!device)
    return 0;
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_strdup_printf ("/speak/cached/%s", names[i]);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), cached);
    }
  g_test_add_func ("/speak/stops", stops);
  g_test_add_func ("/speak/sampled", sampled);
  g_test_add_func ("/speak/cancelled", cancelled);
  g_test_add_func ("/speak/headless", headless);
  g_test_add_func ("/speak/planned", planned);
  return golden_run (device);
}

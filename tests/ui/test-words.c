/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* What is said: times, progress, and a message for everything that can go wrong. */
#include <gio/gio.h>
#include <string.h>

#include "base/error.h"
#include "ui/host.h"
#include "ui/messages.h"
#include "ui/wording.h"

static void
test_estimates (void)
{
  static const struct
  {
    double seconds;
    const char *words;
  } cases[] = { { -1, "Time known after the first picture" },
                { 3, "A few seconds" },
                { 10, "About 10 s" },
                { 41, "About 45 s" },
                { 44, "About 45 s" },
                { 56, "About 1 min" },
                { 95, "About 1 min 40 s" },
                { 120, "About 2 min" },
                { 599, "About 10 min" },
                { 700, "About 12 min" },
                { 3599, "About 1 h" },
                { 4100, "About 1 h 10 min" } };

  for (guint k = 0; k < G_N_ELEMENTS (cases); k++)
    {
      g_autofree char *words = qi_words_estimate (cases[k].seconds);
      g_assert_cmpstr (words, ==, cases[k].words);
    }
}

static void
test_short_and_left (void)
{
  g_autofree char *a = qi_words_short (22), *b = qi_words_short (95), *c = qi_words_short (-1),
                  *d = qi_words_left (34, FALSE), *e = qi_words_left (2, FALSE), *f = qi_words_left (2, TRUE),
                  *g = qi_words_left (200, FALSE), *h = qi_words_left (-1, FALSE);

  g_assert_cmpstr (a, ==, "22 s");
  g_assert_cmpstr (b, ==, "1 min 35 s");
  g_assert_cmpstr (c, ==, "–");
  g_assert_cmpstr (d, ==, "34 s left");
  g_assert_cmpstr (e, ==, "almost done");
  g_assert_cmpstr (f, ==, "a little longer");
  g_assert_cmpstr (g, ==, "4 min left");
  g_assert_cmpstr (h, ==, "");
}

static void
test_stages (void)
{
  static const struct
  {
    QiProgress progress;
    const char *words;
  } cases[] = { { { .stage = QI_STAGE_WAIT, .step = 1 }, "Waiting, 1 before this" },
                { { .stage = QI_STAGE_LOAD, .step = 2956, .n_steps = 11540 }, "Loading the model, 3.1 of 12.1 GB" },
                { { .stage = QI_STAGE_ENCODE, .step = 1 }, "Reading the prompt" },
                { { .stage = QI_STAGE_DENOISE, .step = 3, .n_steps = 8 }, "Step 3 of 8" },
                { { .stage = QI_STAGE_DECODE }, "Finishing the picture" },
                { { .stage = QI_STAGE_PASTE }, "Fitting it in" } };

  for (guint k = 0; k < G_N_ELEMENTS (cases); k++)
    {
      g_autofree char *words = qi_words_stage (&cases[k].progress);
      g_assert_cmpstr (words, ==, cases[k].words);
    }
}

static void
test_late (void)
{
  QiPace pace;

  qi_pace_begin (&pace, 100, 20);
  qi_pace_tick (&pace, 119);
  g_assert_false (pace.late);
  qi_pace_tick (&pace, 125);
  g_assert_true (pace.late);
  qi_pace_begin (&pace, 100, -1);
  g_assert_cmpfloat (pace.left, <, 0);
  qi_pace_tell (&pace, 101, -1);
  g_assert_cmpfloat (pace.left, <, 0);
  qi_pace_tell (&pace, 102, 50);
  g_assert_cmpfloat (pace.left, ==, 50);
}

/* Everything that engine and host can say becomes a message with a cause and a consequence, never a bare code or path. */
static void
test_errors (void)
{
  const struct
  {
    GQuark domain;
    int code;
    const char *message;
    QiSay say;
    const char *sentence; /* NULL: not looked at */
  } cases[] = {
    { QI_ERROR, QI_ERROR_OUT_OF_MEMORY, "Needs 9.1 GiB of GPU memory, 6.2 GiB are free.", QI_SAY_GRAPHICS_MEMORY,
      "Not enough graphics memory. The job needs 9.8 GB, 6.7 GB is free. Your image is unchanged." },
    { QI_ERROR, QI_ERROR_OUT_OF_MEMORY, "Needs 512 MiB of memory, 40 MiB are free.", QI_SAY_MEMORY,
      "Not enough memory. The job needs 537 MB, 42 MB is free. Your image is unchanged." },
    { QI_ERROR, QI_ERROR_OUT_OF_MEMORY, "no figures", QI_SAY_GRAPHICS_MEMORY, NULL },
    { QI_ERROR, QI_ERROR_NO_DEVICE, "x", QI_SAY_NO_CARD, NULL },
    { QI_ERROR, QI_ERROR_DEVICE_LOST, "x", QI_SAY_DRIVER_STOPPED, NULL },
    { QI_ERROR, QI_ERROR_WORKER_GONE, "x", QI_SAY_ENGINE_STOPPED,
      "The engine stopped unexpectedly. Your image is unchanged. Finished results are kept." },
    { QI_ERROR, QI_ERROR_UNSUPPORTED, "“/m/a.gguf” is a model of the Qwen3 family.", QI_SAY_FILE_UNKNOWN,
      "This file is not a model we know. The contents of “a.gguf” match no known model. It was left alone." },
    { QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "“/m/vae.safetensors” ends after 3 bytes.", QI_SAY_FILE_DAMAGED,
      "“vae.safetensors” is damaged. No picture can be made with it. Your image is unchanged." },
    { QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "“/m/vae.safetensors” cannot be opened: No such file.", QI_SAY_FILE_MISSING,
      NULL },
    { QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "There is no file or folder “/m/edit” (--model).", QI_SAY_FILE_MISSING,
      "“edit” is missing. No picture can be made without it. Your image is unchanged." },
    { QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
      "The folder “/m/empty” holds no model: neither model_index.json with its folders, nor safetensors or GGUF files of "
      "Qwen-Image.",
      QI_SAY_FILE_UNKNOWN,
      "This file is not a model we know. The contents of “empty” match no known model. It was left alone." },
    { QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "“/m/te.gguf” and its tokenizer do not belong together.", QI_SAY_FILES_DIFFER,
      NULL },
    { QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
      "The text encoder does not belong to the transformer: its width is 128, where 64 is wanted; they come from "
      "different models.",
      QI_SAY_FILES_DIFFER,
      "These files do not belong together. “text encoder” is of another model; pictures would be noise." },
    { QI_ERROR, QI_ERROR_UNSUPPORTED,
      "The add-on “style-2511” is for Qwen-Image-Edit-2511 and does not fit “edit-plus”, which is Qwen-Image-Edit-2509: "
      "pictures would be noise. It was not used.",
      QI_SAY_ADD_ON_UNFIT, "This add-on does not fit. It was made for another model. It was not used." },
    { QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
      "“/m/x.safetensors” is no add-on: none of its 12 tensors is a part of a LoRA. It was not used.",
      QI_SAY_ADD_ON_UNFIT, NULL },
    { QI_ERROR, QI_ERROR_UNSUPPORTED, "“base” cannot split a picture into layers; choose Qwen-Image-Layered.",
      QI_SAY_NO_LAYERED,
      "The model for layers is missing. “base” cannot split a picture; Qwen-Image-Layered can." },
    { QI_ERROR, QI_ERROR_UNSUPPORTED, "“layered” splits pictures into layers and does nothing else; choose another model.",
      QI_SAY_LAYERED_ONLY, NULL },
    { QI_ERROR, QI_ERROR_UNSUPPORTED, "“base” was not made to look at pictures; choose Qwen-Image-Edit, 2509 or 2511.",
      QI_SAY_MODEL_CANNOT, NULL },
    { QI_ERROR, QI_ERROR_BAD_REQUEST, "Steps must be 1 to 200.", QI_SAY_BAD_REQUEST,
      "The request cannot be carried out. Steps must be 1 to 200." },
    { QI_ERROR, QI_ERROR_FAILED, "Nobody knows.", QI_SAY_FAILED, "The job failed. Nobody knows." },
    { QI_HOST_ERROR, QI_HOST_ERROR_IMAGE_GONE, "“a.xcf” was closed.", QI_SAY_IMAGE_CLOSED,
      "“a.xcf” was closed. Nothing was placed. A new image can be made." },
    { QI_HOST_ERROR, QI_HOST_ERROR_LAYER_GONE, "x", QI_SAY_LAYER_GONE, NULL },
    { QI_HOST_ERROR, QI_HOST_ERROR_IMAGE_CHANGED, "x", QI_SAY_IMAGE_CHANGED, NULL },
    { G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT, "x", QI_SAY_PART_MISSING, NULL },
    { G_IO_ERROR, G_IO_ERROR_FAILED, "x", QI_SAY_FAILED, NULL },
  };

  for (guint k = 0; k < G_N_ELEMENTS (cases); k++)
    {
      g_autoptr (GError) error = g_error_new_literal (cases[k].domain, cases[k].code, cases[k].message);
      g_autoptr (QiCard) card = qi_card_from_error (error);
      g_autofree char *sentence = qi_card_sentence (card);
      g_assert_cmpint (card->say, ==, cases[k].say);
      g_assert_cmpstr (card->details, ==, cases[k].message);
      g_assert_true (*card->title && *card->consequence);
      if (cases[k].sentence)
        g_assert_cmpstr (sentence, ==, cases[k].sentence);
    }
  g_autoptr (GError) cancelled = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "x");
  g_assert_null (qi_card_from_error (cancelled));
}

static void
test_cards (void)
{
  g_autoptr (QiCard) small = qi_card_new (QI_SAY_SELECTION_SMALL, 3, 2);
  g_autoptr (QiCard) pictures = qi_card_new (QI_SAY_NO_SUCH_PICTURE, 3u, 2u);
  g_autoptr (QiCard) one = qi_card_new (QI_SAY_NO_SUCH_PICTURE, 3u, 1u);
  g_autoptr (QiCard) moved = qi_card_new (QI_SAY_MOVED, 14.2);

  g_assert_cmpstr (small->consequence, ==, "3 × 2 px. The result would not be visible.");
  g_assert_cmpstr (pictures->consequence, ==, "There are only 2 pictures.");
  g_assert_cmpstr (one->consequence, ==, "There is only 1 picture.");
  g_assert_cmpstr (moved->consequence, ==, "It shifted by 14 px, more than can be corrected. Nothing was placed.");
  g_assert_true (qi_say_goes_on (QI_SAY_COLOUR_MAP)); /* a script goes on where a person could */
  g_assert_false (qi_say_goes_on (QI_SAY_NO_SELECTION));
  for (guint act = QI_ACT_NONE + 1; act < QI_N_ACT; act++)
    g_assert_true (*qi_act_label (act));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ui/words/estimates", test_estimates);
  g_test_add_func ("/ui/words/short-and-left", test_short_and_left);
  g_test_add_func ("/ui/words/stages", test_stages);
  g_test_add_func ("/ui/words/late", test_late);
  g_test_add_func ("/ui/words/errors", test_errors);
  g_test_add_func ("/ui/words/cards", test_cards);
  return g_test_run ();
}

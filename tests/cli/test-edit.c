/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* edit, fill, expand and split with tiny models: what stays is untouched, what was asked for is there, and what cannot be
 * done is refused before any work. */
#include <gdk-pixbuf/gdk-pixbuf.h>
#include <glib/gstdio.h>
#include <string.h>

#include "cli/tensor-file.h"
#include "tests/cli/run-cli.h"

static char *base, *edit, *plus, *layered, *picture, *mask, *first, *second;

/* Pixels of a PNG. */
typedef struct
{
  guint8 *pixels;
  int width, height;
  gsize n;
} Pixels;

static void
pixels_clear (Pixels *p)
{
  g_free (p->pixels);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pixels, pixels_clear)

static Pixels
load (const char *path)
{
  Pixels p = { 0 };

  p.pixels = cli_pixels (path, &p.width, &p.height, &p.n);
  return p;
}

static const guint8 *
at (const Pixels *p, int x, int y)
{
  return p->pixels + ((gsize) y * p->width + x) * (p->n / ((gsize) p->width * p->height));
}

static void
assert_same (const char *a, const char *b, gboolean same)
{
  g_auto (Pixels) one = load (a), other = load (b);

  g_assert_cmpuint (one.n, ==, other.n);
  g_assert_cmpint (memcmp (one.pixels, other.pixels, one.n) == 0, ==, same);
}

/* Where the mask is black the bytes are the picture's; where it is white, some are not. */
static void
assert_only_inside (const char *result)
{
  g_auto (Pixels) now = load (result), before = load (picture), where = load (mask);
  guint changed = 0;

  g_assert_cmpint (now.width, ==, before.width);
  g_assert_cmpint (now.height, ==, before.height);
  for (int y = 0; y < now.height; y++)
    for (int x = 0; x < now.width; x++)
      if (*at (&where, x, y) == 0)
        g_assert_cmpmem (at (&now, x, y), 3, at (&before, x, y), 3);
      else
        changed += memcmp (at (&now, x, y), at (&before, x, y), 3) != 0;
  g_assert_cmpuint (changed, >, 50);
}

static void
test_inside (void)
{
  const struct
  {
    const char *command, *model;
  } rows[] = { { "fill", base }, { "fill", edit }, { "fill", plus }, { "edit", base }, { "edit", plus } };
  g_autofree char *output = cli_path ("inside.png");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_auto (CliRun) run = cli_run (rows[i].command, "--quiet", "--device=cpu", "--model", rows[i].model, "--image", picture,
                                     "--mask", mask, "--steps=2", "--seed=3", "--output", output, "make it blue", NULL);

      cli_assert_status (&run, 0);
      assert_only_inside (output);
    }
}

/* Without words a fill removes; the mask of a ControlNet is another way to draw there. */
static void
test_fill_forms (void)
{
  g_autofree char *plain = cli_path ("plain.png"), *weak = cli_path ("weak.png"), *steered = cli_path ("steered.png");
  g_autofree char *controlnet = cli_data ("models/controlnet-inpaint"), *kept = cli_path ("kept.png");
  g_auto (CliRun) one = cli_run ("fill", "--quiet", "--model", base, "--image", picture, "--mask", mask, "--steps=4",
                                 "--seed=3", "--output", plain, NULL);
  g_auto (CliRun) two = cli_run ("fill", "--quiet", "--model", base, "--image", picture, "--mask", mask, "--steps=4",
                                 "--seed=3", "--strength=0.4", "--output", weak, NULL);
  g_auto (CliRun) three = cli_run ("fill", "--quiet", "--model", base, "--controlnet", controlnet, "--image", picture,
                                   "--mask", mask, "--steps=4", "--seed=3", "--output", steered, NULL);
  g_auto (CliRun) four = cli_run ("fill", "--quiet", "--model", base, "--image", picture, "--mask", mask, "--steps=4",
                                  "--seed=3", "--strength=0.4", "--prefill=keep", "--output", kept, NULL);

  cli_assert_status (&one, 0);
  cli_assert_status (&two, 0);
  cli_assert_status (&three, 0);
  cli_assert_status (&four, 0);
  assert_only_inside (steered);
  assert_same (plain, weak, FALSE);
  assert_same (plain, steered, FALSE);
  assert_same (weak, kept, FALSE);
}

static CliRun
edit_with (const char *model, const char *variant, const char *one, const char *other, const char *seed, const char *output)
{
  g_autofree char *seed_word = g_strconcat ("--seed=", seed, NULL);

  return cli_run ("edit", "--quiet", "--device=cpu", "--model", model, "--variant", variant, "--image", one, "--image", other,
                  "--steps=2", "--guidance=1", seed_word, "--output", output, "make Picture 1 like Picture 2", NULL);
}

/* Seed, order and timestep of the references all tell; nothing else does. */
static void
test_references (void)
{
  const struct
  {
    const char *name, *variant, *one, *other, *seed;
  } rows[] = { { "a.png", "edit-2509", first, second, "5" }, { "b.png", "edit-2509", first, second, "5" },
               { "c.png", "edit-2509", first, second, "6" }, { "d.png", "edit-2509", first, first, "5" },
               { "e.png", "edit-2511", first, second, "5" } };
  char *held[G_N_ELEMENTS (rows)];

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_auto (CliRun) run = { 0 };

      held[i] = cli_path (rows[i].name);
      run = edit_with (plus, rows[i].variant, rows[i].one, rows[i].other, rows[i].seed, held[i]);
      cli_assert_status (&run, 0);
    }
  assert_same (held[0], held[1], TRUE);
  for (guint i = 2; i < G_N_ELEMENTS (rows); i++)
    assert_same (held[0], held[i], FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    g_free (held[i]);
}

/* A new picture with others beside the words: of the model's own area in the last one's shape, and both pictures tell. */
static void
test_generate_pictures (void)
{
  const char *const others[][2] = { { first, second }, { first, second }, { second, second } };
  char *made[G_N_ELEMENTS (others)];

  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    {
      g_autofree char *name = g_strdup_printf ("generated-%u.png", i);
      g_auto (CliRun) run = { 0 };

      made[i] = cli_path (name);
      run = cli_run ("generate", "--quiet", "--device=cpu", "--model", plus, "--image", others[i][0], "--image", others[i][1],
                     "--steps=2", "--guidance=1", "--seed=5", "--width=64", "--height=48", "--output", made[i],
                     "the thing of Picture 1 in Picture 2", NULL);
      cli_assert_status (&run, 0);
    }

  g_auto (Pixels) picture_made = load (made[0]);

  g_assert_cmpint (picture_made.width, ==, 64);
  g_assert_cmpint (picture_made.height, ==, 48);
  assert_same (made[0], made[1], TRUE);
  assert_same (made[0], made[2], FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    g_free (made[i]);
}

/* The peak is told before the first piece of work, and three references that do not fit are refused there. */
static void
test_plan (void)
{
  g_autofree char *output = cli_path ("plan.png");
  g_auto (CliRun) run = cli_run ("edit", "--json", "--device=cpu", "--model", plus, "--image", first, "--image", second,
                                 "--image", picture, "--steps=2", "--output", output, "all three", NULL);
  g_auto (CliRun) small = cli_run ("edit", "--device=cpu", "--memory=2M", "--model", plus, "--image", first, "--image",
                                   second, "--image", picture, "--steps=2", "--output", "small.png", "all three", NULL);
  const char *peak;

  cli_assert_status (&run, 0);
  g_assert_true (g_str_has_prefix (run.out, "{\"event\":\"plan\",\"pipeline\":\"edit-plus\""));
  peak = strstr (run.out, "\"peak_bytes\":");
  g_assert_nonnull (peak);
  g_assert_cmpuint (g_ascii_strtoull (peak + 13, NULL, 10), >, 1000000);
  g_assert_true (peak < strstr (run.out, "\"progress\""));
  cli_assert_status (&small, 4);
  g_assert_nonnull (strstr (small.err, "2.0 MiB may be used"));
  g_assert_null (strstr (small.err, "load "));
}

static guint64
peak_of (const CliRun *run)
{
  const char *peak = strstr (run->out, "\"peak_bytes\":");

  cli_assert_status (run, 0);
  g_assert_nonnull (peak);
  return g_ascii_strtoull (peak + 13, NULL, 10);
}

/* `info --plan` tells what the job itself will tell, without making anything. */
static void
test_plan_beforehand (void)
{
  g_autofree char *output = cli_path ("beforehand.png"), *mask_output = cli_path ("beforehand-fill.png");
  g_auto (CliRun) job =
      cli_run ("edit", "--json", "--device=cpu", "--model", plus, "--image", first, "--image", second, "--image",
               picture, "--steps=1", "--guidance=1", "--output", output, "all three", NULL);
  g_auto (CliRun) three =
      cli_run ("info", "--plan", "--json", "--device=cpu", "--model", plus, "--image", first, "--image", second,
               "--image", picture, "--steps=1", "--guidance=1", "all three", NULL);
  g_auto (CliRun) one = cli_run ("info", "--plan", "--json", "--device=cpu", "--model", plus, "--image", first,
                                 "--steps=1", "--guidance=1", "all three", NULL);
  g_auto (CliRun) small = cli_run ("info", "--plan", "--device=cpu", "--memory=2M", "--model", plus, "--image", first,
                                   "--image", second, "--image", picture, NULL);
  g_auto (CliRun) stack = cli_run ("info", "--plan", "--json", "--device=cpu", "--model", layered, "--task=split",
                                   "--image", picture, NULL);
  g_auto (CliRun) fill =
      cli_run ("info", "--plan", "--json", "--device=cpu", "--model", base, "--task=fill", "--image", picture, NULL);

  g_assert_cmpuint (peak_of (&job), ==, peak_of (&three));
  g_assert_nonnull (strstr (three.out, "\"pipeline\":\"edit-plus\""));
  g_assert_cmpuint (peak_of (&one), <, peak_of (&three));
  g_assert_nonnull (strstr (stack.out, "\"pipeline\":\"layered\""));
  g_assert_nonnull (strstr (fill.out, "\"pipeline\":\"inpaint\""));
  cli_assert_status (&small, 0); /* told, not refused: it is what one asks for */
  g_assert_nonnull (strstr (small.out, "peak bytes"));
  g_assert_false (g_file_test (mask_output, G_FILE_TEST_EXISTS));
}

static void
test_expand (void)
{
  const struct
  {
    const char *model;
    int left, right, top, bottom;
  } rows[] = { { base, 16, 0, 0, 0 }, { plus, 0, 33, 0, 0 }, { base, 0, 0, 21, 0 }, { edit, 7, 9, 11, 13 } };
  g_autofree char *output = cli_path ("expanded.png");
  g_auto (Pixels) old = load (picture);

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *left = g_strdup_printf ("--left=%d", rows[i].left), *right = g_strdup_printf ("--right=%d", rows[i].right);
      g_autofree char *top = g_strdup_printf ("--top=%d", rows[i].top);
      g_autofree char *bottom = g_strdup_printf ("--bottom=%d", rows[i].bottom);
      g_auto (CliRun) run = cli_run ("expand", "--quiet", "--device=cpu", "--model", rows[i].model, "--image", picture, left,
                                     right, top, bottom, "--steps=2", "--seed=3", "--output", output, NULL);
      g_auto (Pixels) now = { 0 };
      guint painted = 0;

      cli_assert_status (&run, 0);
      now = load (output);
      g_assert_cmpint (now.width, ==, old.width + rows[i].left + rows[i].right);
      g_assert_cmpint (now.height, ==, old.height + rows[i].top + rows[i].bottom);
      for (int y = 0; y < old.height; y++)
        g_assert_cmpmem (at (&now, rows[i].left, y + rows[i].top), 3 * old.width, at (&old, 0, y), 3 * old.width);
      for (gsize k = 0; k < now.n; k++)
        painted += now.pixels[k] != 255;
      g_assert_cmpuint (painted, >, old.n / 2);
    }
}

static void
test_split (void)
{
  g_autofree char *image = cli_data ("pipeline-layered-cfg/input.png"), *folder = cli_path ("stack");
  g_auto (CliRun) run = cli_run ("split", "--quiet", "--device=cpu", "--model", layered, "--image", image, "--layers=3",
                                 "--steps=2", "--seed=3", "--output-dir", folder, "a cat", NULL);
  g_auto (Pixels) original = load (image);
  g_autofree char *lowest = g_build_filename (folder, "layer-1.png", NULL);
  g_autofree char *extra = g_build_filename (folder, "layer-4.png", NULL);

  cli_assert_status (&run, 0);
  for (guint i = 1; i <= 3; i++)
    {
      g_autofree char *name = g_strdup_printf ("layer-%u.png", i), *path = g_build_filename (folder, name, NULL);
      g_auto (Pixels) layer = load (path);

      g_assert_cmpint (layer.width, ==, original.width);
      g_assert_cmpint (layer.height, ==, original.height);
      g_assert_cmpuint (layer.n, ==, 4 * (gsize) layer.width * layer.height); /* with alpha */
      if (i > 1)
        assert_same (lowest, path, FALSE);
    }
  g_assert_false (g_file_test (extra, G_FILE_TEST_EXISTS));
}

/* A model that draws and has a second transformer for splits makes the layers that the second one makes by itself. */
static void
test_split_pair (void)
{
  g_autofree char *image = cli_data ("pipeline-layered-cfg/input.png"), *pair = cli_data ("models/pair");
  g_autofree char *alone = cli_path ("alone"), *beside = cli_path ("beside"), *drawn = cli_path ("drawn.png");
  g_auto (CliRun) one = cli_run ("split", "--quiet", "--device=cpu", "--model", layered, "--image", image, "--layers=2", "--steps=2",
                                 "--seed=3", "--output-dir", alone, "a cat", NULL);
  g_auto (CliRun) two = cli_run ("split", "--quiet", "--device=cpu", "--model", pair, "--image", image, "--layers=2", "--steps=2",
                                 "--seed=3", "--output-dir", beside, "a cat", NULL);
  g_auto (CliRun) draw = cli_generate (drawn, "--model", pair, "--steps=1", "--prompt=a cat", NULL);
  g_auto (CliRun) plan = cli_run ("info", "--plan", "--json", "--device=cpu", "--model", pair, "--task=split", "--image", image, NULL);
  g_auto (CliRun) model = cli_run ("info", "--json", "--device=cpu", "--model", pair, NULL);

  cli_assert_status (&one, 0);
  cli_assert_status (&two, 0);
  cli_assert_status (&draw, 0);
  for (guint i = 1; i <= 2; i++)
    {
      g_autofree char *name = g_strdup_printf ("layer-%u.png", i), *a = g_build_filename (alone, name, NULL);
      g_autofree char *b = g_build_filename (beside, name, NULL);

      assert_same (a, b, TRUE);
    }
  g_assert_nonnull (strstr (plan.out, "\"pipeline\":\"layered\""));
  g_assert_nonnull (strstr (plan.out, "\"variant\":{\"name\":\"layered\""));
  g_assert_nonnull (strstr (model.out, "\"variant\":{\"name\":\"qwen-image\""));
}

/* Without words the text encoder looks first, and its words are kept in the layers. */
static void
test_split_described (void)
{
  g_autofree char *image = cli_data ("pipeline-layered-cfg/input.png"), *folder = cli_path ("described");
  g_autofree char *lowest = g_build_filename (folder, "layer-1.png", NULL), *written = NULL;
  g_auto (CliRun) run = cli_run ("split", "--json", "--device=cpu", "--model", layered, "--image", image, "--layers=2",
                                 "--steps=2", "--seed=3", "--output-dir", folder, NULL);
  g_autoptr (GdkPixbuf) layer = NULL;

  cli_assert_status (&run, 0);
  layer = gdk_pixbuf_new_from_file (lowest, NULL);
  written = g_strdup (gdk_pixbuf_get_option (layer, "tEXt::prompt"));
  g_assert_true (written && strlen (written) > 20); /* a tiny encoder babbles */
}

static void
test_samplers (void)
{
  static const char *const names[] = { "euler", "heun", "dpmpp-2m", "stochastic" };
  char *paths[G_N_ELEMENTS (names)];

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *word = g_strconcat ("--sampler=", names[i], NULL), *again = cli_path ("again.png");
      g_autofree char *name = g_strconcat (names[i], ".png", NULL);
      g_auto (CliRun) one = { 0 }, two = { 0 };

      paths[i] = cli_path (name);
      one = cli_generate (paths[i], "--model", base, "--steps=4", "--prompt=a fox", word, NULL);
      two = cli_generate (again, "--model", base, "--steps=4", "--prompt=a fox", word, NULL);
      cli_assert_status (&one, 0);
      cli_assert_status (&two, 0);
      assert_same (paths[i], again, TRUE);
      for (guint k = 0; k < i; k++)
        assert_same (paths[i], paths[k], FALSE);
    }
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    g_free (paths[i]);
}

/* -- refusals -------------------------------------------------------------------------------------- */

typedef struct
{
  int status;
  const char *words[2];
  const char *args[10];
} Refusal;

static void
assert_refused (const Refusal *refusal)
{
  const char *const *a = refusal->args;
  g_auto (CliRun) run = cli_run (a[0], "--device=cpu", a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], NULL);

  g_test_message ("%s", run.err);
  cli_assert_status (&run, refusal->status);
  g_assert_cmpstr (run.out, ==, "");
  g_assert_true (g_str_has_prefix (run.err, "sfumato: ")); /* nothing was begun */
  g_assert_true (strchr (run.err, '\n')[1] == '\0');
  for (guint i = 0; i < 2; i++)
    if (!strstr (run.err, refusal->words[i]))
      g_test_fail_printf ("“%s” is missing in: %s", refusal->words[i], run.err);
}

/* A vision tower whose rows are twice as wide as the text encoder's. */
static void
make_wide_tower (const char *folder)
{
  g_autofree char *from = cli_data ("models/base/text_encoder/model.safetensors");
  g_autofree char *config = cli_data ("models/base/text_encoder/config.json"), *text = NULL;
  g_autofree char *to = g_build_filename (folder, "model.safetensors", NULL);
  g_autofree char *config_to = g_build_filename (folder, "config.json", NULL);
  g_autoptr (QiTensorFile) file = qi_tensor_file_read (from, NULL), tower = qi_tensor_file_new ();
  g_autofree char *nothing = g_malloc0 (1 << 22);
  g_autoptr (GString) words = NULL;

  for (guint i = 0; i < file->entries->len; i++)
    {
      const QiTensorEntry *entry = file->entries->pdata[i];
      guint64 dims[QI_TENSOR_FILE_DIMS];

      memcpy (dims, entry->dims, sizeof dims);
      if (!g_str_has_prefix (entry->name, "visual."))
        continue;
      dims[0] *= g_str_has_prefix (entry->name, "visual.merger.mlp.2.") ? 2 : 1;
      g_assert_cmpuint (2 * entry->elements * 4, <=, 1 << 22);
      qi_tensor_file_add (tower, entry->name, entry->dtype, entry->n_dims, dims, nothing);
    }
  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_assert_true (qi_tensor_file_write (tower, to, NULL));
  g_assert_true (g_file_get_contents (config, &text, NULL, NULL));
  words = g_string_new (text);
  g_assert_cmpuint (g_string_replace (words, "\"out_hidden_size\": 64", "\"out_hidden_size\": 128", 0), >, 0);
  g_assert_true (g_file_set_contents (config_to, words->str, -1, NULL));
}

/* The tiny text encoder with twice the heads, and so twice the width. */
static void
make_wide_encoder (const char *folder)
{
  g_autofree char *from = cli_data ("models/base/text_encoder/model.safetensors");
  g_autofree char *config = cli_data ("models/base/text_encoder/config.json"), *text = NULL;
  g_autofree char *to = g_build_filename (folder, "model.safetensors", NULL);
  g_autofree char *config_to = g_build_filename (folder, "config.json", NULL);
  g_autoptr (QiTensorFile) file = qi_tensor_file_read (from, NULL), encoder = qi_tensor_file_new ();
  g_autofree char *nothing = g_malloc0 (1 << 22);
  g_autoptr (GString) words = NULL;

  g_assert_true (g_file_get_contents (config, &text, NULL, NULL));
  for (guint i = 0; i < file->entries->len; i++)
    {
      const QiTensorEntry *entry = file->entries->pdata[i];
      const gboolean norm = entry->n_dims == 1 && strstr (entry->name, "norm");
      guint64 dims[QI_TENSOR_FILE_DIMS];

      memcpy (dims, entry->dims, sizeof dims);
      if (g_str_has_prefix (entry->name, "visual."))
        continue;
      if (norm || strstr (entry->name, ".q_proj.") || strstr (entry->name, ".o_proj.")
          || strstr (entry->name, ".down_proj."))
        dims[0] *= 2;
      if (entry->n_dims == 2 && !strstr (entry->name, ".down_proj."))
        dims[1] *= 2;
      qi_tensor_file_add (encoder, entry->name, entry->dtype, entry->n_dims, dims, nothing);
    }
  words = g_string_new (text);
  g_assert_cmpuint (g_string_replace (words, "\"hidden_size\": 64", "\"hidden_size\": 128", 0), ==, 1);
  g_assert_cmpuint (g_string_replace (words, "\"num_attention_heads\": 4", "\"num_attention_heads\": 8", 0), ==, 1);
  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_assert_true (qi_tensor_file_write (encoder, to, NULL));
  g_assert_true (g_file_set_contents (config_to, words->str, -1, NULL));
}

static void
test_refusals (void)
{
  g_autofree char *encoder = cli_path ("encoder"), *encoder_word = g_strconcat ("--text-encoder=", encoder, NULL);
  g_autofree char *plus_word = g_strconcat ("--model=", plus, NULL);
  g_autofree char *tower = cli_path ("tower"), *tower_word = g_strconcat ("--vision=", tower, NULL);
  g_autofree char *rgb = cli_data ("models/base/vae"), *controlnet = cli_data ("models/controlnet");
  g_autofree char *other_mask = cli_data ("pipeline-controlnet-inpaint/mask.png");
  g_autofree char *model_file = cli_data ("models/base/transformer/diffusion_pytorch_model.safetensors");
  g_autofree char *base_word = g_strconcat ("--model=", base, NULL), *edit_word = g_strconcat ("--model=", edit, NULL);
  g_autofree char *layered_word = g_strconcat ("--model=", layered, NULL);
  g_autofree char *picture_word = g_strconcat ("--image=", picture, NULL), *mask_word = g_strconcat ("--mask=", mask, NULL);
  g_autofree char *other_word = g_strconcat ("--mask=", other_mask, NULL), *rgb_word = g_strconcat ("--vae=", rgb, NULL);
  g_autofree char *second_word = g_strconcat ("--image=", second, NULL);
  g_autofree char *union_word = g_strconcat ("--controlnet=", controlnet, NULL);
  g_autofree char *wrong_word = g_strconcat ("--controlnet=", model_file, NULL);
  g_autofree char *control_word = g_strconcat ("--control=", picture, NULL);
  const Refusal rows[] = {
    { 3, { "base", "Qwen-Image-Layered" }, { "split", base_word, picture_word } },
    { 3, { "layered", "another model" }, { "edit", layered_word, picture_word } },
    { 3, { "VAE", "4 is wanted" }, { "split", layered_word, picture_word, rgb_word } },
    { 3,
      { "vision tower does not belong to the text encoder", "128" },
      { "edit", edit_word, picture_word, tower_word } },
    { 3,
      { "text encoder does not belong to the transformer", "128, where 64" },
      { "edit", plus_word, picture_word, encoder_word } },
    { 3,
      { "text encoder does not belong to the transformer", "128, where 64" },
      { "generate", base_word, encoder_word } },
    { 2, { "2 pictures", "2509 or 2511" }, { "edit", edit_word, picture_word, second_word } },
    { 2, { "120 × 100", "80 × 48" }, { "fill", base_word, picture_word, other_word } },
    { 2, { "no mask", "--mask" }, { "fill", base_word, picture_word } },
    { 2, { "no picture", "--image" }, { "edit", base_word } },
    { 2, { "--left", "--bottom" }, { "expand", base_word, picture_word } },
    { 2, { "strength", "1.5" }, { "fill", base_word, picture_word, mask_word, "--strength=1.5" } },
    { 2, { "prefill", "neutral" }, { "fill", base_word, picture_word, mask_word, "--prefill=paint" } },
    { 2, { "strength of 0", "up to 1" }, { "fill", base_word, picture_word, mask_word, "--strength=0" } },
    { 3, { "is no ControlNet", "controlnet_x_embedder" }, { "fill", base_word, picture_word, mask_word, wrong_word } },
    { 3, { "64 channels", "inpainting" }, { "fill", base_word, picture_word, mask_word, union_word, control_word } },
    { 2, { "layers", "8" }, { "split", layered_word, picture_word, "--layers=9" } },
    { 3, { "no picture", "nowhere.png" }, { "edit", base_word, "--image=nowhere.png" } },
    { 3, { "no picture", "nowhere.png" }, { "generate", base_word, "--image=nowhere.png" } },
    { 3, { "was not made to look at pictures", "2509" }, { "generate", base_word, picture_word } },
  };

  make_wide_tower (tower);
  make_wide_encoder (encoder);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    assert_refused (&rows[i]);
}

static void
add (void)
{
  base = cli_data ("models/base");
  edit = cli_data ("models/edit");
  plus = cli_data ("models/edit-plus");
  layered = cli_data ("models/layered");
  picture = cli_data ("pipeline-inpaint-crop/image.png");
  mask = cli_data ("pipeline-inpaint-crop/mask.png");
  first = cli_data ("pipeline-edit-2511/input1.png");
  second = cli_data ("pipeline-edit-2511/input2.png");
  g_test_add_func ("/cli/edit/inside", test_inside);
  g_test_add_func ("/cli/edit/fill-forms", test_fill_forms);
  g_test_add_func ("/cli/edit/references", test_references);
  g_test_add_func ("/cli/edit/generate-pictures", test_generate_pictures);
  g_test_add_func ("/cli/edit/plan", test_plan);
  g_test_add_func ("/cli/edit/plan-beforehand", test_plan_beforehand);
  g_test_add_func ("/cli/edit/expand", test_expand);
  g_test_add_func ("/cli/edit/split", test_split);
  g_test_add_func ("/cli/edit/split-pair", test_split_pair);
  g_test_add_func ("/cli/edit/split-described", test_split_described);
  g_test_add_func ("/cli/edit/samplers", test_samplers);
  g_test_add_func ("/cli/edit/refusals", test_refusals);
}

int
main (int argc, char **argv)
{
  return cli_test_main (argc, argv, add);
}

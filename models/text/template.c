/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The strings are the authors', byte for byte: the networks were trained on them. */
#include "models/text/template.h"

#include <string.h>

#include "base/error.h"

#include "models/text/utf8.h"

#define IMAGE_PAD "<|image_pad|>"

static const char image_system[] = "<|im_start|>system\nDescribe the image by detailing the color, shape, size, texture, "
                                   "quantity, text, spatial relationships of the objects and background:<|im_end|>\n"
                                   "<|im_start|>user\n";
static const char edit_system[] = "<|im_start|>system\nDescribe the key features of the input image (color, shape, size, "
                                  "texture, objects, background), then explain how the user's text instruction should "
                                  "alter or modify the image. Generate a new image that meets the user's requirements "
                                  "while maintaining consistency with the original input where appropriate.<|im_end|>\n"
                                  "<|im_start|>user\n";
static const char ask_system[] = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n";
static const char assistant[] = "<|im_end|>\n<|im_start|>assistant\n";

static const struct
{
  const char *system;
  guint dropped; /* tokens of system */
  guint min_images, max_images;
  gboolean numbered, pictures_last;
} templates[] = {
  [QI_TEMPLATE_IMAGE] = { image_system, 34, 0, 0, FALSE, FALSE },
  [QI_TEMPLATE_EDIT] = { edit_system, 64, 1, 1, FALSE, FALSE },
  [QI_TEMPLATE_EDIT_PLUS] = { edit_system, 64, 0, G_MAXUINT, TRUE, FALSE },
  [QI_TEMPLATE_ASK] = { ask_system, 0, 0, G_MAXUINT, FALSE, TRUE },
};

guint
qi_template_dropped (QiTemplate t)
{
  return templates[t].dropped;
}

/* The dropped number is a constant of the networks; it is right only where the tokenizer divides the template as theirs. */
static gboolean
check_tokenizer (QiTemplate t, const QiTokenizer *tokenizer, GError **error)
{
  static const char *const needed[] = { "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", IMAGE_PAD };
  g_autoptr (GArray) ids = qi_tokenizer_encode (tokenizer, templates[t].system, -1, TRUE);
  guint32 id;

  for (guint i = 0; i < G_N_ELEMENTS (needed); i++)
    if (!qi_tokenizer_special (tokenizer, needed[i], &id))
      {
        g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                     "The tokenizer (%s) has no added token “%s”, which the prompt's template needs. "
                     "Use the tokenizer that belongs to the model, with its added tokens.",
                     qi_tokenizer_source (tokenizer), needed[i]);
        return FALSE;
      }
  if (ids->len == templates[t].dropped || templates[t].dropped == 0)
    return TRUE;
  g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
               "The tokenizer (%s) makes %u tokens of the prompt's template where the model has %u: it belongs to "
               "another model.",
               qi_tokenizer_source (tokenizer), ids->len, templates[t].dropped);
  return FALSE;
}

static gboolean
check_size (QiTemplate t, gsize n, const guint *image_tokens, guint n_images, GError **error)
{
  guint64 bytes = 3 * MIN ((guint64) n, QI_TOKENIZER_MAX_BYTES) + 1024; /* repair can make 3 bytes of 1 */

  if (n_images < templates[t].min_images || n_images > templates[t].max_images)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST,
                   templates[t].max_images == 0 ? "There are %u pictures, and this model takes none beside the prompt."
                                                : "There are %u pictures, and this model takes exactly one.",
                   n_images);
      return FALSE;
    }
  for (guint i = 0; i < n_images; i++)
    bytes += 64 + (guint64) image_tokens[i] * strlen (IMAGE_PAD);
  if (bytes <= QI_TOKENIZER_MAX_BYTES)
    return TRUE;
  g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST,
               "The prompt (%" G_GSIZE_FORMAT " bytes) with %u pictures is longer than can be encoded. "
               "Use a shorter prompt, or fewer or smaller pictures.",
               n, n_images);
  return FALSE;
}

static void
append_pictures (GString *text, QiTemplate t, const guint *image_tokens, guint n_images)
{
  for (guint i = 0; i < n_images; i++)
    {
      if (templates[t].numbered)
        g_string_append_printf (text, "Picture %u: ", i + 1);
      g_string_append (text, "<|vision_start|>");
      for (guint k = 0; k < image_tokens[i]; k++)
        g_string_append (text, IMAGE_PAD);
      g_string_append (text, "<|vision_end|>");
    }
}

static guint
count_pads (const GArray *ids, const QiTokenizer *tokenizer)
{
  guint32 pad = 0;
  guint n = 0;

  qi_tokenizer_special (tokenizer, IMAGE_PAD, &pad);
  for (guint i = 0; i < ids->len; i++)
    n += g_array_index (ids, guint32, i) == pad;
  return n;
}

GArray *
qi_template_encode (QiTemplate t, const QiTokenizer *tokenizer, const char *prompt, gssize n, const guint *image_tokens,
                    guint n_images, gboolean special_in_prompt, GError **error)
{
  const gsize n_prompt = n < 0 ? strlen (prompt) : (gsize) n;
  guint n_pads = 0;

  if (!check_size (t, n_prompt, image_tokens, n_images, error) || !check_tokenizer (t, tokenizer, error))
    return NULL;

  /* One text and one encoding: the newline before the prompt and the prompt's own beginning can be one token. */
  g_autoptr (GString) text = g_string_new (templates[t].system);
  g_autoptr (GString) valid = qi_utf8_repair (prompt, n_prompt);
  if (!templates[t].pictures_last)
    append_pictures (text, t, image_tokens, n_images);
  const gsize from = text->len, to = from + valid->len;
  g_string_append_len (text, valid->str, valid->len);
  if (templates[t].pictures_last)
    append_pictures (text, t, image_tokens, n_images);
  g_string_append (text, assistant);

  g_autoptr (GArray) ids = qi_tokenizer_encode_guarded (tokenizer, text->str, text->len, special_in_prompt ? 0 : from,
                                                        special_in_prompt ? 0 : to);
  for (guint i = 0; i < n_images; i++)
    n_pads += image_tokens[i];
  if (count_pads (ids, tokenizer) != n_pads)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST,
                   "The prompt spells <|image_pad|>, which stands for a picture that is not there. Leave it out.");
      return NULL;
    }
  if (t == QI_TEMPLATE_IMAGE)
    g_array_set_size (ids, MIN (ids->len, QI_TEMPLATE_MAX_ROWS + templates[t].dropped));
  return g_steal_pointer (&ids);
}

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* What comes through the socket: a letter for the kind of dictionary, and the dictionary in GVariant's text form. With it
 * come three handles: sealed memory of 96 bytes, the same unsealed, a pipe. */
#define _GNU_SOURCE /* memfd_create */
#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "wire/messages.h"

#define BYTES 96

static int
memory (int seals)
{
  const int fd = memfd_create ("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  g_assert_true (fd >= 0 && ftruncate (fd, BYTES) == 0 && fcntl (fd, F_ADD_SEALS, seals) == 0);
  return fd;
}

static GUnixFDList *
handles (void)
{
  static GUnixFDList *list;

  if (!list)
    {
      int fds[4] = { memory (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), memory (F_SEAL_SHRINK | F_SEAL_GROW) };

      g_assert_cmpint (pipe (fds + 2), ==, 0);
      list = g_unix_fd_list_new_from_array (fds, 4);
    }
  return list;
}

static guint touched;

/* What was accepted is all there. */
static void
touch (const QiImage *image)
{
  for (guint y = 0; image && y < qi_image_height (image); y++)
    for (gsize x = 0; x < (gsize) qi_image_width (image) * qi_image_channels (image); x++)
      touched += qi_image_row (image, y)[x];
}

/* Accepted or refused with a reason. */
static gboolean
judged (gboolean accepted, GError *error)
{
  g_assert_true (accepted == (error == NULL));
  return accepted;
}

static void
try_inputs (GVariant *variant)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiInputsBox) box = qi_inputs_from_variant (variant, handles (), &error);

  if (!judged (box != NULL, error))
    return;
  g_assert_cmpuint (box->inputs.n_pictures, <=, QI_MAX_PICTURES);
  for (guint i = 0; i < box->inputs.n_pictures; i++)
    touch (box->inputs.pictures[i]);
  touch (box->inputs.mask);
  touch (box->inputs.control);
  if (box->inputs.latents)
    {
      const guint64 *d = box->inputs.latents->dims;

      g_assert_cmpuint (d[0] * d[1] * d[2] * d[3] * sizeof (float), ==, BYTES);
      touched += ((const guint8 *) box->inputs.latents->values)[BYTES - 1];
    }
}

static void
try_result (GVariant *variant)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiResult) result = qi_result_from_variant (variant, handles (), &error);

  if (!judged (result != NULL, error))
    return;
  g_assert_cmpuint (result->images->len, >, 0);
  for (guint i = 0; i < result->images->len; i++)
    touch (result->images->pdata[i]);
}

static void
try_progress (GVariant *variant)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiImage) preview = NULL;
  QiProgress progress;
  const gboolean accepted = qi_progress_from_variant (variant, handles (), &progress, &preview, &error);

  if (judged (accepted, error))
    g_assert_true ((guint) progress.stage < QI_N_STAGES);
  touch (preview);
}

static void
try_info (GVariant *variant)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiEngineInfo) info = qi_info_from_variant (variant, &error);

  if (judged (info != NULL, error))
    g_variant_unref (g_variant_ref_sink (qi_info_to_variant (info)));
}

static void
try_request (GVariant *variant)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (QiRequest) request = qi_request_from_variant (variant, &error);

  if (judged (request != NULL, error))
    g_assert_true (qi_request_check (request, NULL));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  const char *text = (const char *) data;
  g_autoptr (GVariant) variant = NULL;

  /* D-Bus lets only UTF-8 through; the parser of the text form minds neither that nor what it writes with \. */
  if (n > 1 && g_utf8_validate (text + 1, (gssize) n - 1, NULL) && !memchr (text, '\\', n))
    variant = g_variant_parse (G_VARIANT_TYPE_VARDICT, text + 1, text + n, NULL, NULL);
  if (!variant)
    return 0;
  switch (*text)
    {
    case 'i': try_inputs (variant); break;
    case 'r': try_result (variant); break;
    case 'p': try_progress (variant); break;
    case 'e': try_info (variant); break;
    default: try_request (variant);
    }
  return 0;
}

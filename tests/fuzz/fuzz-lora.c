/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* A LoRA file as an add-on is opened: names, partners, shapes, alphas, metadata, small factors, report. The input is the
 * number of zero bytes that follow it (3 bytes, little endian), then the file: weights are a hole, so that shapes are those
 * of life. */
#include <glib/gstdio.h>
#include <math.h>
#include <unistd.h>

#include "base/error.h"
#include "models/adapter/lora-part.h"
#include "models/report.h"
#include "tests/fuzz/fuzz.h"

#define HEAD 3
#define MAX_MIX 65536

static char *path;

static void
remove_file (void)
{
  g_unlink (path);
  g_free (path);
}

static void
put (const uint8_t *data, size_t n, size_t zeros)
{
  g_autoptr (GError) error = NULL;

  if (!path)
    {
      const int fd = g_file_open_tmp ("sfumato-fuzz-XXXXXX", &path, &error);

      g_assert_cmpint (fd, >=, 0);
      close (fd);
      atexit (remove_file);
    }
  FILE *file = fopen (path, "wb");
  g_assert_nonnull (file);
  g_assert_cmpuint (fwrite (data, 1, n, file), ==, n);
  fclose (file);
  g_assert_cmpint (truncate (path, (off_t) (n + zeros)), ==, 0);
}

static void
check_part (const QiLora *lora, const QiLoraPart *part)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (isfinite (part->scale) && part->n_out && part->n_in);
  if (!part->kron || part->a * part->b > MAX_MIX)
    return;
  g_autofree float *mix = qi_lora_part_mix (part, lora->checkpoint, part->scale, &error);
  g_assert_true ((mix == NULL) == (error != NULL));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  g_autoptr (GError) error = NULL;

  if (n < HEAD)
    return 0;
  put (data + HEAD, n - HEAD, data[0] | data[1] << 8 | (size_t) data[2] << 16);

  g_autoptr (QiLoras) loras = qi_loras_open (path, NULL, &error);
  g_assert_true ((loras == NULL) == (error != NULL));
  if (error)
    {
      g_assert_true (error->domain == QI_ERROR && g_utf8_validate (error->message, -1, NULL));
      return 0;
    }

  const QiLora *lora = qi_loras_file (loras, 0);
  for (guint i = 0; i < lora->parts->len; i++)
    check_part (lora, g_ptr_array_index (lora->parts, i));
  g_autofree char *json = qi_lora_report_json (path, NULL, &error);
  g_assert_true (json && g_utf8_validate (json, -1, NULL));
  return 0;
}

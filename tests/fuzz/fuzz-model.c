/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* A whole model file: its container, the names it uses, its scales, metadata and tokenizer, the geometry its tensors show
 * and the config.json beside it, and the report of it all.
 *
 * Input: which part it is said to be (one byte), length of the config.json (two, little-endian; 0: there is none), zero
 * bytes that follow the file (three), the config.json, the file. Weights may thus be as large as they are in life: the
 * file has a hole. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "compute/dtype.h"
#include "models/model-set.h"
#include "models/report.h"
#include "tests/fuzz/fuzz.h"

#define HEAD 6

static char *folder, *file, *config;

static void
remove_folder (void)
{
  g_unlink (file);
  g_unlink (config);
  g_rmdir (folder);
  g_free (folder);
  g_free (file);
  g_free (config);
}

static void
make_folder (void)
{
  /* In memory where there is such a place; a disk would be most of the time. */
  folder = g_strdup ("/dev/shm/sfumato-fuzz-XXXXXX");
  if (!g_mkdtemp (folder))
    {
      g_free (folder);
      folder = g_dir_make_tmp ("sfumato-fuzz-XXXXXX", NULL);
    }
  g_assert_nonnull (folder);
  file = g_build_filename (folder, "model", NULL);
  config = g_build_filename (folder, "config.json", NULL);
  atexit (remove_folder);
}

static void
put (const char *path, const uint8_t *data, size_t n, size_t zeros)
{
  g_autofd int fd = g_open (path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (write (fd, data, n), ==, (gssize) n);
  g_assert_cmpint (ftruncate (fd, (off_t) (n + zeros)), ==, 0);
}

/* The first weights of each tensor of a part. */
static void
read_some (const QiCheckpoint *part)
{
  guint8 data[1024];

  for (guint i = 0; part && i < qi_checkpoint_n_tensors (part); i++)
    {
      const QiCheckpointTensor *t = qi_checkpoint_tensor (part, i);
      const guint block = qi_dtype_info (t->dtype)->block_bytes;
      g_autoptr (GError) error = NULL;
      const gboolean good = qi_checkpoint_read (part, t, 0, data, MIN (t->bytes, sizeof data / block * block), &error);

      g_assert_true (good == (error == NULL));
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  if (n < HEAD)
    return 0;

  const size_t zeros = data[3] | data[4] << 8 | data[5] << 16, n_config = MIN ((size_t) (data[1] | data[2] << 8), n - HEAD);
  QiModelPaths paths = { 0 };
  const char **const parts[] = { &paths.transformer, &paths.text_encoder, &paths.vision, &paths.vae, &paths.model };
  g_autoptr (GError) error = NULL;

  if (!folder)
    make_folder ();
  put (file, data + HEAD + n_config, n - HEAD - n_config, zeros);
  if (n_config)
    put (config, data + HEAD, n_config, 0);
  else
    g_unlink (config);
  *parts[data[0] % G_N_ELEMENTS (parts)] = file;

  g_autoptr (QiModelSet) set = qi_model_set_open (&paths, &error);
  g_assert_true ((set == NULL) == (error != NULL));
  if (set)
    {
      g_autofree char *json = qi_model_report_json (set), *text = qi_model_report_text (set);

      for (QiComponent c = 0; c < QI_N_COMPONENTS; c++)
        read_some (qi_model_set_part (set, c));
      g_assert_true (json && text && g_utf8_validate (json, -1, NULL) && g_utf8_validate (text, -1, NULL));
      g_assert_true (qi_model_set_require (set, TRUE, &error) == (error == NULL));
    }
  return 0;
}

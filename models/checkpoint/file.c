/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Regular files, read by position (a mapped file that is cut short later would kill the process), and the small
 * things all containers share. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "models/checkpoint/container.h"

gboolean
qi_bad_checkpoint (GError **error, const char *file, const char *tensor, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  if (tensor)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "The file “%s”: tensor “%s” %s", file, tensor, text);
  else
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "The file “%s”: %s", file, text);
  return FALSE;
}

QiFile *
qi_regular_file_open (const char *path, GError **error)
{
  g_autoptr (QiFile) file = g_new0 (QiFile, 1);
  struct stat info;

  file->path = g_strdup (path);
  file->fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file->fd < 0)
    return qi_bad_checkpoint (error, path, NULL, "it cannot be opened: %s", g_strerror (errno)), NULL;
  if (fstat (file->fd, &info) != 0 || !S_ISREG (info.st_mode))
    return qi_bad_checkpoint (error, path, NULL, "it is %s, not a file of weights",
                              S_ISDIR (info.st_mode)    ? "a folder"
                              : S_ISFIFO (info.st_mode) ? "a pipe"
                                                        : "a device or socket"), NULL;
  file->bytes = (guint64) info.st_size;
  return g_steal_pointer (&file);
}

void
qi_file_free (QiFile *file)
{
  if (!file)
    return;
  if (file->fd >= 0)
    close (file->fd);
  g_free (file->path);
  g_free (file);
}

gboolean
qi_file_pread (const QiFile *file, guint64 offset, void *data, gsize n, GError **error)
{
  guint8 *to = data;

  while (n)
    {
      const ssize_t got = pread (file->fd, to, MIN (n, 1u << 30), (off_t) offset);

      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        return qi_bad_checkpoint (error, file->path, NULL, "it cannot be read: %s", g_strerror (errno));
      if (got == 0)
        return qi_bad_checkpoint (error, file->path, NULL, "it ends at byte %" G_GUINT64_FORMAT " although it had %" G_GUINT64_FORMAT
                                  " bytes when it was opened", offset, file->bytes);
      to += got;
      offset += (guint64) got;
      n -= (gsize) got;
    }
  return TRUE;
}

void
qi_raw_tensor_free (QiRawTensor *tensor)
{
  g_free (tensor->name);
  g_free (tensor->type_name);
  g_free (tensor);
}

void
qi_meta_free (QiMeta *meta)
{
  g_free (meta->string);
  g_strfreev (meta->strings);
  g_free (meta->lengths);
  g_free (meta->ints);
  g_free (meta);
}

QiHeader *
qi_header_new (void)
{
  QiHeader *header = g_new0 (QiHeader, 1);

  header->tensors = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_raw_tensor_free);
  header->meta = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) qi_meta_free);
  return header;
}

void
qi_header_free (QiHeader *header)
{
  if (!header)
    return;
  g_ptr_array_unref (header->tensors);
  g_hash_table_unref (header->meta);
  g_free (header);
}

/* By place; of tensors at one place the empty ones come first. */
static int
by_offset (gconstpointer a, gconstpointer b)
{
  const QiRawTensor *x = *(const QiRawTensor *const *) a, *y = *(const QiRawTensor *const *) b;

  if (x->offset != y->offset)
    return x->offset < y->offset ? -1 : 1;
  return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

gboolean
qi_header_check (QiHeader *header, const char *name, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  const QiRawTensor *before = NULL;

  g_ptr_array_sort (header->tensors, by_offset);
  for (guint i = 0; i < header->tensors->len; i++)
    {
      const QiRawTensor *t = g_ptr_array_index (header->tensors, i);

      if (!g_hash_table_add (seen, t->name))
        return qi_bad_checkpoint (error, name, t->name, "is there twice");
      if (before && t->bytes && before->offset + before->bytes > t->offset)
        return qi_bad_checkpoint (error, name, t->name, "shares bytes with tensor “%s”; the file is damaged", before->name);
      if (t->bytes)
        before = t;
    }
  return TRUE;
}

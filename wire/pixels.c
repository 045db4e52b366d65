/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/pixels.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static gboolean
bad (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
bad (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, QI_ERROR, QI_ERROR_BAD_REQUEST, text);
  return FALSE;
}

/* -- writing --------------------------------------------------------------------------------------- */

/* A memfd of n bytes and where they are mapped; -1 on failure. */
static int
open_memory (gsize n, void **map, GError **error)
{
  const int fd = memfd_create ("sfumato-pixels", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  if (fd >= 0 && ftruncate (fd, (off_t) n) == 0
      && (*map = mmap (NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) != MAP_FAILED)
    return fd;
  g_set_error (error, QI_ERROR, QI_ERROR_FAILED, "No memory of %" G_GSIZE_FORMAT " bytes for a picture can be shared: %s.", n,
               g_strerror (errno));
  if (fd >= 0)
    close (fd);
  return -1;
}

/* Writing ends here; takes the mapping and fd. The handle's index, -1 on failure. */
static gint
seal (int fd, void *map, gsize n, GUnixFDList *fds, GError **error)
{
  gint index = -1;

  munmap (map, n);
  if (fcntl (fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) != 0)
    g_set_error (error, QI_ERROR, QI_ERROR_FAILED, "A picture's memory cannot be sealed: %s.", g_strerror (errno));
  else
    index = g_unix_fd_list_append (fds, fd, error);
  close (fd);
  return index;
}

GVariant *
qi_pixels_write (const QiImage *image, GUnixFDList *fds, GError **error)
{
  const guint width = qi_image_width (image), height = qi_image_height (image), channels = qi_image_channels (image);
  const gsize row = (gsize) width * channels;
  void *map = NULL;
  const int fd = open_memory (row * height, &map, error);

  if (fd < 0)
    return NULL;
  for (guint y = 0; y < height; y++)
    memcpy ((guint8 *) map + row * y, qi_image_row (image, y), row);

  const gint handle = seal (fd, map, row * height, fds, error);

  return handle < 0 ? NULL : g_variant_new (QI_PIXELS_TYPE, width, height, channels, handle);
}

gint
qi_pixels_write_bytes (const void *data, gsize n, GUnixFDList *fds, GError **error)
{
  void *map = NULL;
  const int fd = open_memory (n, &map, error);

  if (fd < 0)
    return -1;
  memcpy (map, data, n);
  return seal (fd, map, n, fds, error);
}

/* -- reading --------------------------------------------------------------------------------------- */

typedef struct
{
  void *map;
  gsize n;
} Mapping;

static void
mapping_free (gpointer data)
{
  Mapping *mapping = data;

  munmap (mapping->map, mapping->n);
  g_free (mapping);
}

/* A memory file of exactly n bytes that nobody can change any more. */
static gboolean
check_memory (int fd, guint64 n, GError **error)
{
  const int seals = fcntl (fd, F_GET_SEALS);
  struct stat st;

  if (seals < 0 || fstat (fd, &st) != 0 || !S_ISREG (st.st_mode))
    return bad (error, "A picture came that is not in a sealed memory file.");
  if ((seals & SEALS) != SEALS)
    return bad (error, "A picture came whose memory is not sealed against %s.",
                !(seals & F_SEAL_WRITE) ? "writing" : seals & F_SEAL_SHRINK ? "growing" : "shrinking");
  if (st.st_size < 0 || (guint64) st.st_size != n)
    return bad (error, "A picture came with %" G_GINT64_FORMAT " bytes, and should have %" G_GUINT64_FORMAT ".",
                (gint64) st.st_size, n);
  return TRUE;
}

GBytes *
qi_pixels_read_bytes (gint handle, GUnixFDList *fds, guint64 n, GError **error)
{
  int fd;
  void *map;

  if (n == 0 || n > QI_PIXELS_MAX_BYTES)
    {
      bad (error, "A picture of %" G_GUINT64_FORMAT " bytes was announced; it may have 1 to %" G_GUINT64_FORMAT ".", n,
           QI_PIXELS_MAX_BYTES);
      return NULL;
    }
  if (!fds || handle < 0 || handle >= g_unix_fd_list_get_length (fds))
    {
      bad (error, "A picture came without its memory: handle %d of %d.", handle, fds ? g_unix_fd_list_get_length (fds) : 0);
      return NULL;
    }
  if ((fd = g_unix_fd_list_get (fds, handle, error)) < 0)
    return NULL;
  if (!check_memory (fd, n, error))
    {
      close (fd);
      return NULL;
    }
  map = mmap (NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
  close (fd);
  if (map == MAP_FAILED)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_FAILED, "A picture of %" G_GUINT64_FORMAT " bytes cannot be mapped: %s.", n,
                   g_strerror (errno));
      return NULL;
    }

  Mapping *mapping = g_new (Mapping, 1);

  *mapping = (Mapping){ map, n };
  return g_bytes_new_with_free_func (map, n, mapping_free, mapping);
}

QiImage *
qi_pixels_read (GVariant *pixels, GUnixFDList *fds, GError **error)
{
  guint width, height, channels;
  gint handle;

  if (!g_variant_is_of_type (pixels, G_VARIANT_TYPE (QI_PIXELS_TYPE)))
    {
      bad (error, "A picture came as %s, not as %s.", g_variant_get_type_string (pixels), QI_PIXELS_TYPE);
      return NULL;
    }
  g_variant_get (pixels, QI_PIXELS_TYPE, &width, &height, &channels, &handle);
  if (width == 0 || height == 0 || width > QI_PIXELS_MAX_SIDE || height > QI_PIXELS_MAX_SIDE
      || (channels != 1 && channels != 3 && channels != 4))
    {
      bad (error, "A picture of %u × %u pixels with %u channels came; a side may have 1 to %d pixels, and there are 1, 3 or 4 "
           "channels.", width, height, channels, QI_PIXELS_MAX_SIDE);
      return NULL;
    }

  const guint64 n = (guint64) width * height * channels; /* at most 2^32 */
  g_autoptr (GBytes) bytes = qi_pixels_read_bytes (handle, fds, n, error);

  return bytes ? qi_image_new (width, height, channels, (gsize) width * channels, bytes) : NULL;
}

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/picture.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <gdk-pixbuf/gdk-pixbuf.h>

#include "base/error.h"

QiPictureText *
qi_picture_text_new (void)
{
  QiPictureText *text = g_new0 (QiPictureText, 1);

  text->keys = g_ptr_array_new_null_terminated (16, g_free, TRUE);
  text->values = g_ptr_array_new_null_terminated (16, g_free, TRUE);
  return text;
}

void
qi_picture_text_free (QiPictureText *text)
{
  if (!text)
    return;
  g_ptr_array_unref (text->keys);
  g_ptr_array_unref (text->values);
  g_free (text);
}

void
qi_picture_text_add (QiPictureText *text, const char *key, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *value = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_add (text->keys, g_strconcat ("tEXt::", key, NULL)); /* becomes iTXt where Latin-1 does not do */
  g_ptr_array_add (text->values, g_utf8_make_valid (value, -1));
}

/* -- reading --------------------------------------------------------------------------------------- */

/* Before anything is decoded: a small file may stand for a huge picture. */
static gboolean
check_picture (const char *path, GError **error)
{
  int width = 0, height = 0;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "There is no picture %s.", path);
  else if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "%s is no ordinary file: name a picture.", path);
  else if (!gdk_pixbuf_get_file_info (path, &width, &height))
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "%s is no picture that can be read: PNG, JPEG, WebP and TIFF can.",
                 path);
  else if (width > QI_PICTURE_MAX_SIDE || height > QI_PICTURE_MAX_SIDE || (gint64) width * height > QI_PICTURE_MAX_PIXELS)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST,
                 "%s has %d × %d pixels; at most %d a side and %u in all are read. Make it smaller first.", path, width,
                 height, QI_PICTURE_MAX_SIDE, QI_PICTURE_MAX_PIXELS);
  else
    return TRUE;
  return FALSE;
}

QiImage *
qi_picture_load (const char *path, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (!check_picture (path, error))
    return NULL;

  g_autoptr (GdkPixbuf) stored = gdk_pixbuf_new_from_file (path, &local);
  g_autoptr (GdkPixbuf) pixbuf = stored ? gdk_pixbuf_apply_embedded_orientation (stored) : NULL;

  if (!pixbuf)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "%s could not be read: %s", path,
                   local ? local->message : "there is not enough memory");
      return NULL;
    }

  g_autoptr (GBytes) bytes = gdk_pixbuf_read_pixel_bytes (pixbuf);

  return qi_image_new ((guint) gdk_pixbuf_get_width (pixbuf), (guint) gdk_pixbuf_get_height (pixbuf),
                       (guint) gdk_pixbuf_get_n_channels (pixbuf), (gsize) gdk_pixbuf_get_rowstride (pixbuf), bytes);
}

/* -- writing --------------------------------------------------------------------------------------- */

/* Borrowing image's rows where it has three or four channels, else a copy with three. (transfer full) */
static GdkPixbuf *
pixbuf_of (const QiImage *image)
{
  const guint channels = qi_image_channels (image);
  const int width = (int) qi_image_width (image), height = (int) qi_image_height (image);

  if (channels != 1)
    return gdk_pixbuf_new_from_data (qi_image_row (image, 0), GDK_COLORSPACE_RGB, channels == 4, 8, width, height,
                                     (int) qi_image_stride (image), NULL, NULL);

  GdkPixbuf *pixbuf = gdk_pixbuf_new (GDK_COLORSPACE_RGB, FALSE, 8, width, height);

  for (int y = 0; pixbuf && y < height; y++)
    {
      guint8 *to = gdk_pixbuf_get_pixels (pixbuf) + (gsize) y * (gsize) gdk_pixbuf_get_rowstride (pixbuf);

      for (int x = 0; x < width; x++)
        memset (to + 3 * x, qi_image_row (image, (guint) y)[x], 3);
    }
  return pixbuf;
}

gboolean
qi_picture_save (const QiImage *image, const char *path, const QiPictureText *text, GError **error)
{
  g_autoptr (GdkPixbuf) pixbuf = pixbuf_of (image);
  g_autofree char *data = NULL;
  g_autoptr (GError) local = NULL;
  gsize n = 0;

  if (!pixbuf
      || !gdk_pixbuf_save_to_bufferv (pixbuf, &data, &n, "png", text ? (char **) text->keys->pdata : NULL,
                                      text ? (char **) text->values->pdata : NULL, &local)
      || !g_file_set_contents_full (path, data, (gssize) n,
                                    G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0666, &local))
    {
      g_set_error (error, QI_ERROR, QI_ERROR_FAILED, "%s could not be written: %s", path,
                   local ? local->message : "there is not enough memory");
      return FALSE;
    }
  return TRUE;
}

gboolean
qi_picture_check_output (const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *why = NULL;

  if (!*path)
    {
      g_set_error_literal (error, QI_ERROR, QI_ERROR_BAD_REQUEST,
                           "The name of the output is empty: name a file, or leave the option out.");
      return FALSE;
    }
  if (g_str_has_suffix (path, "/") || g_file_test (path, G_FILE_TEST_IS_DIR))
    why = g_strdup ("it is a folder: add the name of a file");
  else if (!g_file_test (folder, G_FILE_TEST_IS_DIR))
    why = g_strdup_printf ("there is no folder %s: make it first", folder);
  else if (g_file_test (path, G_FILE_TEST_EXISTS) && !g_file_test (path, G_FILE_TEST_IS_REGULAR))
    why = g_strdup ("it is not an ordinary file");
  else if (access (folder, W_OK | X_OK) != 0)
    why = g_strdup_printf ("the folder %s cannot be written to (%s)", folder, g_strerror (errno));
  if (why)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "%s cannot be written: %s.", path, why);
  return why == NULL;
}

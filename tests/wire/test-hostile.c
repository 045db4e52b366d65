/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* What comes over the wire is hostile until checked: memory that is not sealed or not of the announced size, handles that
 * are none, dictionaries of the wrong kind, folders that are not private. The worker refuses each and goes on. */
#include <errno.h>
#include <fcntl.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "tests/wire/wire-test.h"
#include "wire/messages.h"
#include "wire/pixels.h"
#include "wire/place.h"

#define ALL (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* A memory file of n bytes with these seals. */
static int
memory (gsize n, int seals)
{
  const int fd = memfd_create ("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  g_assert_cmpint (ftruncate (fd, (off_t) n), ==, 0);
  g_assert_cmpint (fcntl (fd, F_ADD_SEALS, seals), ==, 0);
  return fd;
}

/* Takes fd. */
static QiImage *
read_picture (guint w, guint h, guint channels, gint handle, int fd, GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new_from_array (&fd, 1);
  g_autoptr (GVariant) pixels = g_variant_ref_sink (g_variant_new (QI_PIXELS_TYPE, w, h, channels, handle));

  return qi_pixels_read (pixels, fds, error);
}

static void
assert_refused (guint w, guint h, guint channels, gint handle, int fd, const char *word)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (read_picture (w, h, channels, handle, fd, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST);
  g_test_message ("%s", error->message);
  if (!strstr (error->message, word))
    g_test_fail_printf ("“%s” is missing in: %s", word, error->message);
}

static void
test_pixels (void)
{
  const gsize n = 8 * 4 * 3;
  int pipe_ends[2];
  g_autofree char *path = g_build_filename (wire_folder, "pixels", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (QiImage) image = read_picture (8, 4, 3, 0, memory (n, ALL), &error);

  g_assert_no_error (error);
  g_assert_cmpuint (qi_image_width (image), ==, 8);

  assert_refused (8, 4, 3, 0, memory (n, F_SEAL_SHRINK | F_SEAL_GROW), "against writing");
  assert_refused (8, 4, 3, 0, memory (n, F_SEAL_GROW | F_SEAL_WRITE), "against shrinking");
  assert_refused (8, 4, 3, 0, memory (n, F_SEAL_SHRINK | F_SEAL_WRITE), "against growing");
  assert_refused (8, 4, 3, 0, memory (n, 0), "not sealed");
  assert_refused (8, 4, 3, 0, memory (n - 1, ALL), "95 bytes");
  assert_refused (8, 4, 3, 0, memory (n + 1, ALL), "97 bytes");
  assert_refused (8, 4, 3, 1, memory (n, ALL), "handle 1 of 1");
  assert_refused (8, 4, 3, -1, memory (n, ALL), "handle -1");
  assert_refused (8, 4, 2, 0, memory (64, ALL), "2 channels");
  assert_refused (0, 4, 3, 0, memory (n, ALL), "0 × 4");
  assert_refused (8, 32769, 3, 0, memory (n, ALL), "8 × 32769");
  assert_refused (G_MAXUINT32, G_MAXUINT32, 4, 0, memory (n, ALL), "4294967295");
  assert_refused (32768, 32768, 4, 0, memory (n, ALL), "4294967296 bytes");

  /* What is no memory file at all. */
  g_assert_cmpint (pipe (pipe_ends), ==, 0);
  close (pipe_ends[1]);
  assert_refused (8, 4, 3, 0, pipe_ends[0], "sealed memory file");
  g_assert_true (g_file_set_contents (path, "12345678", 8, NULL));
  assert_refused (8, 1, 1, 0, open (path, O_RDONLY | O_CLOEXEC), "sealed");
}

/* What was written can be changed by nobody, and comes back as it was; rows may have gaps. */
static void
test_round_trip (void)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_bytes_new_static ("abcxdefxghix", 12);
  g_autoptr (QiImage) gaps = qi_image_new (1, 3, 3, 4, bytes), picture = wire_picture (33, 17, 4);
  g_autoptr (GVariant) first = g_variant_ref_sink (qi_pixels_write (gaps, fds, &error));
  g_autoptr (GVariant) second = g_variant_ref_sink (qi_pixels_write (picture, fds, &error));
  g_autoptr (QiImage) a = qi_pixels_read (first, fds, &error), b = qi_pixels_read (second, fds, &error);
  const int fd = g_unix_fd_list_peek_fds (fds, NULL)[0];

  g_assert_no_error (error);
  wire_assert_equal (gaps, a);
  wire_assert_equal (picture, b);
  g_assert_cmpint (ftruncate (fd, 4), ==, -1);
  g_assert_cmpint (ftruncate (fd, 400), ==, -1);
  g_assert_cmpint (write (fd, "z", 1), ==, -1);
  g_assert_true (mmap (NULL, 9, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
}

static void
assert_inputs_refused (const char *text, const char *word)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) variant = g_variant_parse (NULL, text, NULL, NULL, &error);
  g_autoptr (QiInputsBox) box = NULL;
  int fd = memory (8 * 4 * 3, ALL);
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new_from_array (&fd, 1);

  g_assert_no_error (error);
  box = qi_inputs_from_variant (variant, fds, &error);
  g_assert_null (box);
  g_assert_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST);
  if (!strstr (error->message, word))
    g_test_fail_printf ("“%s” is missing in: %s", word, error->message);
}

static void
test_inputs (void)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (QiImage) picture = wire_picture (8, 4, 3), mask = wire_picture (8, 4, 1);
  const float values[24] = { 0.25f, -1.5f };
  const QiLatents latents = { values, { 1, 2, 3, 4 } };
  QiImage *pictures[] = { picture, mask };
  const QiInputs inputs = { pictures, 2, mask, picture, &latents };
  g_autoptr (GVariant) variant = g_variant_ref_sink (qi_inputs_to_variant (&inputs, fds, &error));
  g_autoptr (QiInputsBox) box = qi_inputs_from_variant (variant, fds, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (box->inputs.n_pictures, ==, 2);
  wire_assert_equal (box->inputs.pictures[1], mask);
  wire_assert_equal (box->inputs.mask, mask);
  wire_assert_equal (box->inputs.control, picture);
  g_assert_cmpmem (box->inputs.latents->dims, sizeof latents.dims, latents.dims, sizeof latents.dims);
  g_assert_cmpmem (box->inputs.latents->values, sizeof values, values, sizeof values);

  assert_inputs_refused ("'text'", "no dictionary");
  assert_inputs_refused ("{'mask': <(uint32 8, uint32 4, uint32 3, handle 0)>}", "more than one channel");
  assert_inputs_refused ("{'mask': <'none'>}", "came as s");
  assert_inputs_refused ("{'pictures': <[(uint32 8, uint32 4, uint32 3, handle 0)] >, 'mask': <(uint32 8, uint32 4, uint32 1, handle 7)>}",
                         "handle 7");
  assert_inputs_refused ("{'latents': <(uint64 1, uint64 0, uint64 3, uint64 4, handle 0)>}", "impossible size");
  assert_inputs_refused ("{'latents': <(uint64 4294967296, uint64 4294967296, uint64 1, uint64 1, handle 0)>}", "impossible size");
  assert_inputs_refused ("{'latents': <(uint64 1, uint64 1, uint64 3, uint64 4, handle 0)>}", "should have 48");
}

/* -- to a worker ----------------------------------------------------------------------------------- */

static GDBusConnection *
raw_connection (void)
{
  g_autofree char *path = qi_place_socket (NULL);
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketConnection) stream = g_socket_client_connect (client, G_SOCKET_CONNECTABLE (address), NULL, &error);
  GDBusConnection *bus;

  g_assert_no_error (error);
  bus = g_dbus_connection_new_sync (G_IO_STREAM (stream), NULL, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL, &error);
  g_assert_no_error (error);
  return bus;
}

static void
assert_run_refused (GDBusConnection *bus, const char *request, const char *inputs, int fd, const char *word)
{
  g_autoptr (GUnixFDList) fds = fd >= 0 ? g_unix_fd_list_new_from_array (&fd, 1) : NULL;
  g_autoptr (GError) error = NULL;
  GVariant *r = g_variant_parse (G_VARIANT_TYPE_VARDICT, request, NULL, NULL, &error);
  GVariant *i = g_variant_parse (G_VARIANT_TYPE_VARDICT, inputs, NULL, NULL, &error);
  g_autoptr (GVariant) reply = NULL;

  g_assert_no_error (error);
  reply = g_dbus_connection_call_with_unix_fd_list_sync (bus, NULL, QI_WORKER_PATH, "org.sfumato.Worker1", "Run",
                                                         g_variant_new ("(u@a{sv}@a{sv})", 1, r, i), NULL, G_DBUS_CALL_FLAGS_NONE,
                                                         10000, fds, NULL, NULL, &error);
  g_variant_unref (r);
  g_variant_unref (i);
  g_assert_null (reply);
  g_assert_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST);
  if (!strstr (error->message, word))
    g_test_fail_printf ("“%s” is missing in: %s", word, error->message);
}

static void
test_worker (void)
{
  g_autoptr (QiRequest) request = wire_request (QI_TASK_GENERATE);
  g_autoptr (QiImage) picture = wire_picture (8, 4, 3);
  g_autoptr (GError) error = NULL;
  const char *one = "{'pictures': <[(uint32 8, uint32 4, uint32 3, handle 0)]>}";
  pid_t pid;

  wire_stub ("copy");

  g_autoptr (QiResult) first = wire_run (request, picture, NULL, NULL, &error);

  g_assert_no_error (error);
  pid = wire_worker_pid ();

  g_autoptr (GDBusConnection) bus = raw_connection ();

  assert_run_refused (bus, "@a{sv} {}", one, memory (96, 0), "not sealed");
  assert_run_refused (bus, "@a{sv} {}", one, memory (95, ALL), "95 bytes");
  assert_run_refused (bus, "@a{sv} {}", one, -1, "without its memory");
  assert_run_refused (bus, "{'steps': <int64 1000>}", "@a{sv} {}", -1, "steps");
  assert_run_refused (bus, "{'steps': <'many'>}", "@a{sv} {}", -1, "steps");
  assert_run_refused (bus, "{'task': <'destroy'>}", "@a{sv} {}", -1, "task");

  /* Strangers who say something else are none of its business. */
  g_autofree char *path = qi_place_socket (NULL);
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocketConnection) stream = g_socket_client_connect (client, G_SOCKET_CONNECTABLE (address), NULL, NULL);

  g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (stream)), "GET / HTTP/1.0\r\n\r\n", 18, NULL, NULL, NULL);

  g_autoptr (QiResult) second = wire_run (request, picture, NULL, NULL, &error);

  g_assert_no_error (error);
  wire_assert_equal (second->images->pdata[0], picture);
  g_assert_cmpint (wire_worker_pid (), ==, pid);
  wire_end_worker ();
}

/* The folder is the user's alone, or there is no connection. */
static void
test_folder (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = qi_place_folder (&error), *socket = NULL;
  g_autoptr (QiRequest) request = wire_request (QI_TASK_GENERATE);

  g_assert_no_error (error);
  wire_stub ("seed");
  socket = qi_place_socket (&error);
  g_assert_cmpint (g_chmod (folder, 0755), ==, 0);
  g_assert_null (wire_run (request, NULL, NULL, NULL, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, folder));
  g_assert_cmpint (g_chmod (folder, 0700), ==, 0);

  /* Names differ with what makes a worker answer differently. */
  wire_stub ("copy");

  g_autofree char *other = qi_place_socket (NULL);

  g_assert_cmpstr (socket, !=, other);
  wire_stub (NULL);

  g_autofree char *plain = qi_place_socket (NULL);

  g_assert_true (g_str_has_suffix (plain, "/worker-1"));
}

static void
add_tests (void)
{
  g_test_add_func ("/wire/hostile/pixels", test_pixels);
  g_test_add_func ("/wire/hostile/round-trip", test_round_trip);
  g_test_add_func ("/wire/hostile/inputs", test_inputs);
  g_test_add_func ("/wire/hostile/worker", test_worker);
  g_test_add_func ("/wire/hostile/folder", test_folder);
}

int
main (int argc, char **argv)
{
  return wire_test_main (argc, argv, add_tests);
}

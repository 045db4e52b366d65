/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/golden/on-device.h"

#include "base/env.h"

static QiDevice *
begin (int *argc, char ***argv, gboolean validate)
{
  g_autoptr (GError) error = NULL;
  QiDevice *device;

  g_test_init (argc, argv, NULL);
  device = qi_device_open (&(QiDeviceParams){ .device = qi_env_device (), .validate = validate }, &error);
  if (!device)
    {
      if (qi_env_require_vulkan ())
        g_error ("%s", error->message);
      g_print ("1..0 # SKIP %s\n", error->message);
    }
  return device;
}

QiDevice *
golden_open (int *argc, char ***argv)
{
  return begin (argc, argv, TRUE);
}

gboolean
golden_has_device (int *argc, char ***argv)
{
  QiDevice *device = begin (argc, argv, FALSE);

  if (device)
    qi_device_close (device);
  return device != NULL;
}

int
golden_run (QiDevice *device)
{
  int status = g_test_run ();

  if (qi_device_validation_messages (device, NULL))
    status = 1;
  qi_device_close (device);
  return status;
}

QiImage *
golden_noise (guint width, guint height, guint32 seed)
{
  guint8 *pixels = g_malloc ((gsize) width * height * 3);
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, (gsize) width * height * 3);

  for (gsize i = 0; i < (gsize) width * height * 3; i++)
    pixels[i] = (guint8) g_rand_int_range (rand, 0, 256);
  return qi_image_new (width, height, 3, (gsize) width * 3, bytes);
}

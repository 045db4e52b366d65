/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/error.h"
#include "wire/messages.h"

#define NAME "org.sfumato.Error."

void
qi_wire_register_errors (void)
{
  static const GDBusErrorEntry entries[] = {
    { QI_ERROR_FAILED, NAME "Failed" },
    { QI_ERROR_OUT_OF_MEMORY, NAME "OutOfMemory" },
    { QI_ERROR_UNSUPPORTED, NAME "Unsupported" },
    { QI_ERROR_NO_DEVICE, NAME "NoDevice" },
    { QI_ERROR_BAD_CHECKPOINT, NAME "BadCheckpoint" },
    { QI_ERROR_BAD_REQUEST, NAME "BadRequest" },
    { QI_ERROR_DEVICE_LOST, NAME "DeviceLost" },
    { QI_ERROR_WORKER_GONE, NAME "WorkerGone" },
  };
  static gsize once;

  if (g_once_init_enter (&once))
    {
      for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
        g_dbus_error_register_error (QI_ERROR, entries[i].error_code, entries[i].dbus_error_name);
      g_once_init_leave (&once, 1);
    }
}

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* base/error.h — the one error domain. A code says what the caller can do next; the message is a
 * sentence with figures. Cancelling is G_IO_ERROR_CANCELLED, not a code of this domain. */
#pragma once
#include <glib.h>

typedef enum
{
  QI_ERROR_FAILED,         /* anything else; nothing to be done but to report it */
  QI_ERROR_OUT_OF_MEMORY,  /* a smaller picture, or a bigger card */
  QI_ERROR_UNSUPPORTED,    /* another GPU, or another file */
  QI_ERROR_NO_DEVICE,      /* no usable Vulkan device */
  QI_ERROR_BAD_CHECKPOINT, /* the file is damaged, foreign or missing */
  QI_ERROR_BAD_REQUEST,    /* arguments out of range */
  QI_ERROR_DEVICE_LOST,    /* the engine is spoilt: make a new one */
  QI_ERROR_WORKER_GONE     /* the engine's process ended */
} QiErrorCode;

#define QI_ERROR (qi_error_quark ())
GQuark qi_error_quark (void);

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/fault.h — failures made on purpose, one at a time, so that tests see every way out. Process-wide; nothing ever
 * fails unless it is armed, and in builds without stubs it cannot be. */
#pragma once
#include <glib.h>

typedef enum
{
  QI_FAULT_ALLOCATION, /* of a block of device memory */
  QI_FAULT_SUBMIT,     /* to a queue of the device */
  QI_FAULT_LOST,       /* likewise, and the device is gone */
  QI_N_FAULTS
} QiFault;

/* Call number n from now on fails, once (counted from 1; 0: none); the first two as if the device were out of memory. Starts the
 * count. */
void qi_fault_arm (QiFault kind, guint n);
guint qi_fault_count (QiFault kind); /* calls since then */

/* Arms what the environment says (QI_FAIL, base/env.h), the first time it is called. */
void qi_fault_arm_by_environment (void);

/* Whether this call has to fail; counts it. Any thread. */
gboolean qi_fault (QiFault kind);

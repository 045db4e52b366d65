/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/fault.h"

#ifdef QI_STUBS

static gint counts[QI_N_FAULTS], armed[QI_N_FAULTS]; /* atomic */

void
qi_fault_arm (QiFault kind, guint n)
{
  g_atomic_int_set (&armed[kind], (gint) n);
  g_atomic_int_set (&counts[kind], 0);
}

guint
qi_fault_count (QiFault kind)
{
  return (guint) g_atomic_int_get (&counts[kind]);
}

gboolean
qi_fault (QiFault kind)
{
  return g_atomic_int_add (&counts[kind], 1) + 1 == g_atomic_int_get (&armed[kind]);
}

#else

void qi_fault_arm (QiFault kind, guint n) { }
guint qi_fault_count (QiFault kind) { return 0; }
gboolean qi_fault (QiFault kind) { return FALSE; }

#endif

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/fault.h"

#include <string.h>

#include "base/env.h"

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

void
qi_fault_arm_by_environment (void)
{
  static const char *const names[QI_N_FAULTS] = { "alloc:", "submit:", "lost:" };
  static gsize once;
  const char *value = qi_env_fail ();

  if (!g_once_init_enter (&once))
    return;
  for (guint i = 0; value && i < QI_N_FAULTS; i++)
    if (g_str_has_prefix (value, names[i]))
      qi_fault_arm (i, (guint) g_ascii_strtoull (value + strlen (names[i]), NULL, 10));
  g_once_init_leave (&once, 1);
}

gboolean
qi_fault (QiFault kind)
{
  return g_atomic_int_add (&counts[kind], 1) + 1 == g_atomic_int_get (&armed[kind]);
}

#else

void qi_fault_arm (QiFault kind, guint n) { }
guint qi_fault_count (QiFault kind) { return 0; }
void qi_fault_arm_by_environment (void) { }
gboolean qi_fault (QiFault kind) { return FALSE; }

#endif

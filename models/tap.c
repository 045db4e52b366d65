/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/tap.h"

void
qi_tap_n (const QiTap *tap, QiStream *s, const QiTensor *tensor, const char *format, guint n)
{
  if (!tap || !tap->func)
    return;

  g_autofree char *name = g_strdup_printf (format, n);
  qi_tap (tap, s, tensor, name);
}

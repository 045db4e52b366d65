/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* plugin/host.h — GIMP, as ui/host.h describes an image program. */
#pragma once
#include "ui/host.h"

#define QI_TYPE_GIMP_HOST (qi_gimp_host_get_type ())
G_DECLARE_FINAL_TYPE (QiGimpHost, qi_gimp_host, QI, GIMP_HOST, GObject)

/* shown: new images get a window. */
QiHost *qi_gimp_host_new (gboolean shown);

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* plugin/run.h — a call of one of our procedures, whoever makes it: a menu, Ctrl+F, a script. */
#pragma once
#include <libgimp/gimp.h>

/* run_data: the QiCommand. (transfer full) */
GimpValueArray *qi_run (GimpProcedure *procedure, GimpRunMode run_mode, GimpImage *image, GimpDrawable **drawables,
                        GimpProcedureConfig *config, gpointer run_data);

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/flow.h — children in a line, made narrower where that helps, else broken into lines. GtkFlowBox makes columns, for which
 * chips of different widths are no use. */
#pragma once
#include <gtk/gtk.h>

#define QI_TYPE_FLOW (qi_flow_get_type ())
G_DECLARE_FINAL_TYPE (QiFlow, qi_flow, QI, FLOW, GtkBox)

GtkWidget *qi_flow_new (int column_spacing, int row_spacing);

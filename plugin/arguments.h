/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* plugin/arguments.h — the request's fields as arguments of a procedure: names, ranges and defaults are those of
 * base/request.h, labels and tooltips are added here. */
#pragma once
#include <libgimp/gimp.h>

#include "base/request.h"

#define N_REFERENCES 4 /* reference-1 … reference-4 */

/* Argument of the request's field of that name. */
void qi_arguments_add (GimpProcedure *procedure, const char *field);
void qi_arguments_add_references (GimpProcedure *procedure);

/* Those arguments that the procedure of config has, into request; QI_ERROR_BAD_REQUEST. */
gboolean qi_arguments_read (GimpProcedureConfig *config, QiRequest *request, GError **error);
/* The reference drawables, without gaps; entries are borrowed. (transfer container) */
GPtrArray *qi_arguments_references (GimpProcedureConfig *config);

/* Empties what people typed: GIMP writes a procedure's arguments into the image after each interactive call, and so into
 * the file that is given away. References go too: their numbers mean nothing tomorrow. */
void qi_arguments_forget (GimpProcedureConfig *config);

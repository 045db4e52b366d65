/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* plugin/script.h — a job without a window: scripts and Ctrl+F. Blocks until the layers are there. */
#pragma once
#include <libgimp/gimp.h>

#include "base/request.h"
#include "plugin/procedures.h"

typedef struct
{
  GimpLayer **layers; /* in the order of the results; borrowed from GIMP, the array is ours */
  guint n_layers;
  gint64 seed;        /* of the first */
  GimpImage *image;   /* that has them */
} QiMade;
void qi_made_clear (QiMade *made);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (QiMade, qi_made_clear)

/* references: of QiHostReference. After an error the image is as it was. */
gboolean qi_script_make (const QiCommand *command, const QiRequest *request, GimpImage *image, GimpDrawable *const *drawables,
                         GPtrArray *references, QiMade *made, GError **error);
/* The job that the topmost of drawables remembers. prompt NULL or "": as before; seed -1: a new one. */
gboolean qi_script_again (const char *prompt, gint64 seed, GimpImage *image, GimpDrawable *const *drawables, QiMade *made,
                          GError **error);

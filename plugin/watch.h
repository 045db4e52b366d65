/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* plugin/watch.h — has it changed? GIMP tells other processes nothing, so images are looked at again and again, and small
 * pictures of them compared. One look costs a few milliseconds whatever the image's size. */
#pragma once
#include <libgimp/gimp.h>

#include "ui/host.h"

typedef struct _QiWatch QiWatch;

QiWatch *qi_watch_new (void);
void qi_watch_free (QiWatch *watch);

/* Fills in image, with its serial. FALSE: it was closed, and image holds no more than its last name. */
gboolean qi_watch_image (QiWatch *watch, gint id, QiHostImage *image);
/* Beside that the serials of selection and pixels, whether the selection is soft, and whether layer (may be NULL) is empty. */
gboolean qi_watch_view (QiWatch *watch, gint id, GimpLayer *layer, QiHostView *view);

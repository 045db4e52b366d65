/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/scene.h — the picture area: frame and mask before, the forming picture during, before and after once done; always at the
 * same place and zoom. */
#pragma once
#include <gtk/gtk.h>

#include "ui/session.h"

#define QI_TYPE_SCENE (qi_scene_get_type ())
G_DECLARE_FINAL_TYPE (QiScene, qi_scene, QI, SCENE, GtkDrawingArea)

GtkWidget *qi_scene_new (QiSession *session);
void qi_scene_set_preview (QiScene *scene, gboolean on);
void qi_scene_set_compare (QiScene *scene, gboolean on);
void qi_scene_set_grid (QiScene *scene, gboolean on);
/* While Space is held. */
void qi_scene_show_original (QiScene *scene, gboolean on);
/* There is a before and an after, and the line between them is seen. */
gboolean qi_scene_is_comparing (QiScene *scene);

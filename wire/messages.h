/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* wire/messages.h — the dictionaries of wire/worker.xml from and to the project's own nouns.
 *
 *   inputs    pictures a(uuuh) · mask (uuuh) · control (uuuh) · latents (tttth)
 *   progress  stage s · step n-steps result n-results u · seconds-left d · preview (uuuh)
 *   result    images a(uuuh) · seed x · steps width height u · guidance d · prompt note s · seconds a{sd}, by stage
 *   info      the fields of QiEngineInfo, with "-" for "_"; seconds guidance ad · steps au
 *
 * Missing keys keep their default. Everything read is checked first; QI_ERROR_BAD_REQUEST says what is wrong. */
#pragma once
#include <gio/gio.h>
#include <gio/gunixfdlist.h>

#include "base/job.h"
#include "wire/client.h"

/* What a request's pictures are, owned. */
typedef struct
{
  QiInputs inputs; /* borrows from the rest */
  GPtrArray *pictures;
  QiImage *mask, *control;
  QiLatents latents;
  GBytes *latent_values;
} QiInputsBox;
void qi_inputs_box_free (QiInputsBox *box);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiInputsBox, qi_inputs_box_free)

/* inputs may be NULL. (floating) */
GVariant *qi_inputs_to_variant (const QiInputs *inputs, GUnixFDList *fds, GError **error);
QiInputsBox *qi_inputs_from_variant (GVariant *variant, GUnixFDList *fds, GError **error); /* (transfer full) */

/* Without latents, which are the command line's own business. (floating) */
GVariant *qi_result_to_variant (const QiResult *result, GUnixFDList *fds, GError **error);
QiResult *qi_result_from_variant (GVariant *variant, GUnixFDList *fds, GError **error); /* (transfer full) */

/* (floating) */
GVariant *qi_progress_to_variant (const QiProgress *progress, GUnixFDList *fds, GError **error);
/* preview, which progress borrows, belongs to the caller. */
gboolean qi_progress_from_variant (GVariant *variant, GUnixFDList *fds, QiProgress *progress, QiImage **preview, GError **error);

GVariant *qi_info_to_variant (const QiEngineInfo *info);               /* (floating) */
QiEngineInfo *qi_info_from_variant (GVariant *variant, GError **error); /* (transfer full) */

/* Makes the codes of QI_ERROR known to D-Bus, so that they arrive as what they were. Any number of times. */
void qi_wire_register_errors (void);

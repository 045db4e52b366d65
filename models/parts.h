/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/parts.h — how each part of a model is made and freed. Internal to models/runtime.c; what everybody may know of parts
 * is in models/runtime.h. */
#pragma once
#include "models/runtime.h"

typedef struct
{
  const char *name;
  QiComponent component; /* QI_N_COMPONENTS: of no part of a model */
  gpointer (*make) (const QiModelSet *set, const QiLoad *load, GError **error); /* NULL: not by itself */
  GDestroyNotify free;
} QiPartKind;
extern const QiPartKind qi_part_kinds[QI_N_PARTS];

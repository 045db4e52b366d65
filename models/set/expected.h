/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/set/expected.h — the tensors that a component of a given geometry is made of, and how a checkpoint compares.
 * Internal to models/. The names are those of the reference on disk. */
#pragma once
#include "models/model-set.h"

typedef struct
{
  guint n_expected;
  GPtrArray *missing; /* char *: names that are not there */
  GPtrArray *wrong;   /* char *: "NAME is [2, 3], not [3, 3]" */
  GPtrArray *foreign; /* char *: names nobody knows */
} QiTensorCheck;

/* The component's configuration must be known. Convolutions are compared by name only: containers fold their shapes.
 * (transfer full) */
QiTensorCheck *qi_tensor_check_new (const QiModelSet *set, QiComponent component);
void qi_tensor_check_free (QiTensorCheck *check);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiTensorCheck, qi_tensor_check_free)

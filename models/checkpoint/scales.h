/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/checkpoint/scales.h — internal to models/checkpoint/. */
#pragma once
#include "models/checkpoint/container.h"

/* Reads the scales of the fp8 weights among tensors that lie in file number file_index; refuses what is stored in ways we do
 * not implement. */
gboolean qi_checkpoint_take_scales (const QiHeader *header, const QiFile *file,
                                    GPtrArray *tensors, guint file_index, GError **error);

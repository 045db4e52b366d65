/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/golden/merge-lora.h — what models/adapter is compared with: the same LoRA merged into a transformer's weights, in
 * double, by plain loops and the simplest reading of each spelling. */
#pragma once
#include <glib.h>

/* One of the files of tests/data/make-loras.py. */
typedef struct
{
  const char *file;          /* below base/ or wide/ */
  const char *prefix;        /* of its layers */
  gboolean underscored;
  const char *down, *up;     /* ends of its keys; NULL: LoKr */
  double scale;              /* without an alpha */
} LoraSpelling;

const LoraSpelling *lora_spelling (const char *file);

/* w, [n_out, n_in], of the layer, gets strength times the file's part for it. FALSE: there is none. */
gboolean lora_merge (const LoraSpelling *spelling, const char *folder, double strength, const char *module, double *w,
                     gsize n_out, gsize n_in);

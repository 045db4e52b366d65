/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/model-fixture.h — tiny models to open, to change and to damage, in a folder of the test's own. */
#pragma once
#include "models/model-set.h"

extern char *base; /* the folder of the tiny model */

/* Runs the tests that were added, with those folders there. */
int run_with_models (void);

char *in_scratch (const char *name);  /* a file in the folder of this test (transfer full) */
char *in_variants (const char *name); /* one of the tiny model's parts as others store them (transfer full) */
char *write_tensors (const char *name, const char *rows);
void copy (const char *from, const char *name); /* into the folder of this test */
void copy_folder (const char *from, const char *name);

QiModelSet *open_set (const QiModelPaths *paths);
#define OPEN(...) open_set (&(const QiModelPaths){ __VA_ARGS__ })
void assert_complete (const QiModelSet *set);
void assert_unusable (const QiModelSet *set, int code, const char *word);
void assert_problem (const QiModelSet *set, const char *word);
void refuse_set (const QiModelPaths *paths, int code, const char *word);
#define REFUSE(code, word, ...) refuse_set (&(const QiModelPaths){ __VA_ARGS__ }, code, word)

#define RELEASED_NET \
  "img_in.weight 3072 64\nproj_out.weight 64 3072\ntxt_in.weight 3072 3584\ntxt_norm.weight 3584\n" \
  "transformer_blocks.0.attn.norm_q.weight 128\n"

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* worker/timings.h — how long things took, kept for the next time in sfumato/timings.conf of the user's cache folder.
 * Any thread.
 *
 * One group a device and model: seconds of loading, of reading a prompt, and by size of a pass through the network and of
 * decoding. Sizes never measured are estimated from the nearest one, in proportion to their pixels. */
#pragma once
#include <glib.h>

typedef struct _QiTimings QiTimings;

QiTimings *qi_timings_new (void);
void qi_timings_free (QiTimings *timings);

/* What a picture takes, in seconds; < 0: not known. */
typedef struct
{
  double load, encode, pass, decode;
} QiExpect;

/* device, model: any names. n_pictures: that the network sees. */
QiExpect qi_timings_expect (QiTimings *timings, const char *device, const char *model, guint width, guint height, guint n_pictures);

/* Measured; values < 0 are not. */
void qi_timings_learn (QiTimings *timings, const char *device, const char *model, guint width, guint height, guint n_pictures,
                       const QiExpect *measured);

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/ui/fake-client.h — an engine that does what the test says, when it says so; in place of wire/. */
#pragma once
#include "wire/client.h"

/* What info() answers from now on; copied from a fresh QiEngineInfo of a card of 8 GB with an edit model. */
QiEngineInfo *qi_fake_info (QiClient *client);
void qi_fake_info_error (QiClient *client, GError *error); /* (transfer full); NULL: none */

/* The job that runs; 0 where none does. Jobs are counted from 1. */
guint qi_fake_job (QiClient *client);
guint qi_fake_n_jobs (QiClient *client);
const QiRequest *qi_fake_request (QiClient *client);
guint qi_fake_n_pictures (QiClient *client);
QiImage *qi_fake_first (QiClient *client); /* Picture 1; borrowed, NULL: none */

void
qi_fake_progress (QiClient *client, QiStage stage, guint step, guint n_steps, double seconds_left, QiImage *preview);
/* Ends the job: with a picture of the size that was asked for, in one colour that follows from the seed, or image itself. */
void qi_fake_finish (QiClient *client, QiImage *image);
void qi_fake_fail (QiClient *client, GQuark domain, int code, const char *message);
/* A cancelled job ends by itself, from the main loop; or not before the test says so. */
void qi_fake_hold_cancel (QiClient *client, gboolean hold);
/* Main loop until nothing is left to do; until it holds, or 20 s went by. */
void qi_fake_settle (void);
gboolean qi_fake_wait (gboolean (*until) (gpointer data), gpointer data);

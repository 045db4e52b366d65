/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/ui/fixture.h — a session without a window: an image program and an engine in memory, and a clock that the test sets. */
#pragma once
#include "tests/ui/fake-client.h"
#include "tests/ui/fake-host.h"
#include "ui/session-private.h"

typedef struct
{
  QiFakeHost *host;
  QiClient *client;
  QiSettings *settings;
  QiSession *session;
  gint image, photo;
} Fixture;

extern gint64 fixture_now; /* µs, of the session's clock */

/* layer: the rectangle (QiRect) of the only layer of an image of 640 × 480; NULL: all of it. */
void fixture_set_up (Fixture *f, gconstpointer layer);
void fixture_tear_down (Fixture *f, gconstpointer layer);

/* For qi_fake_wait(): a job runs, or none is left. f: the fixture. */
gboolean fixture_between_jobs (gpointer f);

void fixture_later (Fixture *f, double seconds);
void fixture_select_part (Fixture *f);
/* Fill, of that part, with a prompt. */
void fixture_bind_fill (Fixture *f);
/* Ends n jobs well. */
void fixture_finish (Fixture *f, guint n);

void fixture_assert_card (Fixture *f, QiSay say);
/* details NULL: any. */
void fixture_assert_will (Fixture *f, const char *sentence, const char *details);

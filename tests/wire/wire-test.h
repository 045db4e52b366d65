/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/wire/wire-test.h — real workers, in folders of the test's own. Each test has a QI_STUB and so a worker of its own;
 * wire_end_worker() sees that it goes and that nothing of it stays. */
#pragma once
#include <glib.h>
#include <sys/types.h>

#include "wire/client.h"

extern char *wire_folder; /* of this program's files */
int wire_test_main (int argc, char **argv, void (*add) (void));

void wire_stub (const char *stub); /* NULL: none */

pid_t wire_worker_pid (void);  /* of the worker that listens for such a client; 0: there is none */
void wire_end_worker (void);   /* asks it to end; it does so well, and its socket is gone */
void wire_wait_gone (pid_t pid, int seconds, int *status);

/* A picture of w × h whose every pixel says where it is. */
QiImage *wire_picture (guint w, guint h, guint channels);
void wire_assert_equal (const QiImage *a, const QiImage *b);

/* What was told of a job. */
typedef struct
{
  guint n, n_previews, n_steps;
  guint waited_for;         /* most jobs that came before */
  gboolean seen[QI_N_STAGES];
  double seconds_left;      /* as last told */
  QiStage last;
  guint last_result, last_step;
  GCancellable *cancel_in;  /* cancelled when stage is reached */
  void (*in_stage) (gpointer data); /* called once when stage is reached */
  gpointer data;
  QiStage stage;
  gint64 reached; /* µs */
} WireSeen;
void wire_see (const QiProgress *progress, gpointer seen); /* also asserts that nothing goes backwards */

QiRequest *wire_request (QiTask task);
/* With that stub's worker; the error must be code of domain when it fails. */
QiResult *wire_run (const QiRequest *request, QiImage *picture, WireSeen *seen, GCancellable *cancellable, GError **error);

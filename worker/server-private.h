/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* worker/server-private.h — between server.c and peer.c. */
#pragma once
#include "worker/server.h"

typedef struct _QiPeer QiPeer;

struct _QiServer
{
  QiTimings *timings;
  QiMaker *maker; /* the jobs' */
  QiJobs *jobs;
  char *path, *build;
  guint64 inode; /* of the socket's file */
  GSocketService *service;
  GPtrArray *peers;      /* of QiPeer */
  guint n_infos;         /* that threads are at */
  double idle_seconds;   /* < 0: as the user has set it */
  gint64 last_activity;  /* µs */
  guint idle_timer, leave_idle;
  gboolean leaving, left;
  void (*gone) (gpointer user_data);
  gpointer user_data;
};

/* Somebody has asked for something, or something has ended. */
void qi_server_touch (QiServer *server);
void qi_server_check (QiServer *server); /* whether it can go now that it is leaving */

/* Takes over a connection that has just been made. */
void qi_peer_add (QiServer *server, GDBusConnection *bus);
void qi_peer_free (QiPeer *peer);
void qi_peer_flush (QiPeer *peer);

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/notify.h"

#include <gio/gio.h>
#include <glib/gi18n-lib.h>
#include <string.h>

#define SERVICE "org.freedesktop.Notifications"
#define PATH "/org/freedesktop/Notifications"
#define SHORT 40 /* characters of a prompt */

/* The one message that may be on the screen: a process has one window. */
static struct
{
  GDBusConnection *bus;
  guint id, signal;
  QiNotifyFunc show;
  gpointer user_data;
} shown;

static void
on_action (GDBusConnection *bus, const char *sender, const char *path, const char *interface, const char *signal,
           GVariant *parameters, gpointer data)
{
  guint id;
  const char *action;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(us)")))
    return;
  g_variant_get (parameters, "(u&s)", &id, &action);
  if (id == shown.id && shown.show)
    shown.show (shown.user_data);
}

static void
on_sent (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, NULL);

  if (reply)
    g_variant_get (reply, "(u)", &shown.id);
}

/* (transfer full) the prompt's beginning */
static char *
shorten (const char *prompt)
{
  const char *end = prompt ? strchr (prompt, '\n') : NULL;
  g_autofree char *line = end ? g_strndup (prompt, (gsize) (end - prompt)) : g_strdup (prompt ? prompt : "");
  g_autofree char *cut = NULL;

  if (g_utf8_strlen (line, -1) <= SHORT)
    return g_steal_pointer (&line);
  cut = g_utf8_substring (line, 0, SHORT);
  return g_strconcat (cut, "…", NULL);
}

void
qi_notify_ready (const char *prompt, QiNotifyFunc show, gpointer user_data)
{
  g_autofree char *words = shorten (prompt);
  g_autofree char *summary = *words ? g_strdup_printf (_("“%s” is ready"), words) : g_strdup (_("The picture is ready"));
  GVariantBuilder actions, hints;

  qi_notify_withdraw ();
  shown.bus = g_bus_get_sync (G_BUS_TYPE_SESSION, NULL, NULL);
  if (!shown.bus)
    return;
  shown.show = show;
  shown.user_data = user_data;
  shown.signal = g_dbus_connection_signal_subscribe (shown.bus, SERVICE, SERVICE, "ActionInvoked", PATH, NULL,
                                                     G_DBUS_SIGNAL_FLAGS_NONE, on_action, NULL, NULL);
  g_variant_builder_init (&actions, G_VARIANT_TYPE ("as"));
  g_variant_builder_add (&actions, "s", "default");
  g_variant_builder_add (&actions, "s", _("Show"));
  g_variant_builder_init (&hints, G_VARIANT_TYPE_VARDICT);
  g_dbus_connection_call (shown.bus, SERVICE, PATH, SERVICE, "Notify",
                          g_variant_new ("(susssasa{sv}i)", "Sfumato", 0u, "gimp", summary, "", &actions, &hints, -1),
                          G_VARIANT_TYPE ("(u)"), G_DBUS_CALL_FLAGS_NONE, -1, NULL, on_sent, NULL);
}

void
qi_notify_withdraw (void)
{
  if (!shown.bus)
    return;
  g_dbus_connection_signal_unsubscribe (shown.bus, shown.signal);
  if (shown.id)
    g_dbus_connection_call (shown.bus, SERVICE, PATH, SERVICE, "CloseNotification", g_variant_new ("(u)", shown.id), NULL,
                            G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL, NULL);
  g_clear_object (&shown.bus);
  shown.id = 0;
  shown.show = NULL;
}

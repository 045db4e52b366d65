/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ui/fixture.h"

gint64 fixture_now;

static gint64
test_clock (void)
{
  return fixture_now;
}

void
fixture_set_up (Fixture *f, gconstpointer layer)
{
  const QiRect whole = { 0, 0, 640, 480 }, *rect = layer ? layer : &whole;
  g_autofree char *folder = g_dir_make_tmp ("sfumato-session-XXXXXX", NULL);

  fixture_now = 1000 * G_USEC_PER_SEC;
  f->host = qi_fake_host_new ();
  f->client = qi_client_new ();
  f->settings = qi_settings_new (folder);
  f->image = qi_fake_host_add_image (f->host, "harbour.xcf", 640, 480, QI_HOST_RGB);
  f->photo = qi_fake_host_add_layer (f->host, f->image, "Photo", *rect, qi_fake_draw_harbour);
  f->session = qi_session_new (QI_HOST (f->host), f->client, f->settings);
  f->session->clock = test_clock;
  f->session->active = TRUE;
}

void
fixture_tear_down (Fixture *f, gconstpointer layer)
{
  qi_fake_settle ();
  g_object_unref (f->session);
  qi_fake_settle ();
  g_object_unref (f->settings);
  g_object_unref (f->client);
  g_object_unref (f->host);
}

gboolean
fixture_between_jobs (gpointer data)
{
  Fixture *f = data;

  return qi_fake_job (f->client) || !f->session->work;
}

void
fixture_assert_card (Fixture *f, QiSay say)
{
  const QiCard *card = qi_session_card (f->session);

  g_assert_nonnull (card);
  g_assert_cmpint (card->say, ==, say);
}

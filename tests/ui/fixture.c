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

void
fixture_later (Fixture *f, double seconds)
{
  fixture_now += (gint64) (seconds * G_USEC_PER_SEC);
  qi_session_poll (f->session, TRUE);
  qi_fake_settle ();
}

void
fixture_select_part (Fixture *f)
{
  qi_fake_host_select (f->host, f->image, (QiRect) { 200, 200, 80, 60 });
}

void
fixture_bind_fill (Fixture *f)
{
  fixture_select_part (f);
  qi_session_bind (f->session, f->image, FALSE, QI_TASK_FILL);
  qi_fake_settle ();
  qi_session_set_prompt (f->session, "a boat");
}

void
fixture_finish (Fixture *f, guint n)
{
  for (guint k = 0; k < n; k++)
    {
      g_assert_cmpuint (qi_fake_job (f->client), >, 0);
      const guint before = qi_fake_n_jobs (f->client);
      qi_fake_finish (f->client, NULL);
      g_assert_true (qi_fake_wait (fixture_between_jobs, f));
      g_assert_true (k + 1 == n || qi_fake_n_jobs (f->client) == before + 1);
    }
  qi_fake_settle ();
}

void
fixture_assert_will (Fixture *f, const char *sentence, const char *details)
{
  g_autofree char *d = NULL, *will = qi_session_will (f->session, &d);

  g_assert_cmpstr (will, ==, sentence);
  if (details)
    g_assert_cmpstr (d, ==, details);
}

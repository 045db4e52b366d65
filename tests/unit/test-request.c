/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The defaults and ranges that the PDB and the command line promise. */
#include "base/request.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

static void
defaults (void)
{
  g_autoptr (QiRequest) request = qi_request_new ();

  g_assert_cmpint (request->quality, ==, QI_QUALITY_BALANCED);
  g_assert_cmpuint (request->steps, ==, 0);
  g_assert_cmpfloat (request->guidance, ==, 0);
  g_assert_cmpint (request->seed, ==, -1);
  g_assert_cmpuint (request->results, ==, 1);
  g_assert_cmpstr (request->sampler, ==, "euler");
  g_assert_cmpuint (request->width, ==, 0);
  g_assert_null (request->model);
  g_assert_true (qi_request_check (request, NULL));
}

/* The check must fail with a message that has both words. */
static void
refuse (const QiRequest *request, const char *word, const char *figure)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (qi_request_check (request, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST);
  g_assert_nonnull (strstr (error->message, word));
  g_assert_nonnull (strstr (error->message, figure));
}

static void
ranges (void)
{
  g_autoptr (QiRequest) request = qi_request_new ();

  request->steps = 200;
  request->guidance = 20;
  request->seed = G_MAXINT32;
  request->results = 8;
  request->width = 16;
  request->height = 16384;
  g_assert_true (qi_request_check (request, NULL));

  request->steps = 201;
  refuse (request, "steps", "200");
  request->steps = 4;
  request->guidance = 20.5;
  refuse (request, "guidance", "20.5");
  request->guidance = NAN;
  refuse (request, "guidance", "20");
  request->guidance = -1;
  refuse (request, "guidance", "-1");
  request->guidance = 1;
  request->seed = -2;
  refuse (request, "seed", "-2");
  request->seed = (gint64) G_MAXINT32 + 1;
  refuse (request, "seed", "2147483648");
  request->seed = 0;
  request->results = 0;
  refuse (request, "results", "8");
  request->results = 9;
  refuse (request, "results", "9");
  request->results = 1;
  request->width = 15;
  refuse (request, "width", "16");
  request->width = 64;
  request->height = 16385;
  refuse (request, "height", "16384");
  request->height = 64;
  request->quality = (QiQuality) 4;
  refuse (request, "quality", "maximum");
}

static void
texts (void)
{
  g_autoptr (QiRequest) request = qi_request_new ();

  request->prompt = g_strnfill (20 * 1024, 'a');
  g_assert_true (qi_request_check (request, NULL));
  g_free (request->prompt);
  request->prompt = g_strnfill (20 * 1024 + 1, 'a');
  refuse (request, "prompt", "20481");
  g_free (request->prompt);
  request->prompt = g_strdup ("a fox \xe7\x8b");
  refuse (request, "prompt", "byte 6");
  g_free (request->prompt);
  request->prompt = g_strdup ("狐");
  request->lettering = g_strdup ("\xff");
  refuse (request, "lettering", "UTF-8");
  g_clear_pointer (&request->lettering, g_free);
  g_free (request->sampler);
  request->sampler = g_strdup ("ddim");
  refuse (request, "ddim", "euler");
}

static void
quality_names (void)
{
  QiQuality quality = QI_QUALITY_FAST;

  for (guint i = 0; i < 4; i++)
    {
      g_assert_true (qi_quality_from_name (qi_quality_name ((QiQuality) i), &quality));
      g_assert_cmpint (quality, ==, i);
    }
  g_assert_cmpstr (qi_quality_name (QI_QUALITY_MAXIMUM), ==, "maximum");
  g_assert_false (qi_quality_from_name ("Fast", &quality));
  g_assert_false (qi_quality_from_name (NULL, &quality));
}

/* Every field survives the trip, as do texts that a shell would not. */
static void
variant (void)
{
  g_autoptr (QiRequest) request = qi_request_new ();
  guint n_fields;
  const QiField *fields = qi_request_fields (&n_fields);

  for (guint i = 0; i < n_fields; i++)
    {
      const char *value = fields[i].type == QI_FIELD_STRING ? "狐 \"fox\"\n%s" : fields[i].choices ? fields[i].choices[1] : NULL;
      g_autofree char *number = g_strdup_printf ("%.10g", fields[i].max);

      g_assert_true (qi_request_set (request, &fields[i], value ? value : number, NULL));
    }
  g_free (request->sampler);
  request->sampler = g_strdup ("euler");

  g_autoptr (GVariant) told = g_variant_ref_sink (qi_request_to_variant (request));
  g_autoptr (GError) error = NULL;
  g_autoptr (QiRequest) heard = qi_request_from_variant (told, &error);
  g_autoptr (QiRequest) copy = qi_request_copy (request);

  g_assert_no_error (error);
  for (guint i = 0; i < n_fields; i++)
    {
      g_autofree char *a = qi_request_get (request, &fields[i]);
      g_autofree char *b = qi_request_get (heard, &fields[i]);
      g_autofree char *c = qi_request_get (copy, &fields[i]);

      g_assert_cmpstr (a, ==, b);
      g_assert_cmpstr (a, ==, c);
    }
  g_assert_cmpint (heard->seed, ==, G_MAXINT32);
  g_assert_cmpint (heard->task, ==, QI_TASK_EDIT);
}

static void
refuse_variant (const char *text, const char *word)
{
  g_autoptr (GVariant) told = g_variant_ref_sink (g_variant_new_parsed (text));
  g_autoptr (GError) error = NULL;

  g_assert_null (qi_request_from_variant (told, &error));
  g_assert_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST);
  g_assert_nonnull (strstr (error->message, word));
}

static void
hostile_variant (void)
{
  refuse_variant ("{'results': <int64 9>}", "results is 9");
  refuse_variant ("{'results': <'4'>}", "results is '4'");
  refuse_variant ("{'steps': <-1>}", "steps is -1");
  refuse_variant ("{'quality': <'superb'>}", "fast, balanced, best, maximum");
  refuse_variant ("{'prompt': <3.5>}", "prompt is 3.5");
  refuse_variant ("{'width': <int64 4294967296>}", "width");
  refuse_variant ("'no dictionary'", "dictionary");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/request/defaults", defaults);
  g_test_add_func ("/request/ranges", ranges);
  g_test_add_func ("/request/texts", texts);
  g_test_add_func ("/request/quality", quality_names);
  g_test_add_func ("/request/variant", variant);
  g_test_add_func ("/request/hostile-variant", hostile_variant);
  return g_test_run ();
}

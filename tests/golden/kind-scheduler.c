/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* Schedules: sigmas and timesteps of (configuration, steps, tokens), and Euler steps on the device. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "models/sample/sampler.h"
#include "models/sample/sigmas.h"
#include "tests/golden/golden.h"

#define MAX_STEPS 100000

/* The configuration of this name: of the case's own list, in a folder config-NAME, or of the neighbouring case that
 * has them all. */
static gboolean
load_config (const QiCase *c, const char *name, QiSchedulerConfig *config, GError **error)
{
  const char *listed = name ? yyjson_get_str (yyjson_obj_get (yyjson_obj_get (c->root, "configs"), name)) : NULL;
  g_autofree char *own = g_strdup_printf ("config-%s/scheduler_config.json", name ? name : "");
  g_autofree char *neighbour = g_strconcat ("../scheduler-sigmas/", own, NULL);
  g_autofree char *path = qi_case_path (c, listed ? listed : own, error);
  g_autofree char *text = NULL;
  gsize n = 0;

  if (path && !listed && !g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_free (path);
      path = qi_case_path (c, neighbour, error);
    }
  return path && g_file_get_contents (path, &text, &n, error) && qi_scheduler_config_parse (config, text, n, path, error);
}

/* Layered uses a grid and a mu of its own. (g_free) */
static float *
make_sigmas (const QiCase *c, yyjson_val *row, guint *n_steps, GError **error)
{
  const char *name = yyjson_get_str (yyjson_obj_get (row, "config"));
  const double tokens = qi_json_real (row, "seq_len", 0);
  const gint64 steps = qi_json_int (row, "steps", 0);
  QiSchedulerConfig config;

  if (steps < 1 || steps > MAX_STEPS)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "A row of case.json has no steps.");
      return NULL;
    }
  if (!load_config (c, name, &config, error))
    return NULL;
  *n_steps = (guint) steps;
  if (name && g_str_has_prefix (name, "layered"))
    return qi_sigmas_new_mu (&config, *n_steps, sqrt (tokens / 256), TRUE);
  return qi_sigmas_new (&config, *n_steps, tokens);
}

static gboolean
add_row (QiCase *c, yyjson_val *row, GError **error)
{
  QiTensorFile *out = qi_case_output (c, qi_outputs_name (c->root));
  guint n = 0;
  g_autofree float *sigmas = make_sigmas (c, row, &n, error);
  g_autofree float *timesteps = g_new (float, MAX (n, 1));
  const char *given = yyjson_get_str (yyjson_obj_get (row, "key"));
  g_autofree char *key = given ? g_strdup (given)
                               : g_strdup_printf ("%s.%u.%" G_GINT64_FORMAT,
                                                  yyjson_get_str (yyjson_obj_get (row, "config")), n,
                                                  qi_json_int (row, "seq_len", 0));

  if (!sigmas)
    return FALSE;
  for (guint i = 0; i < n; i++)
    timesteps[i] = sigmas[i] * 1000;

  g_autofree char *sigmas_name = g_strconcat (key, ".sigmas", NULL);
  g_autofree char *timesteps_name = g_strconcat (key, ".timesteps", NULL);

  qi_add (out, sigmas_name, sigmas, n + 1);
  qi_add (out, timesteps_name, timesteps, n);
  return TRUE;
}

/* -- Euler -------------------------------------------------------------------------------------------- */

/* A run's input "INDEX.name" on the device. NULL with error set. */
static const QiTensor *
input (QiStream *s, const QiTensorFile *inputs, gint64 index, const char *name, const QiTensorEntry **shape, GError **error)
{
  g_autofree char *full = g_strdup_printf ("%" G_GINT64_FORMAT ".%s", index, name);
  const QiTensorEntry *entry = qi_need_tensor (inputs, full, 0, error);
  g_autofree float *values = entry ? qi_tensor_entry_floats (entry, error) : NULL;

  if (!values)
    return NULL;
  if (entry->n_dims < 2 || entry->elements == 0)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "The input %s has no rows.", full);
      return NULL;
    }
  *shape = entry;

  const guint64 d = entry->dims[entry->n_dims - 1];

  return qi_upload_floats (s, values, 2, (guint64[]){ entry->elements / d, d });
}

static gboolean
add_result (QiStream *s, QiTensorFile *out, const QiTensor *x, gint64 index, const char *what, guint k,
            const QiTensorEntry *shape, GError **error)
{
  g_autofree char *name = g_strdup_printf ("%" G_GINT64_FORMAT ".%s%u", index, what, k);
  g_autofree float *values = qi_download (s, x, error);

  if (values)
    qi_add_floats (out, name, values, shape->n_dims, shape->dims);
  return values != NULL;
}

/* The velocities of the case take the place of a network's. */
static const QiTensor *
given_velocity (QiStream *s, float sigma, guint evaluation, gpointer user_data)
{
  return user_data;
}

static gboolean
euler_run (QiCase *c, QiStream *s, const QiTensorFile *inputs, yyjson_val *row, GError **error)
{
  QiTensorFile *out = qi_case_output (c, qi_outputs_name (c->root));
  const QiSampler *sampler = qi_sampler_find ("euler", error);
  const gint64 index = qi_json_int (row, "index", 0);
  const QiTensorEntry *shape = NULL;
  guint n = 0;
  g_autofree float *sigmas = sampler ? make_sigmas (c, row, &n, error) : NULL;
  const QiTensor *x = sigmas ? input (s, inputs, index, "x0", &shape, error) : NULL;
  const QiTensor *clean = x ? input (s, inputs, index, "noise_in", &shape, error) : NULL;
  const QiTensor *noise = clean ? input (s, inputs, index, "noise_eps", &shape, error) : NULL;

  if (!noise)
    return FALSE;

  QiSampling sampling = { .sampler = sampler, .sigmas = sigmas, .x = x, .velocity = given_velocity };

  qi_sampling_begin (s, &sampling);
  for (guint k = 0; k < n; k++)
    {
      g_autofree char *name = g_strdup_printf ("velocity%u", k);
      const QiTensor *velocity = input (s, inputs, index, name, &shape, error);

      if (!velocity)
        return FALSE;
      sampling.user_data = (gpointer) velocity;
      qi_sampling_step (s, &sampling, k);
      if (!add_result (s, out, x, index, "x", k + 1, shape, error)
          || !add_result (s, out, qi_axpby (s, sigmas[k], noise, 1 - sigmas[k], clean), index, "noised", k, shape, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
euler (QiCase *c, yyjson_val *runs, GError **error)
{
  QiDevice *device = qi_golden_device (c->golden, error);
  g_autofree char *path = g_build_filename (c->folder, qi_outputs_name (c->root), NULL);
  g_autoptr (QiTensorFile) inputs = device ? qi_tensor_file_read (path, error) : NULL;
  yyjson_arr_iter iter;
  yyjson_val *row;

  if (!inputs)
    return FALSE;

  g_autoptr (QiStream) s = qi_stream_new (device, FALSE);

  yyjson_arr_iter_init (runs, &iter);
  while ((row = yyjson_arr_iter_next (&iter)))
    {
      qi_stream_begin_scope (s);
      const gboolean ok = euler_run (c, s, inputs, row, error);
      qi_stream_end_scope (s);
      if (!ok)
        return FALSE;
    }
  return TRUE;
}

gboolean
qi_golden_scheduler (QiCase *c, GError **error)
{
  yyjson_val *rows = yyjson_obj_get (c->root, "rows"), *runs = yyjson_obj_get (c->root, "runs");
  yyjson_arr_iter iter;
  yyjson_val *row;

  if (yyjson_arr_size (rows) + yyjson_arr_size (runs) == 0)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "case.json has neither rows nor runs.");
      return FALSE;
    }
  yyjson_arr_iter_init (rows, &iter);
  while ((row = yyjson_arr_iter_next (&iter)))
    if (!add_row (c, row, error))
      return FALSE;
  return yyjson_arr_size (runs) == 0 || euler (c, runs, error);
}

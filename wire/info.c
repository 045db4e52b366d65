/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* QiEngineInfo: a table of its fields, and what follows from it. */
#include <stddef.h>

#include "base/error.h"
#include "wire/messages.h"

typedef enum { TEXT, FLAG, BYTES, COUNT, CODE, SECONDS } Kind;

static const struct
{
  const char *key;
  Kind kind;
  gsize offset;
} fields[] = {
  { "device", TEXT, offsetof (QiEngineInfo, device) },
  { "software", FLAG, offsetof (QiEngineInfo, software) },
  { "memory-bytes", BYTES, offsetof (QiEngineInfo, memory_bytes) },
  { "used-bytes", BYTES, offsetof (QiEngineInfo, used_bytes) },
  { "model", TEXT, offsetof (QiEngineInfo, model) },
  { "model-path", TEXT, offsetof (QiEngineInfo, model_path) },
  { "variant", TEXT, offsetof (QiEngineInfo, variant) },
  { "model-hash", TEXT, offsetof (QiEngineInfo, model_hash) },
  { "demo", FLAG, offsetof (QiEngineInfo, demo) },
  { "edits", FLAG, offsetof (QiEngineInfo, edits) },
  { "layered", FLAG, offsetof (QiEngineInfo, layered) },
  { "stub", FLAG, offsetof (QiEngineInfo, stub) },
  { "loaded", FLAG, offsetof (QiEngineInfo, loaded) },
  { "width", COUNT, offsetof (QiEngineInfo, width) },
  { "height", COUNT, offsetof (QiEngineInfo, height) },
  { "unit", COUNT, offsetof (QiEngineInfo, unit) },
  { "problem-code", CODE, offsetof (QiEngineInfo, problem_code) },
  { "problem", TEXT, offsetof (QiEngineInfo, problem) },
  { "load-seconds", SECONDS, offsetof (QiEngineInfo, load_seconds) },
};

#define N_QUALITIES (QI_QUALITY_MAXIMUM + 1)

/* NULL: a string that is not set. (floating) */
static GVariant *
value_of (const char *at, Kind kind)
{
  switch (kind)
    {
    case TEXT:
      {
        const char *text = *(char *const *) at;
        g_autofree char *valid = text ? g_utf8_make_valid (text, -1) : NULL;

        return valid ? g_variant_new_string (valid) : NULL;
      }
    case FLAG: return g_variant_new_boolean (*(const gboolean *) at != FALSE);
    case BYTES: return g_variant_new_uint64 (*(const guint64 *) at);
    case COUNT: return g_variant_new_uint32 (*(const guint *) at);
    case CODE: return g_variant_new_int32 (*(const gint *) at);
    case SECONDS: return g_variant_new_double (*(const double *) at);
    }
  g_return_val_if_reached (NULL);
}

GVariant *
qi_info_to_variant (const QiEngineInfo *info)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    {
      GVariant *value = value_of ((const char *) info + fields[i].offset, fields[i].kind);

      if (value)
        g_variant_builder_add (&builder, "{sv}", fields[i].key, value);
    }
  g_variant_builder_add (&builder, "{sv}", "seconds",
                         g_variant_new_fixed_array (G_VARIANT_TYPE_DOUBLE, info->seconds, N_QUALITIES, sizeof (double)));
  g_variant_builder_add (&builder, "{sv}", "guidance",
                         g_variant_new_fixed_array (G_VARIANT_TYPE_DOUBLE, info->guidance, N_QUALITIES, sizeof (double)));
  g_variant_builder_add (&builder, "{sv}", "steps",
                         g_variant_new_fixed_array (G_VARIANT_TYPE_UINT32, info->steps, N_QUALITIES, sizeof (guint)));
  return g_variant_builder_end (&builder);
}

static void
take_value (GVariant *from, const char *key, char *at, Kind kind)
{
  static const char *const formats[] = { [TEXT] = "s", [FLAG] = "b", [BYTES] = "t", [COUNT] = "u", [CODE] = "i", [SECONDS] = "d" };

  g_variant_lookup (from, key, formats[kind], at);
}

static void
take_array (GVariant *from, const char *key, const GVariantType *type, void *to, gsize size)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (from, key, type);
  gsize n = 0;
  gconstpointer values = value ? g_variant_get_fixed_array (value, &n, size) : NULL;

  if (n == N_QUALITIES)
    memcpy (to, values, n * size);
}

QiEngineInfo *
qi_info_from_variant (GVariant *variant, GError **error)
{
  QiEngineInfo *info;

  if (!g_variant_is_of_type (variant, G_VARIANT_TYPE_VARDICT))
    {
      g_set_error_literal (error, QI_ERROR, QI_ERROR_FAILED, "The engine said nothing intelligible about itself.");
      return NULL;
    }
  info = qi_engine_info_new ();
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
    take_value (variant, fields[i].key, (char *) info + fields[i].offset, fields[i].kind);
  take_array (variant, "seconds", G_VARIANT_TYPE ("ad"), info->seconds, sizeof (double));
  take_array (variant, "guidance", G_VARIANT_TYPE ("ad"), info->guidance, sizeof (double));
  take_array (variant, "steps", G_VARIANT_TYPE ("au"), info->steps, sizeof (guint));
  return info;
}

QiEngineInfo *
qi_engine_info_new (void)
{
  QiEngineInfo *info = g_new0 (QiEngineInfo, 1);

  info->problem_code = -1;
  info->unit = 16;
  info->load_seconds = -1;
  for (guint i = 0; i < N_QUALITIES; i++)
    info->seconds[i] = -1;
  return info;
}

void
qi_engine_info_free (QiEngineInfo *info)
{
  if (!info)
    return;
  g_free (info->device);
  g_free (info->model);
  g_free (info->model_path);
  g_free (info->variant);
  g_free (info->model_hash);
  g_free (info->problem);
  g_free (info);
}

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/settings.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define WINDOW "window"
#define LAST "last"
#define N_PROMPTS 100
#define N_REFERENCES 8 /* looked for: no procedure takes more */
#define REFERENCE "reference-%u"
#define MODEL_GROUP "default"

struct _QiSettings
{
  GObject parent;
  char *folder;
  GKeyFile *file; /* sfumatorc */
  gboolean changed;
  GPtrArray *prompts;
};

G_DEFINE_FINAL_TYPE (QiSettings, qi_settings, G_TYPE_OBJECT)

static char *
path_of (QiSettings *settings, const char *name)
{
  return g_build_filename (settings->folder, name, NULL);
}

static gboolean
write_file (QiSettings *settings, const char *name, GKeyFile *file, GError **error)
{
  g_autofree char *path = path_of (settings, name);
  gsize length = 0;
  g_autofree char *data = g_key_file_to_data (file, &length, NULL);

  if (g_mkdir_with_parents (settings->folder, 0700) != 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "“%s” cannot be made.", settings->folder);
      return FALSE;
    }
  return g_file_set_contents_full (path, data, length, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
}

static void
load (QiSettings *settings)
{
  g_autofree char *path = path_of (settings, "sfumatorc");
  gsize n = 0;

  settings->file = g_key_file_new ();
  settings->prompts = g_ptr_array_new_with_free_func (g_free);
  g_key_file_load_from_file (settings->file, path, G_KEY_FILE_KEEP_COMMENTS, NULL);
  g_auto (GStrv) prompts = g_key_file_get_string_list (settings->file, "prompts", "list", &n, NULL);
  for (gsize i = 0; i < MIN (n, N_PROMPTS); i++)
    g_ptr_array_add (settings->prompts, g_strdup (prompts[i]));
}

static void
qi_settings_dispose (GObject *object)
{
  QiSettings *settings = QI_SETTINGS (object);

  if (settings->file)
    qi_settings_save (settings, NULL);
  g_clear_pointer (&settings->file, g_key_file_unref);
  g_clear_pointer (&settings->prompts, g_ptr_array_unref);
  g_clear_pointer (&settings->folder, g_free);
  G_OBJECT_CLASS (qi_settings_parent_class)->dispose (object);
}

static void
qi_settings_class_init (QiSettingsClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = qi_settings_dispose;
}

static void
qi_settings_init (QiSettings *settings)
{
}

QiSettings *
qi_settings_new (const char *folder)
{
  QiSettings *settings = g_object_new (QI_TYPE_SETTINGS, NULL);

  settings->folder = folder ? g_strdup (folder) : g_build_filename (g_get_user_config_dir (), "sfumato", NULL);
  load (settings);
  return settings;
}

gboolean
qi_settings_get_bool (QiSettings *settings, const char *key, gboolean otherwise)
{
  g_autoptr (GError) error = NULL;
  const gboolean value = g_key_file_get_boolean (settings->file, WINDOW, key, &error);

  return error ? otherwise : value;
}

int
qi_settings_get_int (QiSettings *settings, const char *key, int otherwise)
{
  g_autoptr (GError) error = NULL;
  const int value = g_key_file_get_integer (settings->file, WINDOW, key, &error);

  return error ? otherwise : value;
}

char *
qi_settings_get_string (QiSettings *settings, const char *key)
{
  return g_key_file_get_string (settings->file, WINDOW, key, NULL);
}

void
qi_settings_set_bool (QiSettings *settings, const char *key, gboolean value)
{
  g_key_file_set_boolean (settings->file, WINDOW, key, value);
  settings->changed = TRUE;
}

void
qi_settings_set_int (QiSettings *settings, const char *key, int value)
{
  g_key_file_set_integer (settings->file, WINDOW, key, value);
  settings->changed = TRUE;
}

void
qi_settings_set_string (QiSettings *settings, const char *key, const char *value)
{
  g_key_file_set_string (settings->file, WINDOW, key, value ? value : "");
  settings->changed = TRUE;
}

/* The run of the image program, whose child we are: numbers of images and layers mean something in it alone. (transfer full) */
static char *
this_run (void)
{
  enum { STARTED = 19 }; /* field of /proc/N/stat, counted from the one behind the name */
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", (int) getppid ());
  g_autofree char *text = NULL;

  g_file_get_contents (path, &text, NULL, NULL);
  const char *behind_name = text ? strrchr (text, ')') : NULL;
  g_auto (GStrv) fields = g_strsplit (behind_name ? behind_name + 1 : "", " ", 0);
  return g_strdup_printf ("%d-%s", (int) getppid (), g_strv_length (fields) > STARTED + 1 ? fields[STARTED + 1] : "");
}

/* "reference-1" … of a group, each a list: NAME;PATH, or NAME;RUN;IMAGE;LAYER. */
static void
write_references (QiSettings *settings, const char *group, const GPtrArray *references)
{
  g_autofree char *run = this_run ();

  for (guint k = 0; references && k < references->len; k++)
    {
      const QiHostReference *from = references->pdata[k];
      g_autofree char *key = g_strdup_printf (REFERENCE, k + 1);
      g_autofree char *image = g_strdup_printf ("%d", from->image), *layer = g_strdup_printf ("%d", from->layer);
      const char *const file[] = { from->name ? from->name : "", from->path, NULL };
      const char *const there[] = { from->name ? from->name : "", run, image, layer, NULL };

      g_key_file_set_string_list (settings->file, group, key, from->path ? file : there, from->path ? 2 : 4);
    }
}

static GPtrArray *
read_references (QiSettings *settings, const char *group)
{
  GPtrArray *references = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_host_reference_free);
  g_autofree char *run = this_run ();

  for (guint k = 0; k < N_REFERENCES; k++)
    {
      g_autofree char *key = g_strdup_printf (REFERENCE, k + 1);
      gsize n = 0;
      g_auto (GStrv) list = g_key_file_get_string_list (settings->file, group, key, &n, NULL);

      if (n != 2 && n != 4)
        break;
      QiHostReference *reference = g_new0 (QiHostReference, 1);
      const gboolean known = n == 4 && strcmp (list[1], run) == 0;
      reference->name = g_strdup (list[0]);
      reference->path = n == 2 ? g_strdup (list[1]) : NULL;
      reference->image = known ? (gint) g_ascii_strtoll (list[2], NULL, 10) : QI_HOST_NONE;
      reference->layer = known ? (gint) g_ascii_strtoll (list[3], NULL, 10) : QI_HOST_NONE;
      g_ptr_array_add (references, reference);
    }
  return references;
}

QiRequest *
qi_settings_last (QiSettings *settings, const char *procedure, GPtrArray **references)
{
  g_autofree char *group = g_strconcat (LAST, "-", procedure, NULL);
  guint n = 0;
  const QiField *fields = qi_request_fields (&n);

  if (!g_key_file_has_group (settings->file, group))
    return NULL;
  g_autoptr (QiRequest) request = qi_request_new ();
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *value = g_key_file_get_string (settings->file, group, fields[i].name, NULL);
      if (value && !qi_request_set (request, &fields[i], value, NULL))
        return NULL; /* edited by hand, or of another version: as if nothing were stored */
    }
  if (!qi_request_check (request, NULL))
    return NULL;
  *references = read_references (settings, group);
  return g_steal_pointer (&request);
}

gboolean
qi_settings_set_last (QiSettings *settings, const char *procedure, const QiRequest *request, const GPtrArray *references,
                      GError **error)
{
  g_autofree char *group = g_strconcat (LAST, "-", procedure, NULL);
  guint n = 0;
  const QiField *fields = qi_request_fields (&n);

  g_key_file_remove_group (settings->file, group, NULL);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *value = qi_request_get (request, &fields[i]);
      if (value)
        g_key_file_set_string (settings->file, group, fields[i].name, value);
    }
  write_references (settings, group, references);
  g_key_file_set_string (settings->file, LAST, "procedure", procedure);
  settings->changed = TRUE;
  return qi_settings_save (settings, error);
}

char *
qi_settings_last_procedure (QiSettings *settings)
{
  return g_key_file_get_string (settings->file, LAST, "procedure", NULL);
}

const GPtrArray *
qi_settings_prompts (QiSettings *settings)
{
  return settings->prompts;
}

void
qi_settings_add_prompt (QiSettings *settings, const char *prompt)
{
  guint at = 0;

  if (!prompt || !*prompt)
    return;
  if (g_ptr_array_find_with_equal_func (settings->prompts, prompt, g_str_equal, &at))
    g_ptr_array_remove_index (settings->prompts, at);
  g_ptr_array_insert (settings->prompts, 0, g_strdup (prompt));
  if (settings->prompts->len > N_PROMPTS)
    g_ptr_array_set_size (settings->prompts, N_PROMPTS);
  g_key_file_set_string_list (settings->file, "prompts", "list", (const char *const *) settings->prompts->pdata,
                              settings->prompts->len);
  settings->changed = TRUE;
}

gboolean
qi_settings_save (QiSettings *settings, GError **error)
{
  if (!settings->changed)
    return TRUE;
  settings->changed = FALSE;
  return write_file (settings, "sfumatorc", settings->file, error);
}

char *
qi_settings_model (QiSettings *settings)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autofree char *path = path_of (settings, "models.conf");

  g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, NULL);
  return g_key_file_get_string (file, MODEL_GROUP, "model", NULL);
}

gboolean
qi_settings_set_model (QiSettings *settings, const char *path, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autofree char *name = path_of (settings, "models.conf");

  g_key_file_load_from_file (file, name, G_KEY_FILE_KEEP_COMMENTS, NULL);
  if (path && *path)
    g_key_file_set_string (file, MODEL_GROUP, "model", path);
  else
    g_key_file_remove_key (file, MODEL_GROUP, "model", NULL);
  return write_file (settings, "models.conf", file, error);
}

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/adapter/lora.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "base/error.h"

#include "models/adapter/lora-part.h"

#define MAX_STRENGTH 100.0
#define FEW_STEPS_UNNAMED 8 /* of a few-step file whose name has no number */

struct _QiLoras
{
  GPtrArray *files; /* QiLora */
  char *key;
};

static void
lora_free (gpointer data)
{
  QiLora *lora = data;

  g_free (lora->path);
  g_free (lora->name);
  g_clear_pointer (&lora->checkpoint, qi_checkpoint_free);
  g_clear_pointer (&lora->parts, g_ptr_array_unref);
  g_clear_pointer (&lora->unused, g_ptr_array_unref);
  g_free (lora);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiLora, lora_free)

gboolean
qi_lora_parse_line (const char *line, char **path, double *strength, GError **error)
{
  g_autofree char *text = g_strstrip (g_strdup (line));
  char *colon = strrchr (text, ':'), *end = NULL;

  *strength = 1;
  if (colon && colon[1] && !g_ascii_isspace (colon[1]))
    {
      const double value = g_ascii_strtod (colon + 1, &end);

      if (*end == '\0')
        {
          *strength = value;
          *colon = '\0';
        }
    }
  if (!isfinite (*strength) || fabs (*strength) > MAX_STRENGTH)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "The strength of the add-on “%s” is %g, and may be %g to %g.", text, *strength,
                   -MAX_STRENGTH, MAX_STRENGTH);
      return FALSE;
    }
  if (!*g_strchomp (text))
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "The add-on “%s” names no file: write FILE:STRENGTH, such as style.safetensors:0.8.",
                   line);
      return FALSE;
    }
  *path = g_steal_pointer (&text);
  return TRUE;
}

/* -- what a file is for ------------------------------------------------------------------------------- */

/* The number is in text, and is no part of a longer one, as a date would be. */
static gboolean
has_number (const char *text, const char *number)
{
  for (const char *at = text; (at = strstr (at, number)); at++)
    if ((at == text || !g_ascii_isdigit (at[-1])) && !g_ascii_isdigit (at[strlen (number)]))
      return TRUE;
  return FALSE;
}

/* Only these two are told apart: their layers have equal names and shapes, and one's adapter is noise on the other. */
static const char *
edition_of (const char *text)
{
  if (has_number (text, "2511"))
    return "edit-2511";
  return has_number (text, "2509") ? "edit-2509" : NULL;
}

/* By what trainers write down, then by the file's name, then by its folder's where that is about Qwen. */
static const char *
find_edition (const QiLora *lora)
{
  static const char *const keys[] = { "ss_base_model_version", "ss_sd_model_name", "modelspec.architecture", "base_model", "modelspec.title" };
  g_autofree char *folder = g_path_get_dirname (lora->path);
  g_autofree char *folder_name = g_path_get_basename (folder), *lower = g_ascii_strdown (folder_name, -1);
  const char *found = NULL, *text;

  for (guint i = 0; i < G_N_ELEMENTS (keys) && !found; i++)
    if (qi_checkpoint_meta_string (lora->checkpoint, keys[i], &text))
      found = edition_of (text);
  if (!found)
    found = edition_of (lora->name);
  if (!found && strstr (lower, "qwen"))
    found = edition_of (folder_name);
  return found;
}

/* "…Lightning-4steps-V1.0" */
static guint
find_few_steps (const char *name)
{
  g_autofree char *lower = g_ascii_strdown (name, -1);
  const char *step = lower, *digits;

  if (!strstr (lower, "lightning"))
    return 0;
  while ((step = strstr (step, "step")))
    {
      digits = step;
      while (digits > lower && strchr ("-_ ", digits[-1]))
        digits--;
      while (digits > lower && g_ascii_isdigit (digits[-1]))
        digits--;
      if (g_ascii_isdigit (*digits))
        return CLAMP ((guint) g_ascii_strtoull (digits, NULL, 10), 1, 50);
      step++;
    }
  return FEW_STEPS_UNNAMED;
}

static gboolean
check_edition (const QiLora *lora, const QiModelSet *set, GError **error)
{
  const char *made_for = lora->info.made_for;
  const gboolean differs = set && made_for && strcmp (made_for, set->variant->name) != 0;

  if (!differs || (strcmp (set->variant->name, "edit-2509") != 0 && strcmp (set->variant->name, "edit-2511") != 0))
    return TRUE;
  g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
               "The add-on “%s” is for %s and does not fit “%s”, which is %s: pictures would be noise. It was not used.", lora->name,
               qi_variant_by_name (made_for)->title, set->name, set->variant->title);
  return FALSE;
}

/* -- sorting its tensors ------------------------------------------------------------------------------ */

static gboolean
refuse_kind (const QiLora *lora, const char *key, const char *kind, GError **error)
{
  g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
               "The add-on “%s” is a %s (“%s”), which cannot be applied beside the weights; use a plain LoRA or LoKr. It was not used.",
               lora->name, kind, key);
  return FALSE;
}

/* Puts a tensor with its layer's others; keys of unknown kind are not used. */
static gboolean
take_tensor (QiLora *lora, const QiCheckpointTensor *tensor, const QiLoraNames *names, GHashTable *by_stem, GPtrArray *parts,
             GError **error)
{
  gsize n_stem;
  const QiLoraRole role = qi_lora_role (tensor->name, &n_stem);
  g_autofree char *stem = g_strndup (tensor->name, n_stem);
  QiLoraPart *part;

  if (role == QI_LORA_DORA || role == QI_LORA_LOHA)
    return refuse_kind (lora, tensor->name, role == QI_LORA_DORA ? "DoRA" : "LoHa", error);
  if (role == QI_LORA_OTHER)
    {
      g_ptr_array_add (lora->unused, g_strdup (tensor->name));
      return TRUE;
    }
  if (!(part = g_hash_table_lookup (by_stem, stem)))
    {
      part = g_new0 (QiLoraPart, 1);
      part->module = g_strdup (qi_lora_module (names, stem, &part->underscored));
      part->stem = g_steal_pointer (&stem);
      g_ptr_array_add (parts, part);
      g_hash_table_insert (by_stem, part->stem, part);
    }
  if (part->tensors[role])
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "The add-on “%s” holds “%s” twice, also as “%s”.", lora->name, tensor->name,
                   part->tensors[role]->name);
      return FALSE;
    }
  part->tensors[role] = tensor;
  if (role >= QI_LORA_W1 && role < QI_LORA_N_ROLES)
    lora->info.format = "LoKr";
  else if (!lora->info.format && role == QI_LORA_DOWN)
    lora->info.format = strstr (tensor->name, "lora_A") ? "diffusers" : part->underscored ? "kohya" : "lightx2v";
  return TRUE;
}

/* Two spellings of one layer would be applied twice. */
static gboolean
check_twice (const QiLora *lora, const GPtrArray *parts, GError **error)
{
  g_autoptr (GHashTable) modules = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < parts->len; i++)
    {
      const QiLoraPart *part = g_ptr_array_index (parts, i);
      const QiLoraPart *other = part->module ? g_hash_table_lookup (modules, part->module) : NULL;

      if (other)
        {
          g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "The add-on “%s” changes the layer “%s” twice, as “%s” and as “%s”.",
                       lora->name, part->module, other->stem, part->stem);
          return FALSE;
        }
      if (part->module)
        g_hash_table_insert (modules, part->module, (gpointer) part);
    }
  return TRUE;
}

/* -- comparing it with the model ---------------------------------------------------------------------- */

/* Shape of a layer of the model: [n_out, n_in]. FALSE: there is no such layer. */
static gboolean
layer_shape (const QiModelSet *set, const char *module, guint64 *n_out, guint64 *n_in)
{
  g_auto (GStrv) fused = qi_lora_fused_parts (module);

  *n_out = *n_in = 0;
  for (guint i = 0; fused ? fused[i] != NULL : i < 1; i++)
    {
      g_autofree char *name = g_strconcat (fused ? fused[i] : module, ".weight", NULL);
      const QiCheckpointTensor *weight = qi_checkpoint_find (set->transformer, name);

      if (!weight || weight->n_dims != 2 || (*n_in && *n_in != weight->dims[1]))
        return FALSE;
      *n_out += weight->dims[0];
      *n_in = weight->dims[1];
    }
  return TRUE;
}

typedef struct
{
  guint n;     /* parts that fit */
  char *first; /* what is wrong with the first of another shape; NULL: none is */
} Fit;

static gboolean
fits (const QiLoraPart *part, const QiModelSet *set, Fit *fit)
{
  guint64 n_out, n_in;
  g_auto (GStrv) fused = part->module && part->kron ? qi_lora_fused_parts (part->module) : NULL;

  if (!part->module || fused || (set && !layer_shape (set, part->module, &n_out, &n_in)))
    return FALSE;
  if (!set || (part->n_out == n_out && part->n_in == n_in))
    return TRUE;
  if (!fit->first)
    fit->first = g_strdup_printf ("“%s” is for a layer of %" G_GUINT64_FORMAT " × %" G_GUINT64_FORMAT ", the model's is %" G_GUINT64_FORMAT
                                  " × %" G_GUINT64_FORMAT,
                                  part->stem, part->n_out, part->n_in, n_out, n_in);
  return FALSE;
}

static gboolean
refuse_misfit (const QiLora *lora, const QiModelSet *set, guint n_parts, const Fit *fit, GError **error)
{
  g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
               "The add-on “%s” does not fit %s%s%s: %u of %u parts match%s%s. It was not used.", lora->name, set ? "“" : "",
               set ? set->name : "any model of the Qwen-Image family", set ? "”" : "", fit->n, n_parts,
               fit->first ? "; " : "", fit->first ? fit->first : "");
  return FALSE;
}

static void
note_unused (QiLora *lora, const QiLoraPart *part)
{
  for (guint i = 0; i < QI_LORA_N_ROLES; i++)
    if (part->tensors[i])
      g_ptr_array_add (lora->unused, g_strdup (part->tensors[i]->name));
}

/* Parts of layers that the model has not got are left out and counted, as long as they are the lesser half; one of another
 * shape means another architecture. */
static gboolean
choose_parts (QiLora *lora, const QiModelSet *set, GPtrArray *parts, GError **error)
{
  Fit fit = { 0 };
  gboolean good;

  for (guint i = 0; i < parts->len; i++)
    {
      QiLoraPart *part = g_ptr_array_index (parts, i);

      if (fits (part, set, &fit))
        {
          fit.n++;
          lora->info.min_rank = part->rank ? MIN (lora->info.min_rank ? lora->info.min_rank : G_MAXUINT, part->rank) : lora->info.min_rank;
          lora->info.max_rank = MAX (lora->info.max_rank, part->rank);
          g_ptr_array_add (lora->parts, part);
        }
      else
        {
          note_unused (lora, part);
          qi_lora_part_free (part);
        }
      parts->pdata[i] = NULL;
    }
  lora->info.n_parts = parts->len;
  lora->info.n_matched = fit.n;
  good = !fit.first && fit.n > 0 && 2 * fit.n >= parts->len;
  if (!good)
    refuse_misfit (lora, set, parts->len, &fit, error);
  g_free (fit.first);
  return good;
}

/* -- opening ------------------------------------------------------------------------------------------ */

static void
part_free (gpointer data)
{
  if (data)
    qi_lora_part_free (data);
}

static gboolean
read_parts (QiLora *lora, const QiModelSet *set, GError **error)
{
  g_autoptr (QiLoraNames) names = qi_lora_names_new (set ? set->mmdit_config.n_layers : QI_MAX_LAYERS);
  g_autoptr (GHashTable) by_stem = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) parts = g_ptr_array_new_with_free_func (part_free);
  g_auto (QiLoraMeta) meta = { 0 };

  lora->info.n_keys = qi_checkpoint_n_tensors (lora->checkpoint);
  for (guint i = 0; i < lora->info.n_keys; i++)
    if (!take_tensor (lora, qi_checkpoint_tensor (lora->checkpoint, i), names, by_stem, parts, error))
      return FALSE;
  if (parts->len == 0)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
                   "“%s” is no add-on: none of its %u tensors is a part of a LoRA. It was not used.", lora->path, lora->info.n_keys);
      return FALSE;
    }
  if (!check_twice (lora, parts, error) || !qi_lora_meta_read (&meta, lora->checkpoint, error))
    return FALSE;
  for (guint i = 0; i < parts->len; i++)
    {
      QiLoraPart *part = g_ptr_array_index (parts, i);

      /* What is for the text encoder may look as it likes. */
      if (part->module && !qi_lora_part_check (part, lora->checkpoint, &meta, error))
        return FALSE;
    }
  return choose_parts (lora, set, parts, error);
}

/* At strength 0 it changes nothing and so fits every model. */
static QiLora *
open_file (const char *line, const QiModelSet *set, GError **error)
{
  g_autoptr (QiLora) lora = g_new0 (QiLora, 1);
  char *dot;

  lora->parts = g_ptr_array_new_with_free_func (part_free);
  lora->unused = g_ptr_array_new_with_free_func (g_free);
  if (!qi_lora_parse_line (line, &lora->path, &lora->info.strength, error))
    return NULL;
  lora->name = g_path_get_basename (lora->path);
  if ((dot = strrchr (lora->name, '.')) && dot != lora->name)
    *dot = '\0';
  if (g_file_test (lora->path, G_FILE_TEST_IS_DIR))
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "The add-on “%s” is a folder: name the file in it.", lora->path);
      return NULL;
    }
  if (!(lora->checkpoint = qi_checkpoint_open (lora->path, QI_COMPONENT_ADAPTER, error)))
    return NULL;
  if (lora->info.strength == 0)
    set = NULL;
  lora->info.made_for = find_edition (lora);
  if (!check_edition (lora, set, error) || !read_parts (lora, set, error))
    return NULL;
  lora->info.path = lora->path;
  lora->info.name = lora->name;
  lora->info.n_unused = lora->unused->len;
  lora->info.few_steps = find_few_steps (lora->name);
  if (!lora->info.format)
    lora->info.format = "unknown";
  return g_steal_pointer (&lora);
}

/* Tells files apart that were written anew under their old name. */
static void
append_key (GString *key, const QiLora *lora)
{
  char strength[G_ASCII_DTOSTR_BUF_SIZE];
  GStatBuf file = { 0 };

  if (lora->info.strength == 0)
    return;
  g_stat (lora->path, &file);
  g_ascii_dtostr (strength, sizeof strength, lora->info.strength);
  g_string_append_printf (key, "%s\n%" G_GINT64_FORMAT " %" G_GINT64_FORMAT ".%09ld %s\n", lora->path, (gint64) file.st_size,
                          (gint64) file.st_mtim.tv_sec, (long) file.st_mtim.tv_nsec, strength);
}

QiLoras *
qi_loras_open (const char *lines, const QiModelSet *set, GError **error)
{
  g_autoptr (QiLoras) loras = g_new0 (QiLoras, 1);
  g_auto (GStrv) rows = g_strsplit (lines ? lines : "", "\n", -1);
  g_autoptr (GString) key = g_string_new (NULL);

  loras->files = g_ptr_array_new_with_free_func (lora_free);
  for (guint i = 0; rows[i]; i++)
    {
      QiLora *lora;

      if (!*g_strstrip (rows[i]))
        continue;
      if (loras->files->len == QI_MAX_LORAS)
        {
          g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "There are more than %d add-ons; leave some out.", QI_MAX_LORAS);
          return NULL;
        }
      if (set && !set->transformer)
        {
          g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT, "“%s” has no transformer that an add-on could change.", set->name);
          return NULL;
        }
      if (!(lora = open_file (rows[i], set, error)))
        return NULL;
      g_ptr_array_add (loras->files, lora);
      append_key (key, lora);
      g_info ("Add-on “%s” (%s) at %g: %u of %u parts match, %u of %u keys are not used", lora->name, lora->info.format,
              lora->info.strength, lora->info.n_matched, lora->info.n_parts, lora->info.n_unused, lora->info.n_keys);
    }
  loras->key = g_string_free (g_steal_pointer (&key), FALSE);
  return g_steal_pointer (&loras);
}

void
qi_loras_free (QiLoras *loras)
{
  if (!loras)
    return;
  g_clear_pointer (&loras->files, g_ptr_array_unref);
  g_free (loras->key);
  g_free (loras);
}

/* -- asking ------------------------------------------------------------------------------------------- */

QiLora *
qi_loras_file (const QiLoras *loras, guint i)
{
  return g_ptr_array_index (loras->files, i);
}

guint
qi_loras_n (const QiLoras *loras)
{
  return loras ? loras->files->len : 0;
}

const QiLoraInfo *
qi_loras_info (const QiLoras *loras, guint i)
{
  return &qi_loras_file (loras, i)->info;
}

const GPtrArray *
qi_loras_unused (const QiLoras *loras, guint i)
{
  return qi_loras_file (loras, i)->unused;
}

const char *
qi_loras_key (const QiLoras *loras)
{
  return loras ? loras->key : "";
}

guint
qi_loras_few_steps (const QiLoras *loras)
{
  guint few = 0;

  for (guint i = 0; i < qi_loras_n (loras); i++)
    if (qi_loras_info (loras, i)->strength != 0)
      few = MAX (few, qi_loras_info (loras, i)->few_steps);
  return few;
}

char *
qi_loras_note (const QiLoras *loras, const QiRequest *request)
{
  g_autoptr (GString) note = g_string_new (NULL);
  const guint few_steps = qi_loras_few_steps (loras);

  if (few_steps && !request->steps && request->quality > QI_QUALITY_BALANCED)
    g_string_append_printf (note, "A few-step add-on is in use, so %u steps were made, not those of the quality “%s”.", few_steps,
                            qi_quality_name (request->quality));

  for (guint i = 0; i < qi_loras_n (loras); i++)
    {
      const QiLoraInfo *info = qi_loras_info (loras, i);

      if (info->n_unused)
        g_string_append_printf (note, "%sOf the add-on “%s” %u of %u keys are not used.", note->len ? " " : "", info->name,
                                info->n_unused, info->n_keys);
    }
  return note->len ? g_string_free (g_steal_pointer (&note), FALSE) : NULL;
}

void
qi_loras_few_step_schedule (QiSchedulerConfig *config)
{
  config->dynamic = TRUE;
  config->shift_type = QI_SHIFT_EXPONENTIAL;
  config->base_shift = config->max_shift = log (3);
  config->shift_terminal = 0;
}

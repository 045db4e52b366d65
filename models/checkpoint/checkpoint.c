/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/checkpoint/checkpoint.h"

#include <string.h>

#include "base/error.h"
#include "models/checkpoint/container.h"
#include "models/checkpoint/scales.h"

struct _QiCheckpoint
{
  char *path;
  QiComponent component;
  const char *container, *naming;
  GPtrArray *files;   /* QiFile */
  GPtrArray *tensors; /* QiCheckpointTensor, in the order of the files */
  GPtrArray *spare;   /* QiCheckpointTensor: found by name, and else of no account */
  GHashTable *by_name;
  GHashTable *asked;  /* canonical names; a set, guarded by lock */
  GMutex lock;
  GPtrArray *headers; /* QiHeader: their metadata */
  guint64 bytes;
};

static void
tensor_free (gpointer data)
{
  QiCheckpointTensor *t = data;

  g_free (t->name);
  g_free (t->file_name);
  g_free (t->scales);
  g_free (t);
}

void
qi_checkpoint_free (QiCheckpoint *checkpoint)
{
  if (!checkpoint)
    return;
  g_hash_table_unref (checkpoint->by_name);
  g_hash_table_unref (checkpoint->asked);
  g_ptr_array_unref (checkpoint->tensors);
  g_ptr_array_unref (checkpoint->spare);
  g_ptr_array_unref (checkpoint->files);
  g_ptr_array_unref (checkpoint->headers);
  g_mutex_clear (&checkpoint->lock);
  g_free (checkpoint->path);
  g_free (checkpoint);
}

/* -- opening ------------------------------------------------------------------------------------------ */

/* What the first bytes of a file that is no checkpoint look like; NULL: nothing known. */
static const char *
foreign_kind (const guint8 *head)
{
  static const struct
  {
    const char *magic;
    guint n;
    const char *kind;
  } kinds[] = { { "PK\003\004", 4, "a zip archive, perhaps a PyTorch .pt or .ckpt file, which can hold programs and is not read" },
                { "\x80\x02", 2, "a Python pickle, which can hold programs and is not read" },
                { "\x80\x04", 2, "a Python pickle, which can hold programs and is not read" },
                { "\x89PNG", 4, "a picture" },
                { "\xff\xd8\xff", 3, "a picture" },
                { "version https://git-lfs", 23, "a pointer of git-lfs; the weights themselves were not downloaded" },
                { "<!DOCTYPE", 9, "a web page" },
                { "<html", 5, "a web page" } };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (memcmp (head, kinds[i].magic, kinds[i].n) == 0)
      return kinds[i].kind;
  return NULL;
}

static QiHeader *
read_header (const QiFile *file, const char **container, GError **error)
{
  guint8 head[24] = { 0 };

  if (file->bytes == 0)
    return qi_bad_checkpoint (error, file->path, NULL, "it is empty"), NULL;
  if (!qi_file_pread (file, 0, head, MIN (file->bytes, sizeof head), error))
    return NULL;
  if (memcmp (head, "GGUF", 4) == 0)
    {
      *container = "gguf";
      return qi_gguf_read (file, error);
    }
  if (foreign_kind (head))
    return qi_bad_checkpoint (error, file->path, NULL, "it looks like %s; safetensors and GGUF files can be used", foreign_kind (head)), NULL;
  *container = "safetensors";
  return qi_safetensors_read (file, error);
}

static gboolean
wrong_type (const QiFile *file, const QiRawTensor *raw, GError **error)
{
  g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
               "The file “%s”: tensor “%s” is of type %s, which is not supported for weights; use a file in BF16, F16, FP8 or GGUF",
               file->path, raw->name, raw->type_name);
  return FALSE;
}

static QiCheckpointTensor *
tensor_new (const QiRawTensor *raw, const char *name, guint file_index)
{
  QiCheckpointTensor *t = g_new0 (QiCheckpointTensor, 1);

  t->name = g_strdup (name);
  t->file_name = g_strdup (raw->name);
  t->file = file_index;
  t->dtype = raw->dtype;
  t->type_name = raw->type_name;
  t->n_dims = raw->n_dims;
  memcpy (t->dims, raw->dims, sizeof t->dims);
  t->offset = raw->offset;
  t->bytes = raw->bytes;
  return t;
}

/* The output head of a text encoder, which pictures are made without: whatever is wrong with it is said by who wants it. */
static void
take_spare (QiCheckpoint *c, guint file_index, const QiHeader *header)
{
  const QiFile *file = g_ptr_array_index (c->files, file_index);
  g_autoptr (GPtrArray) found = g_ptr_array_new ();

  for (guint i = 0; i < header->tensors->len; i++)
    {
      const QiRawTensor *raw = g_ptr_array_index (header->tensors, i);
      const char *naming;
      gboolean superfluous;
      g_autofree char *name = qi_canonical_name (c->component, raw->name, &superfluous, &naming);

      if (raw->known && g_strcmp0 (name, QI_OUTPUT_HEAD) == 0 && !g_hash_table_contains (c->by_name, name))
        g_ptr_array_add (found, tensor_new (raw, name, file_index));
    }
  if (found->len == 1 && qi_checkpoint_take_scales (header, file, found, file_index, NULL))
    {
      QiCheckpointTensor *t = found->pdata[0];

      g_ptr_array_add (c->spare, t);
      g_hash_table_insert (c->by_name, t->name, t);
    }
  else
    for (guint i = 0; i < found->len; i++)
      tensor_free (found->pdata[i]);
}

/* Tensors of one file that belong to the component. */
static gboolean
take_tensors (QiCheckpoint *c, guint file_index, const QiHeader *header, GError **error)
{
  const QiFile *file = g_ptr_array_index (c->files, file_index);

  for (guint i = 0; i < header->tensors->len; i++)
    {
      const QiRawTensor *raw = g_ptr_array_index (header->tensors, i);
      const char *naming = NULL;
      gboolean superfluous = FALSE;
      g_autofree char *name = qi_canonical_name (c->component, raw->name, &superfluous, &naming);
      QiCheckpointTensor *t;

      if (!name || superfluous)
        continue;
      /* The marker of Qwen-Image-Edit-2511 is a name, whatever its type. */
      if (!raw->known && strcmp (name, "__index_timestep_zero__") != 0 && c->component != QI_COMPONENT_ADAPTER)
        return wrong_type (file, raw, error);
      if (g_hash_table_contains (c->by_name, name))
        return qi_bad_checkpoint (error, file->path, raw->name, "is there twice, also under another spelling or in another part");
      t = tensor_new (raw, name, file_index);
      if (!raw->known && c->component == QI_COMPONENT_ADAPTER)
        t->dtype = QI_DTYPE_U32;
      c->naming = naming;
      c->bytes += t->bytes;
      g_ptr_array_add (c->tensors, t);
      g_hash_table_insert (c->by_name, t->name, t);
    }
  return TRUE;
}

static gboolean
add_file (QiCheckpoint *c, const char *path, GHashTable *index, const char **container, GError **error)
{
  QiFile *file = qi_regular_file_open (path, error);
  QiHeader *header;

  if (!file)
    return FALSE;
  g_ptr_array_add (c->files, file);
  if (!(header = read_header (file, container, error)))
    return FALSE;
  g_ptr_array_add (c->headers, header);
  if (index)
    {
      g_autofree char *shard = g_path_get_basename (path);

      for (guint i = 0; i < header->tensors->len; i++)
        {
          const QiRawTensor *raw = g_ptr_array_index (header->tensors, i);
          const char *want = g_hash_table_lookup (index, raw->name);

          if (!want || strcmp (want, shard) != 0)
            return qi_bad_checkpoint (error, path, raw->name, "is in this part, which the index does not say");
          g_hash_table_remove (index, raw->name);
        }
    }
  if (!take_tensors (c, c->files->len - 1, header, error)
      || !qi_checkpoint_take_scales (header, file, c->tensors, c->files->len - 1, error))
    return FALSE;
  take_spare (c, c->files->len - 1, header);
  return TRUE;
}

static gboolean
add_shards (QiCheckpoint *c, const char *index_path, GError **error)
{
  g_autoptr (QiFile) file = qi_regular_file_open (index_path, error);
  g_autofree char *folder = g_path_get_dirname (index_path), *json = NULL;
  g_autoptr (GHashTable) index = NULL, shards = NULL;
  g_autoptr (GList) names = NULL;
  GHashTableIter iter;
  gpointer tensor, shard;

  if (!file)
    return FALSE;
  if (file->bytes > QI_MAX_HEADER_BYTES)
    return qi_bad_checkpoint (error, index_path, NULL, "it is too large for an index");
  json = g_malloc (file->bytes + 1);
  if (!qi_file_pread (file, 0, json, file->bytes, error) || !(index = qi_safetensors_index_parse (json, file->bytes, index_path, error)))
    return FALSE;
  shards = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_iter_init (&iter, index);
  while (g_hash_table_iter_next (&iter, NULL, &shard))
    g_hash_table_add (shards, g_strdup (shard));
  names = g_list_sort (g_hash_table_get_keys (shards), (GCompareFunc) strcmp);
  if (g_hash_table_size (shards) == 0 || g_hash_table_size (shards) > 1024)
    return qi_bad_checkpoint (error, index_path, NULL, "it names %u parts", g_hash_table_size (shards));
  for (GList *l = names; l; l = l->next)
    {
      g_autofree char *path = g_build_filename (folder, l->data, NULL);
      const char *container;

      if (!add_file (c, path, index, &container, error))
        return FALSE;
    }
  g_hash_table_iter_init (&iter, index);
  if (g_hash_table_iter_next (&iter, &tensor, &shard))
    return qi_bad_checkpoint (error, index_path, tensor, "is not in the part “%s”, where the index says it is", (const char *) shard);
  c->container = "sharded safetensors";
  return TRUE;
}

/* The other parts of a GGUF file that says it is the first of several: NAME-00001-of-0000N.gguf. */
static gboolean
add_split (QiCheckpoint *c, const char *path, GError **error)
{
  guint64 count = 0, tensors = 0;
  const char *at = g_strrstr (path, "-00001-of-");

  if (!qi_checkpoint_meta_uint (c, "split.count", &count) || count < 2)
    return TRUE;
  if (!at || count > 1024)
    return qi_bad_checkpoint (error, path, NULL, "it is one of %" G_GUINT64_FORMAT " parts; open the first, whose name has -00001-of-", count);
  for (guint64 i = 2; i <= count; i++)
    {
      g_autofree char *part = g_strdup_printf ("%.*s-%05u%s", (int) (at - path), path, (guint) i, at + 6);
      const char *container;

      if (!add_file (c, part, NULL, &container, error))
        return FALSE;
    }
  for (guint i = 0; i < c->headers->len; i++)
    tensors += ((QiHeader *) g_ptr_array_index (c->headers, i))->tensors->len;
  if (qi_checkpoint_meta_uint (c, "split.tensors.count", &count) && count != tensors)
    return qi_bad_checkpoint (error, path, NULL, "its parts hold %" G_GUINT64_FORMAT " tensors, it promises %" G_GUINT64_FORMAT, tensors, count);
  return TRUE;
}

/* Files of folder that end so; of a set of parts only the first. (transfer full) */
static GPtrArray *
list_folder (const char *folder, const char *end)
{
  GPtrArray *found = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    if (g_str_has_suffix (name, end) && (!strstr (name, "-of-") || strstr (name, "-00001-of-")))
      g_ptr_array_add (found, g_build_filename (folder, name, NULL));
  return found;
}

/* The file of a component's folder: an index, else the one checkpoint in it. (transfer full) */
static char *
find_in_folder (const char *folder, GError **error)
{
  static const char *const ends[] = { ".safetensors.index.json", ".safetensors", ".gguf" };

  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      g_autoptr (GPtrArray) found = list_folder (folder, ends[i]);

      if (found->len == 1)
        return g_strdup (g_ptr_array_index (found, 0));
      if (found->len > 1)
        return qi_bad_checkpoint (error, folder, NULL, "the folder holds %u files *%s; name the one to use", found->len, ends[i]), NULL;
    }
  return qi_bad_checkpoint (error, folder, NULL, "the folder holds no safetensors or GGUF file"), NULL;
}

QiCheckpoint *
qi_checkpoint_open (const char *path, QiComponent component, GError **error)
{
  g_autoptr (QiCheckpoint) c = g_new0 (QiCheckpoint, 1);
  g_autofree char *file = NULL;

  c->component = component;
  c->files = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_file_free);
  c->headers = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_header_free);
  c->tensors = g_ptr_array_new_with_free_func (tensor_free);
  c->spare = g_ptr_array_new_with_free_func (tensor_free);
  c->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  c->asked = g_hash_table_new (g_str_hash, g_str_equal);
  g_mutex_init (&c->lock);
  c->naming = "unknown";
  file = g_file_test (path, G_FILE_TEST_IS_DIR) ? find_in_folder (path, error) : g_strdup (path);
  c->path = g_strdup (file ? file : path);
  if (!file)
    return NULL;
  if (g_str_has_suffix (file, ".json"))
    {
      if (!add_shards (c, file, error))
        return NULL;
    }
  else if (!add_file (c, file, NULL, &c->container, error) || !add_split (c, file, error))
    return NULL;
  return g_steal_pointer (&c);
}

/* -- asking --------------------------------------------------------------------------------------------- */

const char *qi_checkpoint_path (const QiCheckpoint *checkpoint) { return checkpoint->path; }
const char *qi_checkpoint_container (const QiCheckpoint *checkpoint) { return checkpoint->container; }
const char *qi_checkpoint_naming (const QiCheckpoint *checkpoint) { return checkpoint->naming; }
guint64 qi_checkpoint_bytes (const QiCheckpoint *checkpoint) { return checkpoint->bytes; }
guint qi_checkpoint_n_tensors (const QiCheckpoint *checkpoint) { return checkpoint->tensors->len; }

const QiCheckpointTensor *
qi_checkpoint_tensor (const QiCheckpoint *checkpoint, guint i)
{
  return g_ptr_array_index (checkpoint->tensors, i);
}

const QiCheckpointTensor *
qi_checkpoint_find (const QiCheckpoint *checkpoint, const char *name)
{
  const QiCheckpointTensor *t = g_hash_table_lookup (checkpoint->by_name, name);
  QiCheckpoint *mutable = (QiCheckpoint *) checkpoint; /* what was asked for is bookkeeping, not content */

  if (t)
    {
      g_mutex_lock (&mutable->lock);
      g_hash_table_add (mutable->asked, t->name);
      g_mutex_unlock (&mutable->lock);
    }
  return t;
}

static char *
dims_text (guint n, const guint64 *dims)
{
  GString *text = g_string_new ("[");

  for (guint i = 0; i < n; i++)
    g_string_append_printf (text, "%s%" G_GUINT64_FORMAT, i ? ", " : "", dims[i]);
  g_string_append_c (text, ']');
  return g_string_free (text, FALSE);
}

const QiCheckpointTensor *
qi_checkpoint_require (const QiCheckpoint *checkpoint, const char *name, guint n_dims, const guint64 *dims, GError **error)
{
  const QiCheckpointTensor *t = qi_checkpoint_find (checkpoint, name);
  gboolean same;

  if (!t)
    return qi_bad_checkpoint (error, checkpoint->path, name, "is missing; the file is incomplete or of another model"), NULL;
  same = t->n_dims == n_dims;
  for (guint i = 0; same && i < n_dims; i++)
    same = dims[i] == 0 || dims[i] == t->dims[i];
  if (!same)
    {
      g_autofree char *is = dims_text (t->n_dims, t->dims), *want = dims_text (n_dims, dims);

      return qi_bad_checkpoint (error, checkpoint->path, name, "has the shape %s where the configuration needs %s", is, want), NULL;
    }
  return t;
}

gboolean
qi_checkpoint_read (const QiCheckpoint *checkpoint, const QiCheckpointTensor *tensor, guint64 offset, void *data, gsize n,
                    GError **error)
{
  const QiFile *file = g_ptr_array_index (checkpoint->files, tensor->file);
  const QiDtypeInfo *info = qi_dtype_info (tensor->dtype);
  gint64 bad;

  g_return_val_if_fail (offset <= tensor->bytes && n <= tensor->bytes - offset, FALSE);
  if (!qi_file_pread (file, tensor->offset + offset, data, n, error))
    return FALSE;
  bad = qi_find_non_finite (tensor->dtype, data, n);
  if (bad >= 0)
    return qi_bad_checkpoint (error, file->path, tensor->file_name,
                              "holds a value that is not a number or infinite, at element %" G_GUINT64_FORMAT "; the file is damaged",
                              (offset / info->block_bytes + (guint64) bad) * info->block_len);
  return TRUE;
}

gboolean
qi_checkpoint_read_again (const QiCheckpoint *checkpoint, const QiCheckpointTensor *tensor, guint64 offset, void *data, gsize n,
                          GError **error)
{
  g_return_val_if_fail (offset <= tensor->bytes && n <= tensor->bytes - offset, FALSE);

  return qi_file_pread (g_ptr_array_index (checkpoint->files, tensor->file), tensor->offset + offset, data, n, error);
}

GPtrArray *
qi_checkpoint_foreign (const QiCheckpoint *checkpoint)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < checkpoint->tensors->len; i++)
    {
      const QiCheckpointTensor *t = g_ptr_array_index (checkpoint->tensors, i);

      if (!g_hash_table_contains (checkpoint->asked, t->name))
        g_ptr_array_add (names, g_strdup (t->name));
    }
  return names;
}

/* -- metadata ----------------------------------------------------------------------------------------- */

static const QiMeta *
find_meta (const QiCheckpoint *checkpoint, const char *key)
{
  for (guint i = 0; i < checkpoint->headers->len; i++)
    {
      const QiHeader *header = g_ptr_array_index (checkpoint->headers, i);
      const QiMeta *meta = g_hash_table_lookup (header->meta, key);

      if (meta)
        return meta;
    }
  return NULL;
}

gboolean
qi_checkpoint_meta_string (const QiCheckpoint *checkpoint, const char *key, const char **value)
{
  const QiMeta *meta = find_meta (checkpoint, key);

  if (!meta || meta->kind != QI_META_STRING)
    return FALSE;
  *value = meta->string;
  return TRUE;
}

gboolean
qi_checkpoint_meta_uint (const QiCheckpoint *checkpoint, const char *key, guint64 *value)
{
  const QiMeta *meta = find_meta (checkpoint, key);

  if (!meta || meta->kind != QI_META_UINT)
    return FALSE;
  *value = meta->uint;
  return TRUE;
}

gboolean
qi_checkpoint_meta_double (const QiCheckpoint *checkpoint, const char *key, double *value)
{
  const QiMeta *meta = find_meta (checkpoint, key);

  if (!meta || meta->kind != QI_META_DOUBLE)
    return FALSE;
  *value = meta->real;
  return TRUE;
}

gboolean
qi_checkpoint_meta_strings (const QiCheckpoint *checkpoint, const char *key, const char *const **values, const gsize **lengths,
                            gsize *n)
{
  const QiMeta *meta = find_meta (checkpoint, key);

  if (!meta || meta->kind != QI_META_STRINGS)
    return FALSE;
  *values = (const char *const *) meta->strings;
  *lengths = meta->lengths;
  *n = meta->n;
  return TRUE;
}

gboolean
qi_checkpoint_meta_ints (const QiCheckpoint *checkpoint, const char *key, const gint64 **values, gsize *n)
{
  const QiMeta *meta = find_meta (checkpoint, key);

  if (!meta || meta->kind != QI_META_INTS)
    return FALSE;
  *values = meta->ints;
  *n = meta->n;
  return TRUE;
}

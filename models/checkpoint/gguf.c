/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* GGUF versions 2 and 3: "GGUF", version, counts, key/value pairs, tensor infos, padding, data. Little-endian.
 * The header is read once into memory; everything in it is counted against what is left of it. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "models/checkpoint/container.h"

#define MAX_PAIRS 65536u
#define MAX_STRING (16u << 20)
#define FIRST_PART (4u << 20) /* bytes of header tried first; vocabularies need more */
#define LARGEST_HEADER (64u << 20)

enum { T_U8, T_I8, T_U16, T_I16, T_U32, T_I32, T_F32, T_BOOL, T_STRING, T_ARRAY, T_U64, T_I64, T_F64, N_TYPES };
static const guint type_bytes[N_TYPES] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };

typedef struct
{
  const guint8 *data;
  gsize n, at;
  const char *name; /* of the file */
  gboolean more;    /* ran out, and the file has more than was read */
} Reader;

static gboolean
short_of (Reader *r, guint64 want, GError **error)
{
  if (want <= r->n - r->at)
    return FALSE;
  qi_bad_checkpoint (error, r->name, NULL, "its header ends at byte %" G_GSIZE_FORMAT " in the middle of a field; the file is truncated or damaged", r->n);
  r->more = TRUE;
  return TRUE;
}

static gboolean
take_uint (Reader *r, guint bytes, guint64 *value, GError **error)
{
  if (short_of (r, bytes, error))
    return FALSE;
  *value = 0;
  for (guint i = 0; i < bytes; i++)
    *value |= (guint64) r->data[r->at + i] << 8 * i;
  r->at += bytes;
  return TRUE;
}

/* A string of at most max bytes; embedded NULs only where nul_allowed. (transfer full) */
static char *
take_string (Reader *r, guint64 max, gboolean nul_allowed, gsize *length, GError **error)
{
  guint64 n;
  const char *text;

  if (!take_uint (r, 8, &n, error))
    return NULL;
  if (n > max)
    return qi_bad_checkpoint (error, r->name, NULL, "a text in its header would have %" G_GUINT64_FORMAT " bytes; %" G_GUINT64_FORMAT " are allowed", n, max), NULL;
  if (short_of (r, n, error))
    return NULL;
  text = (const char *) r->data + r->at;
  if (!nul_allowed && memchr (text, 0, n))
    return qi_bad_checkpoint (error, r->name, NULL, "a name in its header holds a zero byte"), NULL;
  r->at += n;
  *length = n;
  return g_strndup (text, n);
}

static gint64
sign_extend (guint64 value, guint type)
{
  switch (type)
    {
    case T_I8: return (gint8) value;
    case T_I16: return (gint16) value;
    case T_I32: return (gint32) value;
    default: return (gint64) value;
    }
}

static void
set_number (QiMeta *meta, guint type, guint64 bits)
{
  float f;

  meta->kind = QI_META_UINT;
  meta->uint = bits;
  if (type == T_I8 || type == T_I16 || type == T_I32 || type == T_I64)
    {
      const gint64 value = sign_extend (bits, type);

      meta->kind = value < 0 ? QI_META_INT : QI_META_UINT;
      meta->uint = (guint64) value;
    }
  else if (type == T_F32)
    {
      const guint32 low = bits;

      memcpy (&f, &low, 4);
      meta->kind = QI_META_DOUBLE;
      meta->real = f;
    }
  else if (type == T_F64)
    {
      memcpy (&meta->real, &bits, 8);
      meta->kind = QI_META_DOUBLE;
    }
}

static gboolean
take_strings (Reader *r, QiMeta *meta, guint64 n, GError **error)
{
  meta->kind = QI_META_STRINGS;
  meta->strings = g_new0 (char *, n + 1);
  meta->lengths = g_new0 (gsize, n + 1);
  for (; meta->n < n; meta->n++)
    if (!(meta->strings[meta->n] = take_string (r, MAX_STRING, TRUE, &meta->lengths[meta->n], error)))
      return FALSE;
  return TRUE;
}

static gboolean
take_array (Reader *r, QiMeta *meta, const char *key, GError **error)
{
  guint64 type, n, bits;

  if (!take_uint (r, 4, &type, error) || !take_uint (r, 8, &n, error))
    return FALSE;
  if (type >= N_TYPES || type == T_ARRAY)
    return qi_bad_checkpoint (error, r->name, NULL, "its field %s is an array of the unknown kind %" G_GUINT64_FORMAT, key, type);
  /* The smallest string is its length: no count is believed that the bytes cannot hold. */
  if (n > G_MAXUINT64 / 8 || short_of (r, n * (type == T_STRING ? 8 : type_bytes[type]), error))
    {
      if (error && !*error)
        qi_bad_checkpoint (error, r->name, NULL, "its field %s has an absurd count", key);
      return FALSE;
    }
  if (type == T_STRING)
    return take_strings (r, meta, n, error);
  meta->kind = QI_META_INTS;
  meta->ints = g_new0 (gint64, n + 1);
  meta->n = n;
  for (guint64 i = 0; i < n; i++)
    {
      QiMeta item = { 0 };

      if (!take_uint (r, type_bytes[type], &bits, error))
        return FALSE;
      set_number (&item, type, bits);
      /* Nobody asks for arrays of reals; a NaN compares false, and is 0. */
      meta->ints[i] = item.kind != QI_META_DOUBLE ? (gint64) item.uint : fabs (item.real) < 9e18 ? (gint64) item.real : 0;
    }
  return TRUE;
}

static gboolean
take_pair (Reader *r, QiHeader *header, GError **error)
{
  gsize length;
  g_autofree char *key = take_string (r, 65535, FALSE, &length, error);
  QiMeta *meta;
  guint64 type, bits;
  gboolean ok;

  if (!key || !take_uint (r, 4, &type, error))
    return FALSE;
  if (type >= N_TYPES)
    return qi_bad_checkpoint (error, r->name, NULL, "its field %.80s is of the unknown kind %" G_GUINT64_FORMAT, key, type);
  if (g_hash_table_contains (header->meta, key))
    return qi_bad_checkpoint (error, r->name, NULL, "its field %.80s is there twice", key);
  meta = g_new0 (QiMeta, 1);
  g_hash_table_insert (header->meta, g_strdup (key), meta);
  if (type == T_STRING)
    {
      meta->kind = QI_META_STRING;
      return (meta->string = take_string (r, MAX_STRING, TRUE, &length, error)) != NULL;
    }
  if (type == T_ARRAY)
    return take_array (r, meta, key, error);
  ok = take_uint (r, type_bytes[type], &bits, error);
  if (ok && type == T_BOOL && bits > 1)
    return qi_bad_checkpoint (error, r->name, NULL, "its field %.80s is neither true nor false", key);
  if (ok)
    set_number (meta, type, bits);
  return ok;
}

/* Sizes of ggml types that we do not compute with but whose tensors may lie about. */
static guint
plain_bytes (guint64 type)
{
  static const guint sizes[] = { 1, 2, 4, 8, 8 }; /* I8 I16 I32 I64 F64 */

  return type >= 24 && type <= 28 ? sizes[type - 24] : 0;
}

static gboolean
tensor_bytes (Reader *r, QiRawTensor *t, guint64 type, GError **error)
{
  guint64 elements = 1;

  for (guint i = 0; i < t->n_dims; i++)
    {
      if (t->dims[i] > G_MAXINT32 || (t->dims[i] && elements > QI_MAX_ELEMENTS / t->dims[i]))
        return qi_bad_checkpoint (error, r->name, t->name, "would have more than %" G_GUINT64_FORMAT " elements", QI_MAX_ELEMENTS);
      elements *= t->dims[i];
    }
  t->known = type <= G_MAXUINT32 && qi_dtype_from_ggml (type, &t->dtype);
  t->type_name = t->known ? g_strdup (qi_dtype_info (t->dtype)->name) : g_strdup_printf ("ggml type %" G_GUINT64_FORMAT, type);
  if (!t->known && !plain_bytes (type))
    return g_set_error (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
                        "The file “%s”: tensor “%s” is of %s, which is not supported; use a file of a common type such as Q4_K_M or Q8_0",
                        r->name, t->name, t->type_name), FALSE;
  if (!t->known)
    t->bytes = elements * plain_bytes (type);
  else if (elements && !qi_dtype_row_bytes (t->dtype, t->dims[t->n_dims - 1]))
    return qi_bad_checkpoint (error, r->name, t->name, "has rows of %" G_GUINT64_FORMAT " elements, which is no whole number of %s blocks of %u",
                              t->dims[t->n_dims - 1], t->type_name, qi_dtype_info (t->dtype)->block_len);
  else
    t->bytes = elements ? elements / t->dims[t->n_dims - 1] * qi_dtype_row_bytes (t->dtype, t->dims[t->n_dims - 1]) : 0;
  return TRUE;
}

static gboolean
take_tensor (Reader *r, QiHeader *header, GError **error)
{
  gsize length;
  char *name = take_string (r, QI_MAX_NAME, FALSE, &length, error);
  QiRawTensor *t;
  guint64 n_dims, ne[QI_MAX_DIMS], type;

  if (!name)
    return FALSE;
  t = g_new0 (QiRawTensor, 1);
  t->name = name;
  g_ptr_array_add (header->tensors, t);
  if (length == 0 || !g_utf8_validate (name, length, NULL))
    return qi_bad_checkpoint (error, r->name, NULL, "a tensor has a name that is empty or no UTF-8");
  if (!take_uint (r, 4, &n_dims, error))
    return FALSE;
  if (n_dims > QI_MAX_DIMS || n_dims == 0)
    return qi_bad_checkpoint (error, r->name, name, "has %" G_GUINT64_FORMAT " dimensions; 1 to %u are possible", n_dims, QI_MAX_DIMS);
  for (guint i = 0; i < n_dims; i++)
    if (!take_uint (r, 8, &ne[i], error))
      return FALSE;
  t->n_dims = n_dims;
  for (guint i = 0; i < n_dims; i++)
    t->dims[i] = ne[n_dims - 1 - i]; /* the fastest comes first in the file */
  return take_uint (r, 4, &type, error) && take_uint (r, 8, &t->offset, error) && tensor_bytes (r, t, type, error);
}

/* comfy.gguf.orig_shape.NAME: the shape a tensor had before it was folded; the count of elements must agree. */
static gboolean
restore_shape (Reader *r, QiHeader *header, QiRawTensor *t, GError **error)
{
  g_autofree char *key = g_strdup_printf ("comfy.gguf.orig_shape.%s", t->name);
  const QiMeta *meta = g_hash_table_lookup (header->meta, key);
  guint64 now = 1, then = 1;

  if (!meta)
    return TRUE;
  for (guint i = 0; i < t->n_dims; i++)
    now *= t->dims[i];
  if (meta->kind == QI_META_INTS && meta->n >= 1 && meta->n <= QI_MAX_DIMS)
    {
      gboolean sane = TRUE;

      for (gsize i = 0; i < meta->n && sane; i++)
        if ((sane = meta->ints[i] > 0 && meta->ints[i] <= G_MAXINT32 && then <= QI_MAX_ELEMENTS / meta->ints[i]))
          then *= meta->ints[i];
      if (sane && then == now && (!t->known || qi_dtype_row_bytes (t->dtype, meta->ints[meta->n - 1])))
        {
          t->n_dims = meta->n;
          for (gsize i = 0; i < meta->n; i++)
            t->dims[i] = meta->ints[i];
          return TRUE;
        }
    }
  return qi_bad_checkpoint (error, r->name, t->name, "has an original shape in the metadata that does not fit it");
}

static gboolean
place_tensors (Reader *r, QiHeader *header, guint64 file_bytes, GError **error)
{
  const QiMeta *meta = g_hash_table_lookup (header->meta, "general.alignment");
  const guint64 align = meta ? meta->uint : 32;
  guint64 start;

  if (meta && (meta->kind != QI_META_UINT || align < 8 || align > 1 << 20 || (align & (align - 1))))
    return qi_bad_checkpoint (error, r->name, NULL, "its alignment of %" G_GUINT64_FORMAT " bytes is no power of two from 8 to 1048576", align);
  start = (r->at + align - 1) / align * align;
  for (guint i = 0; i < header->tensors->len; i++)
    {
      QiRawTensor *t = g_ptr_array_index (header->tensors, i);

      if (t->offset % align)
        return qi_bad_checkpoint (error, r->name, t->name, "begins at byte %" G_GUINT64_FORMAT ", which is no multiple of %" G_GUINT64_FORMAT, t->offset, align);
      if (start > file_bytes || t->offset > file_bytes - start || t->bytes > file_bytes - start - t->offset)
        return qi_bad_checkpoint (error, r->name, t->name, "ends past the file's %" G_GUINT64_FORMAT " bytes; the file is truncated or damaged", file_bytes);
      t->offset += start;
      if (!restore_shape (r, header, t, error))
        return FALSE;
    }
  return TRUE;
}

static QiHeader *
parse (Reader *r, guint64 file_bytes, GError **error)
{
  g_autoptr (QiHeader) header = qi_header_new ();
  guint64 version, n_tensors, n_pairs;

  r->at = 4;
  if (!take_uint (r, 4, &version, error))
    return NULL;
  if (version != 2 && version != 3)
    return qi_bad_checkpoint (error, r->name, NULL, "it is GGUF version %" G_GUINT64_FORMAT "%s; versions 2 and 3 can be read", version,
                              (version & 0xffff) == 0 ? " (big-endian)" : ""), NULL;
  if (!take_uint (r, 8, &n_tensors, error) || !take_uint (r, 8, &n_pairs, error))
    return NULL;
  /* The smallest tensor takes 24 bytes of header, the smallest pair 13. */
  if (n_tensors > QI_MAX_TENSORS || n_tensors > file_bytes / 24 || n_pairs > MAX_PAIRS || n_pairs > file_bytes / 13)
    return qi_bad_checkpoint (error, r->name, NULL, "it claims %" G_GUINT64_FORMAT " tensors and %" G_GUINT64_FORMAT
                              " fields, more than can be in it", n_tensors, n_pairs), NULL;
  for (guint64 i = 0; i < n_pairs; i++)
    if (!take_pair (r, header, error))
      return NULL;
  for (guint64 i = 0; i < n_tensors; i++)
    if (!take_tensor (r, header, error))
      return NULL;
  if (!place_tensors (r, header, file_bytes, error) || !qi_header_check (header, r->name, error))
    return NULL;
  return g_steal_pointer (&header);
}

QiHeader *
qi_gguf_parse (const void *data, gsize n, guint64 file_bytes, const char *name, gboolean *more, GError **error)
{
  Reader r = { .data = data, .n = n, .name = name };
  QiHeader *header;

  if (n < 4 || memcmp (data, "GGUF", 4) != 0)
    return qi_bad_checkpoint (error, name, NULL, "it does not begin as a GGUF file does"), NULL;
  header = parse (&r, file_bytes, error);
  if (more)
    *more = r.more;
  return header;
}

QiHeader *
qi_gguf_read (const QiFile *file, GError **error)
{
  gsize n = MIN (file->bytes, FIRST_PART);

  for (;;)
    {
      g_autofree guint8 *data = g_malloc (n + 1);
      g_autoptr (GError) problem = NULL;
      gboolean more = FALSE;
      QiHeader *header;

      if (!qi_file_pread (file, 0, data, n, error))
        return NULL;
      if ((header = qi_gguf_parse (data, n, file->bytes, file->path, &more, &problem)))
        return header;
      if (!more || n >= MIN (file->bytes, LARGEST_HEADER))
        {
          g_propagate_error (error, g_steal_pointer (&problem));
          return NULL;
        }
      n = MIN (file->bytes, MIN (n * 4, LARGEST_HEADER));
    }
}

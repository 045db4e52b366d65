/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "plugin/memory.h"

#include <math.h>
#include <string.h>

#include <glib/gi18n-lib.h>
#include <yyjson.h>

#include "base/error.h"
#include "plugin/layers.h"

#define VERSION 1
#define QI_FAR (1 << 20)    /* pixels: beyond any canvas */
#define MAX_BYTES (1 << 20) /* three texts of 20 kB, escaped at worst, and room */

/* -- writing ----------------------------------------------------------------------------------------- */

/* Every argument under its own name, whole numbers as numbers. */
static void
write_request (yyjson_mut_doc *doc, yyjson_mut_val *job, const QiRequest *request)
{
  guint n_fields;
  const QiField *fields = qi_request_fields (&n_fields);

  for (guint i = 0; i < n_fields; i++)
    {
      g_autofree char *text = qi_request_get (request, &fields[i]);

      if (fields[i].type == QI_FIELD_STRING || fields[i].type == QI_FIELD_CHOICE)
        yyjson_mut_obj_add_strcpy (doc, job, fields[i].name, text ? text : "");
      else if (fields[i].type == QI_FIELD_DOUBLE)
        yyjson_mut_obj_add_real (doc, job, fields[i].name, g_ascii_strtod (text, NULL));
      else
        yyjson_mut_obj_add_sint (doc, job, fields[i].name, g_ascii_strtoll (text, NULL, 10));
    }
}

static void
write_pair (yyjson_mut_doc *doc, yyjson_mut_val *job, const char *name, gint a, gint b)
{
  yyjson_mut_val *pair = yyjson_mut_obj_add_arr (doc, job, name);

  yyjson_mut_arr_add_int (doc, pair, a);
  yyjson_mut_arr_add_int (doc, pair, b);
}

/* (transfer full) hexadecimal; NULL: it cannot be read */
static char *
sha256_of_file (const char *path)
{
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, NULL);
  g_autoptr (GBytes) bytes = file ? g_mapped_file_get_bytes (file) : NULL;

  return bytes ? g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bytes) : NULL;
}

/* A layer of another image can only be found again where that image has a file. */
static void
write_source (yyjson_mut_doc *doc, yyjson_mut_val *source, gint home, gint image_id, gint layer_id)
{
  GimpImage *image = qi_image_by_id (image_id);
  GimpLayer *layer = qi_layer_by_id (layer_id);
  GFile *file = image && image_id != home ? gimp_image_get_file (image) : NULL;
  g_autofree char *path = file ? g_file_get_path (file) : NULL;

  if (layer)
    {
      g_autofree char *name = gimp_item_get_name (GIMP_ITEM (layer));

      yyjson_mut_obj_add_uint (doc, source, "tattoo", gimp_item_get_tattoo (GIMP_ITEM (layer)));
      yyjson_mut_obj_add_strcpy (doc, source, "name", name);
    }
  else
    yyjson_mut_obj_add_bool (doc, source, "visible", true);
  if (image && image_id != home)
    {
      g_autofree char *name = gimp_image_get_name (image);

      yyjson_mut_obj_add_strcpy (doc, source, "image", path ? path : name);
    }
}

static void
write_reference (yyjson_mut_doc *doc, yyjson_mut_val *array, gint home, const QiHostReference *reference)
{
  yyjson_mut_val *object = yyjson_mut_arr_add_obj (doc, array);

  if (reference->path)
    {
      g_autofree char *sum = sha256_of_file (reference->path);

      yyjson_mut_obj_add_strcpy (doc, object, "file", reference->path);
      if (sum)
        yyjson_mut_obj_add_strcpy (doc, object, "sha256", sum);
    }
  else
    write_source (doc, object, home, reference->image, reference->layer);
}

char *
qi_memory_write (const QiHostResult *result)
{
  yyjson_mut_doc *doc = yyjson_mut_doc_new (NULL);
  yyjson_mut_val *job = yyjson_mut_obj (doc), *target, *references;
  g_autofree char *frame = NULL;
  char *json, *copy;

  yyjson_mut_doc_set_root (doc, job);
  yyjson_mut_obj_add_int (doc, job, "version", VERSION);
  yyjson_mut_obj_add_str (doc, job, "build", QI_VERSION);
  write_request (doc, job, result->request);
  if (!qi_rect_is_empty (&result->frame))
    {
      /* The frame that was used is what makes the same picture again; what was asked for is what a window shows. */
      const char *asked = result->request->frame;

      frame = g_strdup_printf ("%d %d %d %d", result->frame.x, result->frame.y, result->frame.width, result->frame.height);
      yyjson_mut_obj_remove_key (job, "frame");
      yyjson_mut_obj_add_strcpy (doc, job, "frame", frame);
      yyjson_mut_obj_add_strcpy (doc, job, "frame-asked", asked && *asked ? asked : "auto");
    }
  if (result->model)
    yyjson_mut_obj_add_strcpy (doc, job, "model-name", result->model);
  if (result->model_hash)
    yyjson_mut_obj_add_strcpy (doc, job, "model-hash", result->model_hash);
  write_pair (doc, job, "offsets", result->x, result->y);
  if (!qi_rect_is_empty (&result->canvas))
    write_pair (doc, job, "canvas", result->canvas.width, result->canvas.height);
  yyjson_mut_obj_add_bool (doc, job, "selection", result->mask != NULL);
  target = yyjson_mut_obj_add_obj (doc, job, "target");
  write_source (doc, target, result->image, result->image, result->target);
  references = yyjson_mut_obj_add_arr (doc, job, "references");
  for (guint i = 0; result->references && i < result->references->len; i++)
    write_reference (doc, references, result->image, g_ptr_array_index (result->references, i));

  json = yyjson_mut_write (doc, 0, NULL); /* UTF-8 as it is, nothing escaped that need not be */
  copy = g_strdup (json);
  free (json);
  yyjson_mut_doc_free (doc);
  return copy;
}

/* -- reading ----------------------------------------------------------------------------------------- */

static gboolean
damaged (GError **error, const char *what)
{
  g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, _("What this layer remembers is damaged (%s)."), what);
  return FALSE;
}

static gboolean
read_request (yyjson_val *job, QiRequest *request, GError **error)
{
  guint n_fields;
  const QiField *fields = qi_request_fields (&n_fields);

  for (guint i = 0; i < n_fields; i++)
    {
      yyjson_val *value = yyjson_obj_get (job, fields[i].name);
      char number[G_ASCII_DTOSTR_BUF_SIZE];
      const char *text = yyjson_get_str (value);

      if (!value)
        continue;
      if (yyjson_is_num (value))
        text = yyjson_is_int (value) ? (g_snprintf (number, sizeof number, "%" G_GINT64_FORMAT, yyjson_get_sint (value)), number)
                                     : g_ascii_dtostr (number, sizeof number, yyjson_get_real (value));
      if (!text)
        return damaged (error, fields[i].name);
      if ((*text || fields[i].type != QI_FIELD_STRING) && !qi_request_set (request, &fields[i], text, error))
        return FALSE;
    }
  return qi_request_check (request, error);
}

/* The open image a source lies in: home, where it names none. */
static GimpImage *
image_of_source (GimpImage *home, yyjson_val *source)
{
  const char *name = yyjson_get_str (yyjson_obj_get (source, "image"));
  g_autofree GimpImage **images = name ? gimp_get_images () : NULL;

  if (!name)
    return home;
  for (guint i = 0; images && images[i]; i++)
    {
      GFile *file = gimp_image_get_file (images[i]);
      g_autofree char *path = file ? g_file_get_path (file) : NULL;
      g_autofree char *label = gimp_image_get_name (images[i]);

      if (g_strcmp0 (path, name) == 0 || (!g_path_is_absolute (name) && g_strcmp0 (label, name) == 0))
        return images[i];
    }
  return NULL;
}

/* image and layer of a source; FALSE names what is gone. */
static gboolean
read_source (GimpImage *home, yyjson_val *source, const char *which, gint *image_id, gint *layer_id, GError **error)
{
  const char *name = yyjson_get_str (yyjson_obj_get (source, "name"));
  const char *image_name = yyjson_get_str (yyjson_obj_get (source, "image"));
  const guint64 tattoo = yyjson_get_uint (yyjson_obj_get (source, "tattoo"));
  GimpImage *image = image_of_source (home, source);
  GimpLayer *layer = image && tattoo && tattoo <= G_MAXUINT ? gimp_image_get_layer_by_tattoo (image, (guint) tattoo) : NULL;

  *image_id = image ? gimp_image_get_id (image) : QI_HOST_NONE;
  *layer_id = layer ? gimp_item_get_id (GIMP_ITEM (layer)) : QI_HOST_NONE;
  if (!image)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, _("%s is gone: the image “%s” is not open."), which, image_name);
      return FALSE;
    }
  if (!layer && tattoo)
    {
      g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, _("%s is gone: the layer “%s” was deleted."), which,
                   name ? name : "?");
      return FALSE;
    }
  return TRUE;
}

static QiHostReference *
read_reference (GimpImage *home, yyjson_val *object, const char *which, GError **error)
{
  const char *path = yyjson_get_str (yyjson_obj_get (object, "file"));
  const char *sum = yyjson_get_str (yyjson_obj_get (object, "sha256"));
  QiHostReference *reference = g_new0 (QiHostReference, 1);
  g_autofree char *now = path ? sha256_of_file (path) : NULL;

  reference->image = reference->layer = QI_HOST_NONE;
  if (!path)
    {
      reference->name = g_strdup (yyjson_get_str (yyjson_obj_get (object, "name")));
      if (read_source (home, object, which, &reference->image, &reference->layer, error))
        return reference;
    }
  else if (!now)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, _("%s is gone: the file %s cannot be read."), which, path);
  else if (sum && strcmp (sum, now) != 0)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, _("%s is gone: the file %s has other contents now."), which, path);
  else
    {
      reference->path = g_strdup (path);
      reference->name = g_path_get_basename (path);
      return reference;
    }
  qi_host_reference_free (reference);
  return NULL;
}

static gboolean
read_references (GimpImage *home, yyjson_val *job, QiHostMemory *memory, GError **error)
{
  yyjson_val *array = yyjson_obj_get (job, "references"), *object;
  const guint first = memory->request->task == QI_TASK_GENERATE ? 1 : 2; /* else Picture 1 is the frame */
  size_t i, n;

  if (array && (!yyjson_is_arr (array) || yyjson_arr_size (array) > 8))
    return damaged (error, "references");
  yyjson_arr_foreach (array, i, n, object)
    {
      g_autofree char *which = g_strdup_printf (_("Picture %u"), (guint) i + first);
      QiHostReference *reference = read_reference (home, object, which, error);

      if (!reference)
        return FALSE;
      g_ptr_array_add (memory->references, reference);
    }
  return TRUE;
}

/* The canvas has grown or was cropped since, which has moved all that lies on it. */
static gboolean
canvas_differs (GimpLayer *layer, yyjson_val *job)
{
  GimpImage *image = gimp_item_get_image (GIMP_ITEM (layer));
  yyjson_val *canvas = yyjson_obj_get (job, "canvas");

  return yyjson_arr_size (canvas) == 2
         && (yyjson_get_sint (yyjson_arr_get (canvas, 0)) != gimp_image_get_width (image)
             || yyjson_get_sint (yyjson_arr_get (canvas, 1)) != gimp_image_get_height (image));
}

static gboolean
read_frame (GimpLayer *layer, yyjson_val *job, QiHostMemory *memory)
{
  const char *text = yyjson_get_str (yyjson_obj_get (job, "frame"));
  const char *asked = yyjson_get_str (yyjson_obj_get (job, "frame-asked"));
  QiRect *frame = &memory->frame;
  const QiRect at = qi_layer_rect (layer);
  const gint64 x = yyjson_get_sint (yyjson_arr_get (yyjson_obj_get (job, "offsets"), 0)),
               y = yyjson_get_sint (yyjson_arr_get (yyjson_obj_get (job, "offsets"), 1));

  if (asked && text)
    {
      if (sscanf (text, "%d %d %d %d", &frame->x, &frame->y, &frame->width, &frame->height) != 4 || qi_rect_is_empty (frame))
        return FALSE;
      if (canvas_differs (layer, job) && yyjson_arr_size (yyjson_obj_get (job, "offsets")) == 2)
        {
          frame->x = (int) CLAMP (frame->x + at.x - x, -QI_FAR, QI_FAR);
          frame->y = (int) CLAMP (frame->y + at.y - y, -QI_FAR, QI_FAR);
        }
      g_free (memory->request->frame);
      memory->request->frame = g_strdup (asked);
    }
  return TRUE;
}

/* A layer of a stack was not made alone: what is done again is its group. */
static GimpLayer *
stands_for (GimpLayer *layer, yyjson_val *job)
{
  GimpItem *parent = gimp_item_get_parent (GIMP_ITEM (layer));

  return g_strcmp0 (yyjson_get_str (yyjson_obj_get (job, "task")), "split") == 0 && parent && qi_memory_has (GIMP_LAYER (parent))
           ? GIMP_LAYER (parent)
           : layer;
}

static QiHostMemory *
read_job (GimpLayer *layer, yyjson_val *job, GError **error)
{
  GimpImage *home = gimp_item_get_image (GIMP_ITEM (layer));
  g_autoptr (QiHostMemory) memory = g_new0 (QiHostMemory, 1);
  yyjson_val *target = yyjson_obj_get (job, "target");
  gint image;

  memory->request = qi_request_new ();
  memory->references = g_ptr_array_new_with_free_func ((GDestroyNotify) qi_host_reference_free);
  memory->image = gimp_image_get_id (home);
  memory->target = QI_HOST_NONE;
  memory->layer = gimp_item_get_id (GIMP_ITEM (stands_for (layer, job)));
  if (yyjson_get_bool (yyjson_obj_get (job, "selection")))
    memory->bounds = qi_layer_rect (layer);
  memory->mask_layer = gimp_layer_get_mask (layer) ? gimp_item_get_id (GIMP_ITEM (layer)) : QI_HOST_NONE;
  if (!read_request (job, memory->request, error))
    return NULL;
  if (!read_frame (layer, job, memory))
    {
      damaged (error, "frame");
      return NULL;
    }
  /* A new picture needs no target: it only goes above it. */
  if (target && !read_source (home, target, _("The layer it was made from"), &image, &memory->target,
                              memory->request->task == QI_TASK_GENERATE ? NULL : error)
      && memory->request->task != QI_TASK_GENERATE)
    return NULL;
  if (!read_references (home, job, memory, error))
    return NULL;
  return g_steal_pointer (&memory);
}

QiHostMemory *
qi_memory_read (GimpLayer *layer, const char *json, gsize n_bytes, GError **error)
{
  yyjson_doc *doc = n_bytes <= MAX_BYTES ? yyjson_read (json, n_bytes, YYJSON_READ_NOFLAG) : NULL;
  yyjson_val *job = doc ? yyjson_doc_get_root (doc) : NULL;
  const gint64 version = yyjson_get_sint (yyjson_obj_get (job, "version"));
  QiHostMemory *memory = NULL;

  if (!yyjson_is_obj (job) || version < 1)
    damaged (error, "JSON");
  else if (version > VERSION)
    g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, _("This layer was made by a newer Sfumato: it remembers in version %d, and %d is the last that this one reads."),
                 (int) MIN (version, G_MAXINT), VERSION);
  else
    memory = read_job (layer, job, error);
  yyjson_doc_free (doc);
  return memory;
}

/* The smallest rectangle, in image pixels, with all that a layer's mask shows. */
static QiRect
shown_by_mask (GimpLayer *layer)
{
  const QiRect at = qi_layer_rect (layer);
  g_autoptr (QiImage) mask = qi_layers_read_mask (gimp_item_get_image (GIMP_ITEM (layer)), layer, &at, (guint) at.width,
                                                  (guint) at.height, NULL);
  gint x0 = at.width, x1 = -1, y0 = at.height, y1 = -1;

  for (gint y = 0; mask && y < at.height; y++)
    {
      const guint8 *values = qi_image_row (mask, (guint) y);

      for (gint x = 0; x < at.width; x++)
        if (values[x])
          {
            x0 = MIN (x0, x);
            x1 = MAX (x1, x);
            y0 = MIN (y0, y);
            y1 = y;
          }
    }
  return x1 < 0 ? (QiRect){ 0 } : (QiRect){ at.x + x0, at.y + y0, x1 - x0 + 1, y1 - y0 + 1 };
}

void
qi_memory_selection (const QiHostMemory *memory, QiRequest *request, gint *mask_layer, QiRect *bounds)
{
  GimpLayer *layer = qi_layer_by_id (memory->mask_layer);

  *mask_layer = layer ? memory->mask_layer : QI_HOST_NONE;
  *bounds = layer ? shown_by_mask (layer) : memory->bounds;
  if (layer)
    request->soft_edge = 0; /* the mask has it */
  if (!qi_rect_is_empty (&memory->frame))
    {
      g_free (request->frame);
      request->frame = g_strdup_printf ("%d %d %d %d", memory->frame.x, memory->frame.y, memory->frame.width,
                                        memory->frame.height);
    }
}

/* -- on a layer -------------------------------------------------------------------------------------- */

gboolean
qi_memory_attach (GimpLayer *layer, const QiHostResult *result)
{
  g_autofree char *json = qi_memory_write (result);
  GimpParasite *parasite = gimp_parasite_new (QI_PARASITE, GIMP_PARASITE_PERSISTENT | GIMP_PARASITE_UNDOABLE,
                                              (guint32) strlen (json), json);
  const gboolean ok = gimp_item_attach_parasite (GIMP_ITEM (layer), parasite);

  gimp_parasite_free (parasite);
  return ok;
}

gboolean
qi_memory_has (GimpLayer *layer)
{
  g_auto (GStrv) names = gimp_item_get_parasite_list (GIMP_ITEM (layer));

  return names && g_strv_contains ((const char *const *) names, QI_PARASITE);
}

QiHostMemory *
qi_memory_of (GimpLayer *layer, GError **error)
{
  GimpParasite *parasite = qi_memory_has (layer) ? gimp_item_get_parasite (GIMP_ITEM (layer), QI_PARASITE) : NULL;
  QiHostMemory *memory = NULL;
  guint32 n_bytes = 0;
  const char *json = parasite ? gimp_parasite_get_data (parasite, &n_bytes) : NULL;

  if (json)
    memory = qi_memory_read (layer, json, n_bytes, error);
  else
    g_set_error_literal (error, QI_ERROR, QI_ERROR_BAD_REQUEST, _("This layer was not made by Sfumato."));
  if (parasite)
    gimp_parasite_free (parasite);
  return memory;
}

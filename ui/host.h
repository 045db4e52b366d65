/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* ui/host.h — the image program as the window sees it: images, layers, the selection, pixels out and layers in.
 *
 * plugin/ implements it for GIMP, the tests with images in memory. Nothing here draws, waits or decides: what a change
 * means is the session's business.
 *
 * Threads: main thread only. Every call is short; reading a region of a large image may take a second.
 * Ids:     images and layers are told by positive numbers that are never used twice; QI_HOST_NONE is none. An id whose
 *          image or layer is gone is no error to ask about: the answer says so.
 * Units:   pixels of the image, from the top left corner of its canvas; layers may begin at negative coordinates.
 * Errors:  QI_HOST_ERROR where the window shows a card of its own, else QI_ERROR_FAILED with a sentence. After an error
 *          the image is as it was. */
#pragma once
#include <glib-object.h>

#include "base/image.h"
#include "base/request.h"
#include "compose/rect.h"

#define QI_HOST_NONE (-1)

typedef enum
{
  QI_HOST_ERROR_IMAGE_GONE,   /* it was closed */
  QI_HOST_ERROR_LAYER_GONE,   /* it was deleted; message: its name, where that is known */
  QI_HOST_ERROR_IMAGE_CHANGED, /* canvas or mode is not what it was when the job began */
  QI_HOST_ERROR_PICTURE_GONE  /* a reference has no source any more; message begins with "Picture N" */
} QiHostErrorCode;
#define QI_HOST_ERROR (qi_host_error_quark ())
GQuark qi_host_error_quark (void);

typedef enum { QI_HOST_RGB, QI_HOST_GRAY, QI_HOST_INDEXED } QiHostMode;
typedef enum { QI_HOST_RASTER, QI_HOST_TEXT, QI_HOST_GROUP } QiHostKind;

/* An open image; an element of what qi_host_images() gives. */
typedef struct
{
  gint id;
  char *name;     /* "harbour.xcf" */
  gint width, height;
  QiHostMode mode;
  guint n_colors; /* of a colour map; else 0 */
  guint64 serial; /* another one whenever its selection, its selected layers, its size or its mode changed: "the person works here" */
} QiHostImage;

typedef struct
{
  gint id;           /* QI_HOST_NONE: no layer is selected, or a channel is; then all of the rest is 0 and the target is the visible composite */
  char *name;
  QiRect rect;       /* its place on the canvas */
  QiHostKind kind;
  gboolean visible;  /* with the groups it is in */
  gboolean empty;    /* every pixel is transparent */
  gboolean ours;     /* it remembers a job: qi_host_remembered() */
  char *words;       /* of a text layer, with line breaks; else NULL */
} QiHostLayer;

/* All that the window says about one image, at one moment. It is asked for every 500 ms. */
typedef struct
{
  QiHostImage image;  /* id QI_HOST_NONE: it was closed; then nothing else is filled but its last name */
  QiHostLayer layer;  /* the selected one; of several the topmost, of a layer mask its layer */
  QiRect selection;   /* its bounds, cut to the canvas; nothing: no selection, or an empty one */
  gboolean soft;      /* the selection has partial values */
  guint64 selection_serial; /* another one whenever the selection's pixels may differ */
  guint64 pixels_serial;    /* another one whenever the image's pixels may differ */
  gboolean bordered;  /* the layer is opaque, and nothing lies on the canvas around it */
} QiHostView;

/* Where a reference comes from. Exactly one of layer, image and path is set. */
typedef struct
{
  gint image, layer; /* a layer of image; layer QI_HOST_NONE: all that is visible of image */
  char *path;        /* a picture file */
  char *name;        /* for people: "sloop.jpg" */
} QiHostReference;

/* A finished picture on its way into the image. */
typedef struct
{
  gint image, target;        /* goes above target; target gone, or QI_HOST_NONE: on top of the stack */
  gint above;                /* goes above this one instead, where it is still there; 0, QI_HOST_NONE: above target */
  gint x, y;                 /* of the upper left pixel */
  QiImage *pixels;           /* 3 or 4 channels */
  QiImage *mask;             /* 1 channel, same size: becomes the layer's mask; NULL: none */
  GPtrArray *layers;         /* of QiImage with 4 channels, same size, bottom to top: they go in as a group, and pixels is what
                                one sees of them; NULL: pixels is the layer */
  QiRect grown;              /* what the canvas becomes before that, in pixels of the present one; nothing: it stays */
  char *name;                /* the layer's */
  gboolean hidden;
  /* What the parasite remembers. */
  QiRequest *request;        /* as it was made: seed is this result's, results is 1 */
  GPtrArray *references;     /* of QiHostReference */
  QiRect frame;
  QiRect canvas;             /* width and height of the image when the job began; 0: do not look */
  QiHostMode mode;           /* then */
  char *model, *model_hash;  /* may be NULL */
} QiHostResult;

/* What a layer of ours remembers. */
typedef struct
{
  QiRequest *request;
  GPtrArray *references;     /* of QiHostReference; a source that is gone is an error of qi_host_remembered() which names it */
  gint image, target;        /* target: the layer it was made from; QI_HOST_NONE: the visible composite, or none */
  gint layer;                /* that is made again: of a stack of layers its group */
  QiRect frame;
  QiRect bounds;             /* of the layer; the selection is its mask, else all of it */
  gint mask_layer;           /* whose mask is the selection; QI_HOST_NONE: bounds is */
} QiHostMemory;

#define QI_TYPE_HOST (qi_host_get_type ())
G_DECLARE_INTERFACE (QiHost, qi_host, QI, HOST, GObject)

struct _QiHostInterface
{
  GTypeInterface parent;

  /* The open images, in the order they were opened. (transfer full): GPtrArray of QiHostImage */
  GPtrArray *(*images) (QiHost *host);
  /* Layers of an image that can be references, top first; groups before what is in them. (transfer full): GPtrArray of QiHostLayer */
  GPtrArray *(*layers) (QiHost *host, gint image);
  /* (transfer full) */
  QiHostView *(*look) (QiHost *host, gint image);

  /* Pixels of rect, shrunk or not to width × height: 4 channels; transparent where layer or canvas has nothing. layer
   * QI_HOST_NONE: what is visible. except, where it is not QI_HOST_NONE, is a layer of ours that does not count as visible.
   * (transfer full) */
  QiImage *(*read) (QiHost *host, gint image, gint layer, gint except, const QiRect *rect, gint width, gint height,
                    GError **error);
  /* The selection in rect, or with mask_layer that layer's mask, shrunk or not: 1 channel, 255: selected. (transfer full) */
  QiImage *(*read_selection) (QiHost *host, gint image, gint mask_layer, const QiRect *rect, gint width, gint height,
                              GError **error);

  /* A new layer, or a group of them, in one undo step that the canvas grows in too; selection and selected layers stay as they
   * are. Its id, or QI_HOST_NONE with error. */
  gint (*insert) (QiHost *host, const QiHostResult *result, GError **error);
  /* Pixels, name and memory of a layer that insert() made become those of result, without an undo step. FALSE without error:
   * pixels, mask or offsets are not what was last written there, or the layer is gone; nothing was done. */
  gboolean (*rewrite) (QiHost *host, gint layer, const QiHostResult *result, GError **error);
  /* Deletes a layer that insert() made, in one undo step. FALSE without error: it is gone already. */
  gboolean (*remove) (QiHost *host, gint layer, GError **error);
  /* Whether a layer that insert() made is still there, and as it was last written. */
  gboolean (*untouched) (QiHost *host, gint layer);
  /* A new image with one layer, shown. Its id, or QI_HOST_NONE with error. */
  gint (*open) (QiHost *host, const QiHostResult *result, GError **error);

  /* NULL with error: it remembers nothing, something newer than this program, or a source is gone. (transfer full) */
  QiHostMemory *(*remembered) (QiHost *host, gint image, gint layer, GError **error);

  /* Each in one undo step, asked for by a button. */
  gboolean (*grow_selection) (QiHost *host, gint image, gint pixels, GError **error);
  gboolean (*convert_to_rgb) (QiHost *host, gint image, GError **error);
};

/* The same as functions. */
GPtrArray *qi_host_images (QiHost *host);
GPtrArray *qi_host_layers (QiHost *host, gint image);
QiHostView *qi_host_look (QiHost *host, gint image);
QiImage *qi_host_read (QiHost *host, gint image, gint layer, gint except, const QiRect *rect, gint width, gint height,
                       GError **error);
QiImage *qi_host_read_selection (QiHost *host, gint image, gint mask_layer, const QiRect *rect, gint width, gint height,
                                 GError **error);
gint qi_host_insert (QiHost *host, const QiHostResult *result, GError **error);
gboolean qi_host_rewrite (QiHost *host, gint layer, const QiHostResult *result, GError **error);
gboolean qi_host_remove (QiHost *host, gint layer, GError **error);
gboolean qi_host_untouched (QiHost *host, gint layer);
gint qi_host_open (QiHost *host, const QiHostResult *result, GError **error);
QiHostMemory *qi_host_remembered (QiHost *host, gint image, gint layer, GError **error);
gboolean qi_host_grow_selection (QiHost *host, gint image, gint pixels, GError **error);
gboolean qi_host_convert_to_rgb (QiHost *host, gint image, GError **error);

void qi_host_image_free (QiHostImage *image);
void qi_host_layer_free (QiHostLayer *layer);
void qi_host_view_free (QiHostView *view);
QiHostReference *qi_host_reference_copy (const QiHostReference *reference);
void qi_host_reference_free (QiHostReference *reference);
QiHostResult *qi_host_result_new (void);
/* (transfer full); what is in it is shared. */
QiHostResult *qi_host_result_copy (const QiHostResult *result);
/* As seen from the canvas that has grown. */
void qi_host_result_settle (QiHostResult *result);
void qi_host_result_free (QiHostResult *result);
void qi_host_memory_free (QiHostMemory *memory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiHostImage, qi_host_image_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiHostLayer, qi_host_layer_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiHostView, qi_host_view_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiHostReference, qi_host_reference_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiHostResult, qi_host_result_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiHostMemory, qi_host_memory_free)

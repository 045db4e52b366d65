/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/ui/fake-image.h — what a fake host is made of: images and their layers. */
#pragma once
#include "tests/ui/fake-host.h"

typedef struct
{
  gint id;
  char *name, *words;
  QiRect rect;
  QiHostKind kind;
  cairo_surface_t *pixels;
  gboolean empty, touched, hidden, opaque;
  GPtrArray *layers; /* of QiImage: it is a group with these in it */
  QiHostResult *memory;
} Layer;

typedef struct
{
  QiHostImage image;
  GPtrArray *layers; /* top first */
  gint selected;
  cairo_surface_t *selection; /* A8, NULL: none */
  guint64 selection_serial, pixels_serial;
  guint undo_steps;
} Image;

struct _QiFakeHost
{
  GObject parent;
  GPtrArray *images;
  gint last_id;
};

void fake_layer_free (Layer *layer);
void fake_image_free (Image *image);
Image *find_image (QiFakeHost *host, gint id);
Layer *find_layer (Image *image, gint id);
void changed (Image *image, gboolean pixels);

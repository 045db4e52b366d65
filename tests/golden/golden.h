/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/golden/golden.h — what the kinds of golden cases share: the case's description and inputs, the device, and the
 * collected results, which are written or compared at the end. */
#pragma once
#include <yyjson.h>

#include "cli/picture.h"
#include "cli/tensor-file.h"
#include "compute/op.h"
#include "models/tap.h"

typedef struct
{
  QiCompute compute;
  const char *out;  /* folder; NULL: compare */
  QiDevice *device; /* opened by the first case that needs it; qi_golden_device() */
} QiGolden;

/* A picture or a text beside the tensors: bytes of a file. */
typedef struct
{
  char *name;
  GBytes *bytes;
  QiImage *image; /* what bytes are a PNG of; NULL: they are something else */
} QiGoldenFile;

typedef struct
{
  QiGolden *golden;
  char *folder, *name; /* path, and its last part */
  yyjson_doc *doc;
  yyjson_val *root;    /* of case.json */
  GPtrArray *outputs;  /* QiTensorFile, in the order of output_names */
  GPtrArray *output_names;
  GPtrArray *files;    /* QiGoldenFile */
} QiCase;

QiCase *qi_case_open (QiGolden *golden, const char *folder, GError **error);
void qi_case_free (QiCase *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (QiCase, qi_case_free)

/* A string or whole number of case.json; NULL or fallback where it is not there. */
const char *qi_case_string (const QiCase *c, const char *key);
gint64 qi_json_int (yyjson_val *object, const char *key, gint64 fallback);
double qi_json_real (yyjson_val *object, const char *key, double fallback);

/* The path that case.json gives relative to the case, as it is usable here; relative NULL: an error. (g_free) */
char *qi_case_path (const QiCase *c, const char *relative, GError **error);

/* The inputs' file that object (case.json, or a run in it) names under "inputs". (transfer full) */
QiTensorFile *qi_case_inputs (const QiCase *c, yyjson_val *object, GError **error);
/* A tensor that must be there, with this many dims (0: any). */
const QiTensorEntry *qi_need_tensor (const QiTensorFile *file, const char *name, guint n_dims, GError **error);

/* The file of results of this name, made at the first call. Borrowed. */
QiTensorFile *qi_case_output (QiCase *c, const char *name);
/* The name of the outputs' file of object; a fallback where it says none. */
const char *qi_outputs_name (yyjson_val *object);
void qi_case_add_file (QiCase *c, const char *name, GBytes *bytes);
gboolean qi_case_add_png (QiCase *c, const char *name, QiImage *image, GError **error);
void qi_add_floats (QiTensorFile *file, const char *name, const float *values, guint n_dims, const guint64 *dims);
#define qi_add(file, name, values, ...)                                                                             \
  qi_add_floats ((file), (name), (values), G_N_ELEMENTS (((guint64[]){ __VA_ARGS__ })), (guint64[]){ __VA_ARGS__ })

/* -- device ------------------------------------------------------------------------------------------- */

QiDevice *qi_golden_device (QiGolden *golden, GError **error);
/* Uploads values, f32 of these dims. In the current scope. */
const QiTensor *qi_upload_floats (QiStream *s, const float *values, guint n_dims, const guint64 *dims);
/* Downloads an f32 or u32 tensor; NULL with error set. (g_free) */
void *qi_download (QiStream *s, const QiTensor *tensor, GError **error);

/* -- taps --------------------------------------------------------------------------------------------- */

/* One tapped tensor on the host, rows of cols values; u32 where integer. */
typedef struct
{
  guint n_dims;
  guint64 dims[QI_MAX_DIMS], elements;
  gboolean integer;
  union
  {
    float *values;
    guint32 *ints;
    void *data;
  };
} QiTapped;

/* Collects what is told: name (char *) to QiTapped. The first error is kept. */
typedef struct
{
  GHashTable *table;
  GError *error;
} QiTaps;
void qi_taps_init (QiTaps *taps);
void qi_taps_clear (QiTaps *taps);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (QiTaps, qi_taps_clear)
void qi_taps_collect (const char *name, const QiTensor *tensor, QiStream *s, gpointer taps); /* a QiTapFunc */
const QiTapped *qi_taps_find (const QiTaps *taps, const char *name);

/* -- kinds: compute a case; FALSE with error when it could not be run ---------------------------------- */

gboolean qi_golden_mmdit (QiCase *c, GError **error);
gboolean qi_golden_vae (QiCase *c, GError **error);
gboolean qi_golden_text (QiCase *c, GError **error);
gboolean qi_golden_preprocess (QiCase *c, GError **error);
gboolean qi_golden_tokenizer (QiCase *c, GError **error);
gboolean qi_golden_scheduler (QiCase *c, GError **error);
gboolean qi_golden_quant (QiCase *c, GError **error);
gboolean qi_golden_rng (QiCase *c, GError **error);
gboolean qi_golden_pipeline (QiCase *c, GError **error);

/* -- the end of a case -------------------------------------------------------------------------------- */

/* Writes the results to OUT/CASE. */
gboolean qi_case_write (const QiCase *c, GError **error);
/* Compares them with the answers beside the case, one line each; absent answers are no failure. FALSE: something
 * differs, or is missing. */
gboolean qi_case_compare (const QiCase *c);

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* models/config.h — the geometry of each component: what no tensor shows (head counts, axes, sections …) and what
 * tensors show, agreed with each other.
 *
 * Where it comes from, the first that answers wins: a config file beside the weights (or GGUF metadata); a folder
 * given by the person; the released geometry, when everything the tensors do show equals it. Otherwise
 * QI_ERROR_BAD_CHECKPOINT says what cannot be known and from where it could come. */
#pragma once
#include "models/checkpoint/checkpoint.h"

#define QI_MAX_LAYERS 256
#define QI_MAX_LATENT_CHANNELS 64

typedef struct
{
  guint n_layers, n_heads, head_dim; /* width = n_heads * head_dim */
  guint in_channels;                 /* of a token: 4 * latent channels */
  guint out_channels;                /* latent channels; a token of the result has 4 times as many */
  guint text_dim;                    /* joint_attention_dim */
  guint axes[3];                     /* RoPE widths of frame, height, width; their sum is head_dim */
  gboolean zero_cond_t, additional_t_cond, layer3d_rope;
  const char *zero_cond_t_from;      /* which rule said so: "config", "marker", "file name", "released geometry" */
} QiMmditConfig;

typedef struct
{
  guint n_layers, width, ffn_dim, n_heads, n_kv_heads, head_dim, vocabulary;
  guint sections[3];  /* M-RoPE, of head_dim / 2 */
  double theta, eps;  /* 1e6, 1e-6 */
} QiTextConfig;

typedef struct
{
  guint n_layers, width, ffn_dim, n_heads, out_dim, patch, merge, temporal_patch, in_channels, window;
  gboolean full_attention[QI_MAX_LAYERS];
  guint64 min_area, max_area; /* pixels that a picture is brought to */
} QiVisionConfig;

typedef struct
{
  guint base_dim, z_dim, n_res_blocks, image_channels; /* 96, 16, 2, 3 or 4 */
  guint n_levels, dim_mult[8];                         /* 1 2 4 4 */
  float mean[QI_MAX_LATENT_CHANNELS], std[QI_MAX_LATENT_CHANNELS];
} QiVaeConfig;

typedef enum { QI_SHIFT_EXPONENTIAL, QI_SHIFT_LINEAR } QiShiftType;

typedef struct
{
  QiShiftType shift_type;
  gboolean dynamic;       /* use_dynamic_shifting; FALSE: shift is used */
  double shift;
  double base_shift, max_shift, base_len, max_len;
  double shift_terminal;  /* 0: off */
} QiSchedulerConfig;

#define QI_MAX_STOPS 8

/* How the text encoder writes. */
typedef struct
{
  gboolean sample;    /* FALSE: always the likeliest token */
  double temperature; /* > 0 */
  guint top_k;        /* 0: all */
  double top_p;       /* 1: all */
  double repetition_penalty; /* of tokens that are there already; 1: none */
  guint32 stops[QI_MAX_STOPS];
  guint n_stops; /* 0: <|im_end|> and <|endoftext|> */
} QiGenerationConfig;

/* Each: path of the folder or file whose config is wanted first (NULL: the checkpoint's own place), then config_dir
 * (a diffusers-layout folder without weights, or NULL). *from says which source answered (static string). */
gboolean qi_mmdit_config_load (QiMmditConfig *config, const QiCheckpoint *checkpoint, const char *config_dir,
                               const char **from, GError **error);
gboolean qi_text_config_load (QiTextConfig *config, const QiCheckpoint *checkpoint, const char *config_dir,
                              const char **from, GError **error);
gboolean qi_vision_config_load (QiVisionConfig *config, const QiCheckpoint *checkpoint, const char *config_dir,
                                const char **from, GError **error);
gboolean qi_vae_config_load (QiVaeConfig *config, const QiCheckpoint *checkpoint, const char *config_dir,
                             const char **from, GError **error);

/* Old mmproj files call the tower's up_proj down_proj, and the other way round. */
gboolean qi_vision_ffn_is_swapped (const QiCheckpoint *checkpoint, const QiVisionConfig *config);

/* scheduler: a scheduler_config.json, a folder that holds one, or NULL: beside model, in config_dir, else Qwen-Image's. */
gboolean qi_scheduler_config_load (QiSchedulerConfig *config, const char *scheduler, const char *model,
                                   const char *config_dir, const char **from, GError **error);

/* A generation_config.json beside the text encoder or in config_dir; without one the released values for the released
 * geometry, else the likeliest token without a penalty. */
gboolean qi_generation_config_load (QiGenerationConfig *config, const QiCheckpoint *checkpoint, const QiTextConfig *text,
                                    const char *config_dir, GError **error);

/* From the text of one JSON file; for tests, fuzzing and config files given by name. n bytes, no NUL needed. */
gboolean qi_mmdit_config_parse (QiMmditConfig *config, const char *json, gsize n, const char *file, GError **error);
gboolean qi_text_config_parse (QiTextConfig *config, const char *json, gsize n, const char *file, GError **error);
gboolean qi_vision_config_parse (QiVisionConfig *config, const char *json, gsize n, const char *file, GError **error);
/* The areas alone, of a preprocessor_config.json. */
gboolean qi_vision_areas_parse (QiVisionConfig *config, const char *json, gsize n, const char *file, GError **error);
gboolean qi_generation_config_parse (QiGenerationConfig *config, const char *json, gsize n, const char *file, GError **error);
gboolean qi_vae_config_parse (QiVaeConfig *config, const char *json, gsize n, const char *file, GError **error);
gboolean qi_scheduler_config_parse (QiSchedulerConfig *config, const char *json, gsize n, const char *file, GError **error);

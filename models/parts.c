/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/parts.h"

static gpointer
make_vision (const QiModelSet *set, const QiLoad *load, GError **error)
{
  return qi_vision_new (&set->vision_config, load, error);
}

static gpointer
make_text_encoder (const QiModelSet *set, const QiLoad *load, GError **error)
{
  return qi_text_encoder_new (&set->text_config, load, error);
}

static gpointer
make_text_head (const QiModelSet *set, const QiLoad *load, GError **error)
{
  return qi_text_head_new (&set->text_config, load, error);
}

static gpointer
make_mmdit (const QiModelSet *set, const QiLoad *load, GError **error)
{
  return qi_mmdit_new (&set->mmdit_config, load, error);
}

static gpointer
make_controlnet (const QiModelSet *set, const QiLoad *load, GError **error)
{
  return qi_controlnet_new (&set->control_config, load, error);
}

static gpointer
make_vae_encoder (const QiModelSet *set, const QiLoad *load, GError **error)
{
  return qi_vae_encoder_new (&set->vae_config, load, error);
}

static gpointer
make_vae_decoder (const QiModelSet *set, const QiLoad *load, GError **error)
{
  return qi_vae_decoder_new (&set->vae_config, load, error);
}

const QiPartKind qi_part_kinds[QI_N_PARTS] = {
  [QI_PART_VISION] = { "vision tower", QI_COMPONENT_VISION, make_vision, (GDestroyNotify) qi_vision_free },
  [QI_PART_TEXT_HEAD] = { "text encoder's output head", QI_COMPONENT_TEXT_ENCODER, make_text_head,
                          (GDestroyNotify) qi_text_head_free },
  [QI_PART_TEXT_ENCODER] = { "text encoder", QI_COMPONENT_TEXT_ENCODER, make_text_encoder,
                             (GDestroyNotify) qi_text_encoder_free },
  [QI_PART_VAE_ENCODER] = { "VAE encoder", QI_COMPONENT_VAE, make_vae_encoder, (GDestroyNotify) qi_vae_encoder_free },
  [QI_PART_CONTROLNET] = { "ControlNet", QI_N_COMPONENTS, make_controlnet, (GDestroyNotify) qi_controlnet_free },
  [QI_PART_ADDONS] = { "add-ons", QI_N_COMPONENTS, NULL, (GDestroyNotify) qi_lora_sides_free },
  [QI_PART_MMDIT] = { "transformer", QI_COMPONENT_TRANSFORMER, make_mmdit, (GDestroyNotify) qi_mmdit_free },
  [QI_PART_VAE_DECODER] = { "VAE decoder", QI_COMPONENT_VAE, make_vae_decoder, (GDestroyNotify) qi_vae_decoder_free },
};

const char *
qi_part_name (QiPart part)
{
  return qi_part_kinds[part].name;
}

QiPart
qi_part_host (QiPart part)
{
  switch (part)
    {
    case QI_PART_TEXT_HEAD:
      return QI_PART_TEXT_ENCODER;
    case QI_PART_CONTROLNET:
    case QI_PART_ADDONS:
      return QI_PART_MMDIT;
    default:
      return QI_N_PARTS;
    }
}

gboolean
qi_part_is_guest (QiPart part)
{
  return qi_part_host (part) != QI_N_PARTS;
}

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/text/head.h"

#include "base/error.h"

struct _QiTextHead
{
  QiWeights *weights;
  QiLinear linear;
};

gboolean
qi_text_head_check (const QiCheckpoint *checkpoint, GError **error)
{
  if (qi_checkpoint_find (checkpoint, QI_OUTPUT_HEAD))
    return TRUE;
  g_set_error (error, QI_ERROR, QI_ERROR_BAD_CHECKPOINT,
               "The text encoder “%s” has no usable output head (%s), so it can read but not write; describing pictures needs a "
               "file that has one.",
               qi_checkpoint_path (checkpoint), QI_OUTPUT_HEAD);
  return FALSE;
}

QiTextHead *
qi_text_head_new (const QiTextConfig *config, const QiLoad *load, GError **error)
{
  g_autoptr (QiTextHead) head = g_new0 (QiTextHead, 1);

  if (!qi_text_head_check (load->checkpoint, error))
    return NULL;
  head->weights = qi_weights_new (load);
  qi_weights_linear (head->weights, &head->linear, config->width, config->vocabulary, FALSE, "lm_head");
  return qi_weights_finish (head->weights, error) ? g_steal_pointer (&head) : NULL;
}

void
qi_text_head_free (QiTextHead *head)
{
  if (!head)
    return;
  qi_weights_free (head->weights);
  g_free (head);
}

const QiTensor *
qi_text_head_forward (const QiTextHead *head, QiStream *s, const QiTensor *hidden)
{
  return qi_linear (s, hidden, &head->linear, QI_ACT_NONE);
}

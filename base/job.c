/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/job.h"

const char *
qi_stage_name (QiStage stage)
{
  static const char *const names[] = { "wait", "load", "encode", "denoise", "decode", "paste" };

  g_return_val_if_fail ((guint) stage < G_N_ELEMENTS (names), NULL);
  return names[stage];
}

void
qi_result_free (QiResult *result)
{
  if (!result)
    return;
  g_clear_pointer (&result->images, g_ptr_array_unref);
  g_free (result->prompt);
  g_free (result->note);
  g_free (result->latents);
  g_free (result);
}

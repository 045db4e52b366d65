/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/caption.h"

void
qi_caption_free (QiCaption *caption)
{
  if (!caption)
    return;
  g_free (caption->reply);
  g_free (caption->caption);
  g_free (caption->style);
  g_free (caption->type);
  g_strfreev (caption->watermarks);
  g_strfreev (caption->words);
  g_free (caption);
}

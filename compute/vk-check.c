/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/vk-check.h"

#include <vulkan/vk_enum_string_helper.h>

#include "base/error.h"

gboolean
qi_vk_check (VkResult result, const char *call, GError **error)
{
  QiErrorCode code = QI_ERROR_FAILED;
  const char *advice = "";

  if (result == VK_SUCCESS)
    return TRUE;
  if (result == VK_ERROR_DEVICE_LOST)
    code = QI_ERROR_DEVICE_LOST;
  else if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY)
    code = QI_ERROR_OUT_OF_MEMORY;
  if (code == QI_ERROR_DEVICE_LOST)
    advice = "; the GPU hung or was reset, and nothing of this picture is left. Try once more; if it happens again, a newer driver, "
             "a smaller picture or another device may help";
  else if (code == QI_ERROR_OUT_OF_MEMORY)
    advice = "; its memory is used up. Close other programs that draw, choose a smaller picture, or give a smaller limit (--memory)";
  g_set_error (error, QI_ERROR, code, "The graphics driver failed: %s gave %s%s", call, string_VkResult (result), advice);
  return FALSE;
}

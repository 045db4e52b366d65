/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/vk-check.h"

#include <vulkan/vk_enum_string_helper.h>

#include "base/error.h"

gboolean
qi_vk_check (VkResult result, const char *call, GError **error)
{
  QiErrorCode code = QI_ERROR_FAILED;

  if (result == VK_SUCCESS)
    return TRUE;
  if (result == VK_ERROR_DEVICE_LOST)
    code = QI_ERROR_DEVICE_LOST;
  else if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY)
    code = QI_ERROR_OUT_OF_MEMORY;
  g_set_error (error, QI_ERROR, code, "The graphics driver failed: %s gave %s", call, string_VkResult (result));
  return FALSE;
}

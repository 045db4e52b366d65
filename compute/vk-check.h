/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/vk-check.h — VkResult to GError, the one place. */
#pragma once
#include <glib.h>
#include <volk.h>

/* TRUE for VK_SUCCESS; else FALSE and an error: "vkCreateBuffer: VK_ERROR_OUT_OF_DEVICE_MEMORY". */
gboolean qi_vk_check (VkResult result, const char *call, GError **error);

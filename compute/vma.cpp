/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
// The one C++ file: the implementation of VulkanMemoryAllocator.
#define VMA_IMPLEMENTATION
#include "compute/vma.h"

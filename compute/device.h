/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* compute/device.h — the insides of QiDevice, for compute/ alone. */
#pragma once
#include "compute/compute.h"
#include "compute/kernels.h"
#include "compute/vma.h"
#include "shader-id.h"

typedef struct _QiPipelineCache QiPipelineCache;

struct _QiDevice
{
  VkInstance instance;
  VkDebugUtilsMessengerEXT messenger;
  VkPhysicalDevice physical;
  VkDevice device;
  VkQueue queue;
  guint32 queue_family;
  VkQueue copy_queue; /* of a family that only copies, where there is one; else queue */
  guint32 copy_family;
  VmaAllocator vma;
  QiPipelineCache *pipelines;
  QiDeviceInfo info;
  QiKernels kernels;
  QiTiles tiles;
  char *name, *driver;
  gboolean validate, profile;
  guint64 memory_limit;
  double timestamp_seconds; /* of one tick */
  guint offset_alignment;   /* of a binding */

  GMutex lock; /* what follows */
  QiMemoryCount count;
  guint n_messages;
  char *first_message;
};

/* Thread-safe. Fails as vkQueueSubmit2() does. */
VkResult qi_device_submit (QiDevice *device, VkQueue queue, const VkSubmitInfo2 *info);

void qi_device_count_blocks (QiDevice *device, gint64 bytes);
void qi_device_count_tensors (QiDevice *device, gint64 bytes);
gboolean qi_device_over_limit (QiDevice *device, guint64 more_bytes);
void qi_device_name_object (QiDevice *device, VkObjectType type, guint64 handle, const char *name);

/* caps.c: what physical can do; FALSE when it cannot run the engine, *why says what it lacks (static). */
typedef struct
{
  char name[256], driver[300];
  QiDeviceInfo info;
  guint32 queue_family, copy_family;
  double timestamp_seconds;
  guint offset_alignment;
} QiCaps;
gboolean qi_caps_read (VkPhysicalDevice physical, QiCaps *caps, const char **why);
/* Fills what info says of coopmat2: the row is offered where all is there, and for shapes that its smallest tile is made of. */
void qi_caps_take_matrix2 (const VkPhysicalDeviceCooperativeMatrix2FeaturesNV *features, gboolean addresses,
                           const VkCooperativeMatrixFlexibleDimensionsPropertiesNV *list, guint32 n, guint longest_side,
                           QiDeviceInfo *info);
gboolean qi_caps_has_extension (VkPhysicalDevice physical, const char *name);

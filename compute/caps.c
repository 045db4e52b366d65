/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "compute/device.h"

gboolean
qi_caps_has_extension (VkPhysicalDevice physical, const char *name)
{
  g_autofree VkExtensionProperties *list = NULL;
  guint32 n = 0;

  if (vkEnumerateDeviceExtensionProperties (physical, NULL, &n, NULL) != VK_SUCCESS)
    return FALSE;
  list = g_new0 (VkExtensionProperties, n + 1);
  vkEnumerateDeviceExtensionProperties (physical, NULL, &n, list);
  for (guint i = 0; i < n; i++)
    if (strcmp (list[i].extensionName, name) == 0)
      return TRUE;
  return FALSE;
}

/* copy_family: of queues that do nothing but copy, beside the computing; else the same. */
static gboolean
find_queues (VkPhysicalDevice physical, guint32 *family, guint32 *copy_family, gboolean *timestamps)
{
  VkQueueFamilyProperties list[32];
  const VkQueueFlags other = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT | VK_QUEUE_VIDEO_DECODE_BIT_KHR |
                             VK_QUEUE_VIDEO_ENCODE_BIT_KHR | VK_QUEUE_OPTICAL_FLOW_BIT_NV;
  guint32 n = G_N_ELEMENTS (list), compute = 0;

  vkGetPhysicalDeviceQueueFamilyProperties (physical, &n, list);
  while (compute < n && !(list[compute].queueFlags & VK_QUEUE_COMPUTE_BIT))
    compute++;
  if (compute == n)
    return FALSE;
  *family = *copy_family = compute;
  *timestamps = list[compute].timestampValidBits > 0;
  for (guint i = 0; i < n && *copy_family == compute; i++)
    if (list[i].queueFlags & VK_QUEUE_TRANSFER_BIT && !(list[i].queueFlags & other))
      *copy_family = i;
  return TRUE;
}

static void
read_memory (VkPhysicalDevice physical, QiDeviceInfo *info)
{
  VkPhysicalDeviceMemoryProperties memory;

  vkGetPhysicalDeviceMemoryProperties (physical, &memory);
  for (guint i = 0; i < memory.memoryHeapCount; i++)
    if (memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
      info->memory_bytes = MAX (info->memory_bytes, memory.memoryHeaps[i].size);
}

static QiDeviceType
device_type (VkPhysicalDeviceType type)
{
  switch (type)
    {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return QI_DEVICE_DISCRETE;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return QI_DEVICE_INTEGRATED;
    case VK_PHYSICAL_DEVICE_TYPE_CPU: return QI_DEVICE_SOFTWARE;
    default: return QI_DEVICE_OTHER;
    }
}

static void
read_properties (VkPhysicalDevice physical, QiCaps *caps)
{
  VkPhysicalDeviceVulkan13Properties v13 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES };
  VkPhysicalDeviceVulkan12Properties v12 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES,
                                             .pNext = &v13 };
  VkPhysicalDeviceVulkan11Properties v11 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES,
                                             .pNext = &v12 };
  VkPhysicalDeviceProperties2 p = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &v11 };
  QiDeviceInfo *info = &caps->info;

  vkGetPhysicalDeviceProperties2 (physical, &p);
  g_strlcpy (caps->name, p.properties.deviceName, sizeof caps->name);
  g_snprintf (caps->driver, sizeof caps->driver, "%s %s", v12.driverName, v12.driverInfo);
  for (guint i = 0; i < VK_UUID_SIZE; i++)
    g_snprintf (info->uuid + 2 * i, 3, "%02x", v11.deviceUUID[i]);
  info->type = device_type (p.properties.deviceType);
  info->api_version = p.properties.apiVersion;
  /* Shaders count bytes in 32 bits. */
  info->max_binding = MIN (p.properties.limits.maxStorageBufferRange, 1u << 31);
  info->max_allocation = MIN (v11.maxMemoryAllocationSize, v13.maxBufferSize ? v13.maxBufferSize : G_MAXUINT64);
  info->subgroup_size = v11.subgroupSize;
  info->shared_bytes = p.properties.limits.maxComputeSharedMemorySize;
  info->max_lanes = p.properties.limits.maxComputeWorkGroupInvocations;
  info->int8_dot = v13.integerDotProduct4x8BitPackedSignedAccelerated;
  caps->timestamp_seconds = p.properties.limits.timestampPeriod * 1e-9;
  caps->offset_alignment = (guint) p.properties.limits.minStorageBufferOffsetAlignment;
}

/* The shape of f16 operands with f32 sums that does most work at once. */
static gboolean
choose_shape (VkPhysicalDevice physical, QiDeviceInfo *info)
{
  g_autofree VkCooperativeMatrixPropertiesKHR *list = NULL;
  guint32 n = 0;
  guint64 best = 0;

  if (!vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR ||
      vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR (physical, &n, NULL) != VK_SUCCESS)
    return FALSE;
  list = g_new0 (VkCooperativeMatrixPropertiesKHR, n + 1);
  for (guint i = 0; i < n; i++)
    list[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR;
  if (vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR (physical, &n, list) != VK_SUCCESS)
    return FALSE;
  for (guint i = 0; i < n; i++)
    {
      const VkCooperativeMatrixPropertiesKHR *p = &list[i];
      const guint64 work = (guint64) p->MSize * p->NSize * p->KSize;

      if (p->AType != VK_COMPONENT_TYPE_FLOAT16_KHR || p->BType != VK_COMPONENT_TYPE_FLOAT16_KHR ||
          p->CType != VK_COMPONENT_TYPE_FLOAT32_KHR || p->ResultType != VK_COMPONENT_TYPE_FLOAT32_KHR ||
          p->scope != VK_SCOPE_SUBGROUP_KHR)
        continue;
      /* Shared memory is filled by fours, and tiles are made for sides of 8 to 32. */
      if (p->MSize % 8 || p->NSize % 8 || p->KSize % 8 || p->MSize > 32 || p->NSize > 32 || p->KSize > 32 || work <= best)
        continue;
      best = work;
      info->coopmat_m = p->MSize;
      info->coopmat_n = p->NSize;
      info->coopmat_k = p->KSize;
    }
  return best > 0;
}

/* What coopmat2 needs of the extension, which drivers support in parts. */
static const struct
{
  gsize feature;
  const char *name;
} matrix2_needs[] = {
  { offsetof (VkPhysicalDeviceCooperativeMatrix2FeaturesNV, cooperativeMatrixWorkgroupScope), "workgroup scope" },
  { offsetof (VkPhysicalDeviceCooperativeMatrix2FeaturesNV, cooperativeMatrixFlexibleDimensions), "flexible dimensions" },
  { offsetof (VkPhysicalDeviceCooperativeMatrix2FeaturesNV, cooperativeMatrixPerElementOperations), "per-element operations" },
  { offsetof (VkPhysicalDeviceCooperativeMatrix2FeaturesNV, cooperativeMatrixTensorAddressing), "tensor addressing" },
  { offsetof (VkPhysicalDeviceCooperativeMatrix2FeaturesNV, cooperativeMatrixBlockLoads), "block loads" },
};

/* Keeps the shapes of f16 operands with f32 sums in workgroups of the tiles' sizes; is there one for the smallest of them, 64 by 64
 * in steps of 64 (compute/op/linear-tiles.c)? */
static gboolean
take_matrix2_shapes (const VkCooperativeMatrixFlexibleDimensionsPropertiesNV *list, guint32 n, QiDeviceInfo *info)
{
  gboolean enough = FALSE;

  for (guint i = 0; i < n && info->n_coopmat2_shapes < G_N_ELEMENTS (info->coopmat2_shapes); i++)
    {
      const VkCooperativeMatrixFlexibleDimensionsPropertiesNV *p = &list[i];
      const guint m = p->MGranularity, columns = p->NGranularity, k = p->KGranularity;

      if (p->AType != VK_COMPONENT_TYPE_FLOAT16_KHR || p->BType != VK_COMPONENT_TYPE_FLOAT16_KHR ||
          p->CType != VK_COMPONENT_TYPE_FLOAT32_KHR || p->ResultType != VK_COMPONENT_TYPE_FLOAT32_KHR ||
          p->scope != VK_SCOPE_WORKGROUP_KHR || p->saturatingAccumulation || !m || !columns || !k ||
          (p->workgroupInvocations != 128 && p->workgroupInvocations != 256))
        continue;
      info->coopmat2_shapes[info->n_coopmat2_shapes++] = (QiMatrixShape){ p->workgroupInvocations, m, columns, k };
      enough |= 64 % m == 0 && 64 % columns == 0 && 64 % k == 0;
    }
  return enough && info->coopmat2_side >= 64;
}

void
qi_caps_take_matrix2 (const VkPhysicalDeviceCooperativeMatrix2FeaturesNV *features, gboolean addresses,
                      const VkCooperativeMatrixFlexibleDimensionsPropertiesNV *list, guint32 n, guint longest_side, QiDeviceInfo *info)
{
  g_autoptr (GString) lacks = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (matrix2_needs); i++)
    if (!G_STRUCT_MEMBER (VkBool32, features, matrix2_needs[i].feature))
      g_string_append_printf (lacks, "%s%s", lacks->len ? ", " : "", matrix2_needs[i].name);
  if (!addresses)
    g_string_append_printf (lacks, "%sbuffer device addresses", lacks->len ? ", " : "");
  info->coopmat2_side = longest_side;
  if (!take_matrix2_shapes (list, n, info) && !lacks->len)
    g_string_append (lacks, "a shape of f16 operands with f32 sums of which 64 by 64 by 64 is a multiple");
  info->coopmat2 = info->coopmat && !lacks->len;
  if (lacks->len)
    g_snprintf (info->coopmat2_lacks, sizeof info->coopmat2_lacks, "what they need of VK_NV_cooperative_matrix2: %s", lacks->str);
}

static void
read_matrix2 (VkPhysicalDevice physical, const VkPhysicalDeviceCooperativeMatrix2FeaturesNV *features, gboolean addresses,
              QiDeviceInfo *info)
{
  VkPhysicalDeviceCooperativeMatrix2PropertiesNV nv = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_PROPERTIES_NV };
  VkPhysicalDeviceProperties2 p = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &nv };
  g_autofree VkCooperativeMatrixFlexibleDimensionsPropertiesNV *list = NULL;
  guint32 n = 0;

  vkGetPhysicalDeviceProperties2 (physical, &p);
  if (features->cooperativeMatrixFlexibleDimensions && vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV &&
      vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV (physical, &n, NULL) == VK_SUCCESS)
    {
      list = g_new0 (VkCooperativeMatrixFlexibleDimensionsPropertiesNV, n + 1);
      for (guint i = 0; i < n; i++)
        list[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_FLEXIBLE_DIMENSIONS_PROPERTIES_NV;
      if (vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV (physical, &n, list) != VK_SUCCESS)
        n = 0;
    }
  qi_caps_take_matrix2 (features, addresses, list, n, nv.cooperativeMatrixFlexibleDimensionsMaxDimension, info);
}

/* An extension's name says little: what counts is which features it has here, and for which shapes and stages. */
static void
read_matrix_units (VkPhysicalDevice physical, QiDeviceInfo *info)
{
  VkPhysicalDeviceCooperativeMatrix2FeaturesNV nv = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV };
  VkPhysicalDeviceCooperativeMatrixFeaturesKHR khr = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR };
  VkPhysicalDeviceVulkan12Features f12 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES, .pNext = &khr };
  VkPhysicalDeviceFeatures2 f = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &f12 };
  VkPhysicalDeviceCooperativeMatrixPropertiesKHR shapes = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_PROPERTIES_KHR
  };
  VkPhysicalDeviceVulkan13Properties v13 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES, .pNext = &shapes };
  VkPhysicalDeviceProperties2 p = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &v13 };
  const gboolean second = qi_caps_has_extension (physical, VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME);

  if (!qi_caps_has_extension (physical, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME))
    return;
  if (second)
    khr.pNext = &nv;
  vkGetPhysicalDeviceFeatures2 (physical, &f);
  vkGetPhysicalDeviceProperties2 (physical, &p);
  info->coopmat = khr.cooperativeMatrix && f12.vulkanMemoryModel && f12.shaderFloat16 &&
                  (shapes.cooperativeMatrixSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0 &&
                  /* Its pipelines ask for whole subgroups of the size that counts here. */
                  (v13.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0 && choose_shape (physical, info);
  if (second)
    read_matrix2 (physical, &nv, f12.bufferDeviceAddress, info);
}

gboolean
qi_caps_read (VkPhysicalDevice physical, QiCaps *caps, const char **why)
{
  VkPhysicalDeviceVulkan13Features f13 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES };
  VkPhysicalDeviceVulkan12Features f12 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
                                           .pNext = &f13 };
  VkPhysicalDeviceVulkan11Features f11 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
                                           .pNext = &f12 };
  VkPhysicalDeviceFeatures2 f = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &f11 };
  VkPhysicalDeviceProperties p;

  memset (caps, 0, sizeof *caps);
  *why = NULL;
  vkGetPhysicalDeviceProperties (physical, &p);
  if (p.apiVersion < VK_API_VERSION_1_3)
    {
      g_strlcpy (caps->name, p.deviceName, sizeof caps->name);
      *why = "its driver is older than Vulkan 1.3";
      return FALSE;
    }
  read_properties (physical, caps);
  read_memory (physical, &caps->info);
  vkGetPhysicalDeviceFeatures2 (physical, &f);
  caps->info.f16_arithmetic = f12.shaderFloat16;
  caps->info.integer_dot = f13.shaderIntegerDotProduct;
  read_matrix_units (physical, &caps->info);
  if (!find_queues (physical, &caps->queue_family, &caps->copy_family, &caps->info.timestamps))
    *why = "it has no compute queue";
  else if (!f11.storageBuffer16BitAccess || !f12.storageBuffer8BitAccess || !f12.shaderInt8 || !f.features.shaderInt16)
    *why = "its shaders cannot read 8- and 16-bit values";
  else if (!f12.bufferDeviceAddress)
    *why = "its buffers have no addresses";
  else if (!f12.timelineSemaphore || !f13.synchronization2)
    *why = "it lacks timeline semaphores or synchronization2";
  else if (!f13.subgroupSizeControl || !f13.computeFullSubgroups)
    *why = "its subgroups cannot be full";
  else if (!qi_caps_has_extension (physical, VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME))
    *why = "it lacks push descriptors";
  return *why == NULL;
}

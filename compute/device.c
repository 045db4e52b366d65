/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/device.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "compute/fault.h"
#include "compute/pipeline.h"
#include "compute/self-test.h"
#include "compute/tune-tiles.h"
#include "compute/vk-check.h"

/* Messages that are not ours to mend, one a line with its reason. */
static const char *const allowed_messages[] = {
  /* lavapipe is a software device on purpose. */
  "WARNING-lavapipe-not-conformant",
};

static VKAPI_ATTR VkBool32 VKAPI_CALL
on_message (VkDebugUtilsMessageSeverityFlagBitsEXT severity, VkDebugUtilsMessageTypeFlagsEXT types,
            const VkDebugUtilsMessengerCallbackDataEXT *data, void *user_data)
{
  QiDevice *device = user_data;

  for (guint i = 0; i < G_N_ELEMENTS (allowed_messages); i++)
    if (data->pMessageIdName && strcmp (data->pMessageIdName, allowed_messages[i]) == 0)
      return VK_FALSE;
  g_mutex_lock (&device->lock);
  device->n_messages++;
  if (!device->first_message)
    device->first_message = g_strdup (data->pMessage);
  g_mutex_unlock (&device->lock);
  g_debug ("%s", data->pMessage);
  return VK_FALSE;
}

guint
qi_device_validation_messages (QiDevice *device, char **text)
{
  guint n;

  g_mutex_lock (&device->lock);
  n = device->n_messages;
  if (text)
    *text = g_strdup (device->first_message);
  g_mutex_unlock (&device->lock);
  return n;
}

static gboolean
have_layer (const char *name)
{
  g_autofree VkLayerProperties *list = NULL;
  guint32 n = 0;

  vkEnumerateInstanceLayerProperties (&n, NULL);
  list = g_new0 (VkLayerProperties, n + 1);
  vkEnumerateInstanceLayerProperties (&n, list);
  for (guint i = 0; i < n; i++)
    if (strcmp (list[i].layerName, name) == 0)
      return TRUE;
  return FALSE;
}

/* device NULL: only to list devices, never validated. */
static VkInstance
create_instance (QiDevice *device, GError **error)
{
  static const char *const layer = "VK_LAYER_KHRONOS_validation";
  static const char *const extensions[] = { VK_EXT_DEBUG_UTILS_EXTENSION_NAME, VK_EXT_LAYER_SETTINGS_EXTENSION_NAME };
  static const VkBool32 yes = VK_TRUE;
  /* Without the heuristic synchronisation validation sees no shader access at all. */
  const VkLayerSettingEXT settings[] = {
    { layer, "validate_sync", VK_LAYER_SETTING_TYPE_BOOL32_EXT, 1, &yes },
    { layer, "syncval_shader_accesses_heuristic", VK_LAYER_SETTING_TYPE_BOOL32_EXT, 1, &yes },
  };
  const VkDebugUtilsMessengerCreateInfoEXT messenger = {
    .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
    .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT,
    .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT,
    .pfnUserCallback = on_message,
    .pUserData = device
  };
  const VkLayerSettingsCreateInfoEXT layer_settings = { .sType = VK_STRUCTURE_TYPE_LAYER_SETTINGS_CREATE_INFO_EXT,
                                                        .settingCount = G_N_ELEMENTS (settings),
                                                        .pSettings = settings };
  const gboolean validate = device && device->validate;
  const VkApplicationInfo app = { .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                  .pApplicationName = "Sfumato",
                                  .apiVersion = VK_API_VERSION_1_3 };
  VkInstanceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &app };
  VkInstance instance = VK_NULL_HANDLE;

  if (volkInitialize () != VK_SUCCESS)
    {
      g_set_error_literal (error, QI_ERROR, QI_ERROR_NO_DEVICE,
                           "This machine has no Vulkan loader (libvulkan.so.1), so no device can be used; install the "
                           "package libvulkan1 and a driver, for a machine without a GPU mesa-vulkan-drivers");
      return VK_NULL_HANDLE;
    }
  if (validate)
    {
      if (!have_layer (layer))
        {
          g_set_error_literal (error, QI_ERROR, QI_ERROR_UNSUPPORTED,
                               "Validation was asked for, but the Vulkan validation layers are not installed");
          return VK_NULL_HANDLE;
        }
      info.enabledLayerCount = 1;
      info.ppEnabledLayerNames = &layer;
      info.enabledExtensionCount = G_N_ELEMENTS (extensions);
      info.ppEnabledExtensionNames = extensions;
      info.pNext = &layer_settings;
    }
  if (!qi_vk_check (vkCreateInstance (&info, NULL, &instance), "vkCreateInstance", error))
    return VK_NULL_HANDLE;
  volkLoadInstance (instance); /* device functions through the loader: any number of devices */
  if (validate)
    vkCreateDebugUtilsMessengerEXT (instance, &messenger, NULL, &device->messenger);
  return instance;
}

static guint32
list_physical (VkInstance instance, VkPhysicalDevice *list, guint32 n)
{
  if (vkEnumeratePhysicalDevices (instance, &n, list) < 0)
    return 0;
  return n;
}

/* How well caps answers to the wish: 0 not at all; faster kinds of device higher. */
static guint
rank (const QiCaps *caps, const char *wish)
{
  static const guint by_type[] = { [QI_DEVICE_DISCRETE] = 4, [QI_DEVICE_INTEGRATED] = 3, [QI_DEVICE_OTHER] = 2,
                                   [QI_DEVICE_SOFTWARE] = 1 };
  g_autofree char *name = NULL, *part = NULL;

  if (!wish || !*wish)
    return by_type[caps->info.type];
  if (g_ascii_strcasecmp (wish, "cpu") == 0)
    return caps->info.type == QI_DEVICE_SOFTWARE;
  name = g_utf8_casefold (caps->name, -1);
  part = g_utf8_casefold (wish, -1);
  if (strstr (name, part) || g_ascii_strncasecmp (caps->info.uuid, wish, strlen (wish)) == 0)
    return by_type[caps->info.type];
  return 0;
}

static gboolean
choose_physical (QiDevice *device, const char *wish, QiCaps *best, GError **error)
{
  VkPhysicalDevice list[16];
  const guint32 n = list_physical (device->instance, list, G_N_ELEMENTS (list));
  g_autoptr (GString) seen = g_string_new (NULL);
  guint best_rank = 0;

  for (guint i = 0; i < n; i++)
    {
      QiCaps caps;
      const char *why;

      if (!qi_caps_read (list[i], &caps, &why))
        {
          g_string_append_printf (seen, "%s%s cannot be used: %s", seen->len ? "; " : "", caps.name, why);
          continue;
        }
      g_string_append_printf (seen, "%s%s", seen->len ? "; " : "", caps.name);
      if (rank (&caps, wish) > best_rank)
        {
          best_rank = rank (&caps, wish);
          *best = caps;
          device->physical = list[i];
        }
    }
  if (best_rank)
    return TRUE;
  if (wish && *wish)
    g_set_error (error, QI_ERROR, QI_ERROR_NO_DEVICE, "No Vulkan device answers to \"%s\"; this machine has: %s", wish,
                 seen->len ? seen->str : "none");
  else
    g_set_error (error, QI_ERROR, QI_ERROR_NO_DEVICE, "No usable Vulkan device; this machine has: %s",
                 seen->len ? seen->str : "none");
  return FALSE;
}

static gboolean
create_device (QiDevice *device, GError **error)
{
  static const float priority = 1.0f;
  const char *extensions[4] = { VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME };
  guint n_extensions = 1;
  const gboolean budget = qi_caps_has_extension (device->physical, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  const gboolean matrix2_there = device->info.coopmat2;
  VkPhysicalDeviceCooperativeMatrix2FeaturesNV matrix2 = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV,
    .cooperativeMatrixWorkgroupScope = VK_TRUE,
    .cooperativeMatrixFlexibleDimensions = VK_TRUE,
    .cooperativeMatrixPerElementOperations = VK_TRUE,
    .cooperativeMatrixTensorAddressing = VK_TRUE,
    .cooperativeMatrixBlockLoads = VK_TRUE
  };
  VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrix = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR, .pNext = matrix2_there ? &matrix2 : NULL,
    .cooperativeMatrix = VK_TRUE
  };
  VkPhysicalDeviceVulkan13Features f13 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
                                           .pNext = device->info.coopmat ? &matrix : NULL,
                                           .synchronization2 = VK_TRUE,
                                           .subgroupSizeControl = VK_TRUE,
                                           .computeFullSubgroups = VK_TRUE,
                                           .shaderIntegerDotProduct = device->info.integer_dot,
                                           .maintenance4 = VK_TRUE };
  VkPhysicalDeviceVulkan12Features f12 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
                                           .pNext = &f13,
                                           .storageBuffer8BitAccess = VK_TRUE,
                                           .shaderInt8 = VK_TRUE,
                                           .timelineSemaphore = VK_TRUE,
                                           .bufferDeviceAddress = VK_TRUE,
                                           .vulkanMemoryModel = device->info.coopmat,
                                           .shaderFloat16 = device->info.f16_arithmetic };
  VkPhysicalDeviceVulkan11Features f11 = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
                                           .pNext = &f12,
                                           .storageBuffer16BitAccess = VK_TRUE };
  const VkPhysicalDeviceFeatures2 f = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                        .pNext = &f11,
                                        .features.shaderInt16 = VK_TRUE };
  const guint32 families[2] = { device->queue_family, device->copy_family };
  VkDeviceQueueCreateInfo queues[2];
  VkDeviceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                              .pNext = &f,
                              .queueCreateInfoCount = families[0] != families[1] ? 2 : 1,
                              .pQueueCreateInfos = queues,
                              .ppEnabledExtensionNames = extensions };
  VmaAllocatorCreateInfo vma = { .flags = VMA_ALLOCATOR_CREATE_BUFFER_DEVICE_ADDRESS_BIT |
                                          (budget ? VMA_ALLOCATOR_CREATE_EXT_MEMORY_BUDGET_BIT : 0),
                                 .physicalDevice = device->physical,
                                 .instance = device->instance,
                                 .vulkanApiVersion = VK_API_VERSION_1_3 };
  VmaVulkanFunctions functions = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (queues); i++)
    queues[i] = (VkDeviceQueueCreateInfo){ .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                           .queueFamilyIndex = families[i],
                                           .queueCount = 1,
                                           .pQueuePriorities = &priority };
  if (budget)
    extensions[n_extensions++] = VK_EXT_MEMORY_BUDGET_EXTENSION_NAME;
  if (device->info.coopmat)
    extensions[n_extensions++] = VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME;
  if (matrix2_there)
    extensions[n_extensions++] = VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME;
  info.enabledExtensionCount = n_extensions;
  if (!qi_vk_check (vkCreateDevice (device->physical, &info, NULL, &device->device), "vkCreateDevice", error))
    return FALSE;
  vkGetDeviceQueue (device->device, device->queue_family, 0, &device->queue);
  vkGetDeviceQueue (device->device, device->copy_family, 0, &device->copy_queue);
  functions.vkGetInstanceProcAddr = vkGetInstanceProcAddr;
  functions.vkGetDeviceProcAddr = vkGetDeviceProcAddr;
  vma.device = device->device;
  vma.pVulkanFunctions = &functions;
  return qi_vk_check (vmaCreateAllocator (&vma, &device->vma), "vmaCreateAllocator", error);
}

static void
take_caps (QiDevice *device, const QiCaps *caps)
{
  device->name = g_strdup (caps->name);
  device->driver = g_strdup (caps->driver);
  device->info = caps->info;
  device->info.name = device->name;
  device->info.driver = device->driver;
  device->queue_family = caps->queue_family;
  device->copy_family = caps->copy_family;
  device->timestamp_seconds = caps->timestamp_seconds;
  device->offset_alignment = MAX (caps->offset_alignment, caps->info.coopmat2 ? 16 : 4); /* tensors of coopmat2 begin on 16 bytes */
  if (device->memory_limit)
    device->info.memory_bytes = MIN (device->info.memory_bytes, device->memory_limit);
}

QiDevice *
qi_device_open (const QiDeviceParams *params, GError **error)
{
  static const QiDeviceParams none = { 0 };
  g_autoptr (QiDevice) device = g_new0 (QiDevice, 1);
  QiCaps caps;

  params = params ? params : &none;
  g_mutex_init (&device->lock);
  device->validate = params->validate;
  device->profile = params->profile;
  device->memory_limit = params->memory_limit;
  if (!(device->instance = create_instance (device, error)) ||
      !choose_physical (device, params->device, &caps, error))
    return NULL;
  take_caps (device, &caps);
  if (!qi_kernels_init (&device->kernels, &device->info, params->kernels, error) || !create_device (device, error))
    return NULL;
  device->profile = device->profile && device->info.timestamps;
  device->pipelines = qi_pipeline_cache_new (device);
  if (!qi_self_test (device, error))
    return NULL;
  qi_tune_tiles (device, NULL);
  qi_fault_arm_by_environment (); /* jobs are to fail, not what is learned about the device once */
  device->info.free_bytes = qi_device_free_bytes (device);
  g_info ("device %s, driver %s, %s, %s free", device->name, device->driver,
          qi_bytes (device->info.memory_bytes).text, qi_bytes (device->info.free_bytes).text);
  return g_steal_pointer (&device);
}

void
qi_device_close (QiDevice *device)
{
  if (!device)
    return;
  if (device->device)
    vkDeviceWaitIdle (device->device);
  qi_pipeline_cache_free (device->pipelines);
  if (device->vma)
    vmaDestroyAllocator (device->vma);
  if (device->device)
    vkDestroyDevice (device->device, NULL);
  if (device->messenger)
    vkDestroyDebugUtilsMessengerEXT (device->instance, device->messenger, NULL);
  if (device->instance)
    vkDestroyInstance (device->instance, NULL);
  g_mutex_clear (&device->lock);
  g_free (device->first_message);
  g_free (device->name);
  g_free (device->driver);
  g_free (device);
}

const QiDeviceInfo *
qi_device_info (QiDevice *device)
{
  return &device->info;
}

guint64
qi_device_free_bytes (QiDevice *device)
{
  const VkPhysicalDeviceMemoryProperties *memory;
  VmaBudget budgets[VK_MAX_MEMORY_HEAPS];
  guint64 best = 0;

  vmaGetMemoryProperties (device->vma, &memory);
  vmaGetHeapBudgets (device->vma, budgets);
  for (guint i = 0; i < memory->memoryHeapCount; i++)
    if (memory->memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT && budgets[i].budget > budgets[i].usage)
      best = MAX (best, budgets[i].budget - budgets[i].usage);
  if (device->memory_limit)
    {
      const guint64 used = qi_device_memory (device).blocks;
      best = MIN (best, device->memory_limit > used ? device->memory_limit - used : 0);
    }
  return best;
}

gboolean
qi_device_over_limit (QiDevice *device, guint64 more_bytes)
{
  const guint64 used = qi_device_memory (device).blocks;

  return device->memory_limit && (used > device->memory_limit || more_bytes > device->memory_limit - used);
}

VkResult
qi_device_submit (QiDevice *device, VkQueue queue, const VkSubmitInfo2 *info)
{
  VkResult result;

  if (qi_fault (QI_FAULT_SUBMIT))
    return VK_ERROR_OUT_OF_DEVICE_MEMORY;
  if (qi_fault (QI_FAULT_LOST))
    return VK_ERROR_DEVICE_LOST;
  g_mutex_lock (&device->lock);
  result = vkQueueSubmit2 (queue, 1, info, VK_NULL_HANDLE);
  g_mutex_unlock (&device->lock);
  return result;
}

static void
count (QiDevice *device, guint64 *now, guint64 *peak, gint64 bytes)
{
  g_mutex_lock (&device->lock);
  *now += (guint64) bytes;
  *peak = MAX (*peak, *now);
  g_mutex_unlock (&device->lock);
}

void
qi_device_count_blocks (QiDevice *device, gint64 bytes)
{
  count (device, &device->count.blocks, &device->count.blocks_peak, bytes);
}

void
qi_device_count_tensors (QiDevice *device, gint64 bytes)
{
  count (device, &device->count.tensors, &device->count.tensors_peak, bytes);
}

QiMemoryCount
qi_device_memory (QiDevice *device)
{
  QiMemoryCount c;

  g_mutex_lock (&device->lock);
  c = device->count;
  g_mutex_unlock (&device->lock);
  return c;
}

void
qi_device_reset_memory_peak (QiDevice *device)
{
  g_mutex_lock (&device->lock);
  device->count.tensors_peak = device->count.tensors;
  device->count.blocks_peak = device->count.blocks;
  g_mutex_unlock (&device->lock);
}

void
qi_device_name_object (QiDevice *device, VkObjectType type, guint64 handle, const char *name)
{
  const VkDebugUtilsObjectNameInfoEXT info = { .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
                                               .objectType = type,
                                               .objectHandle = handle,
                                               .pObjectName = name };

  if (device->validate)
    vkSetDebugUtilsObjectNameEXT (device->device, &info);
}

static void
free_listed (gpointer data)
{
  QiDeviceInfo *info = data;

  g_free ((char *) info->name);
  g_free ((char *) info->driver);
  g_free (info);
}

GPtrArray *
qi_device_list (GError **error)
{
  g_autoptr (GPtrArray) result = g_ptr_array_new_with_free_func (free_listed);
  VkPhysicalDevice list[16];
  VkInstance instance = create_instance (NULL, error);
  guint32 n;

  if (!instance)
    return NULL;
  n = list_physical (instance, list, G_N_ELEMENTS (list));
  for (guint i = 0; i < n; i++)
    {
      QiCaps caps;
      const char *why;
      QiDeviceInfo *info;

      qi_caps_read (list[i], &caps, &why);
      info = g_memdup2 (&caps.info, sizeof caps.info);
      info->name = why ? g_strdup_printf ("%s (cannot be used: %s)", caps.name, why) : g_strdup (caps.name);
      info->driver = g_strdup (caps.driver);
      info->free_bytes = info->memory_bytes;
      g_ptr_array_add (result, info);
    }
  vkDestroyInstance (instance, NULL);
  return g_steal_pointer (&result);
}

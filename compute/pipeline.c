/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/pipeline.h"

#include <string.h>

#include "compute/stream.h"
#include "compute/vk-check.h"

typedef struct
{
  guint32 words[2 + QI_MAX_SPEC]; /* shader, n_spec, constants */
} Key;

struct _QiPipelineCache
{
  QiDevice *device;
  GMutex lock;
  GHashTable *pipelines;                   /* Key to VkPipeline */
  VkShaderModule modules[QI_N_SHADERS];
  VkPipelineLayout layouts[QI_N_SHADERS];
  VkDescriptorSetLayout set_layouts[QI_MAX_ARGS + 1]; /* by number of bindings */
  VkPipelineCache vk;
  char *file;
  gboolean dirty;
};

static guint
key_hash (gconstpointer data)
{
  const Key *key = data;
  guint hash = 5381;

  for (guint i = 0; i < G_N_ELEMENTS (key->words); i++)
    hash = hash * 33 + key->words[i];
  return hash;
}

static gboolean
key_equal (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, sizeof (Key)) == 0;
}

/* The driver checks the header of what it is given, and starts empty when it is not its own. */
static void
load (QiPipelineCache *cache)
{
  g_autofree char *data = NULL;
  gsize n = 0;
  VkPipelineCacheCreateInfo info = { .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO };

  if (g_file_get_contents (cache->file, &data, &n, NULL) && n < 256u << 20)
    {
      info.initialDataSize = n;
      info.pInitialData = data;
    }
  if (vkCreatePipelineCache (cache->device->device, &info, NULL, &cache->vk) != VK_SUCCESS)
    cache->vk = VK_NULL_HANDLE;
}

static void
save (QiPipelineCache *cache)
{
  g_autofree char *data = NULL;
  g_autofree char *folder = g_path_get_dirname (cache->file);
  gsize n = 0;

  if (!cache->dirty || !cache->vk || vkGetPipelineCacheData (cache->device->device, cache->vk, &n, NULL) != VK_SUCCESS)
    return;
  data = g_malloc (n);
  if (vkGetPipelineCacheData (cache->device->device, cache->vk, &n, data) == VK_SUCCESS &&
      g_mkdir_with_parents (folder, 0700) == 0)
    g_file_set_contents (cache->file, data, (gssize) n, NULL);
}

char *
qi_pipeline_cache_path (const QiDevice *device, const char *what)
{
  g_autofree char *driver = g_compute_checksum_for_string (G_CHECKSUM_SHA256, device->info.driver, -1);
  g_autofree char *name = g_strdup_printf ("%s-%.16s.%s", device->info.uuid, driver, what);

  return g_build_filename (g_get_user_cache_dir (), "sfumato", name, NULL);
}

QiPipelineCache *
qi_pipeline_cache_new (QiDevice *device)
{
  QiPipelineCache *cache = g_new0 (QiPipelineCache, 1);

  cache->device = device;
  cache->file = qi_pipeline_cache_path (device, "pipelines");
  cache->pipelines = g_hash_table_new_full (key_hash, key_equal, g_free, NULL);
  g_mutex_init (&cache->lock);
  load (cache);
  return cache;
}

void
qi_pipeline_cache_free (QiPipelineCache *cache)
{
  GHashTableIter iter;
  gpointer value;

  if (!cache)
    return;
  save (cache);
  g_hash_table_iter_init (&iter, cache->pipelines);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    vkDestroyPipeline (cache->device->device, (VkPipeline) value, NULL);
  for (guint i = 0; i < QI_N_SHADERS; i++)
    {
      vkDestroyShaderModule (cache->device->device, cache->modules[i], NULL);
      vkDestroyPipelineLayout (cache->device->device, cache->layouts[i], NULL);
    }
  for (guint i = 0; i < G_N_ELEMENTS (cache->set_layouts); i++)
    vkDestroyDescriptorSetLayout (cache->device->device, cache->set_layouts[i], NULL);
  vkDestroyPipelineCache (cache->device->device, cache->vk, NULL);
  g_hash_table_unref (cache->pipelines);
  g_mutex_clear (&cache->lock);
  g_free (cache->file);
  g_free (cache);
}

static gboolean
make_set_layout (QiPipelineCache *cache, guint n, GError **error)
{
  VkDescriptorSetLayoutBinding bindings[QI_MAX_ARGS];
  const VkDescriptorSetLayoutCreateInfo info = { .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                                 .flags = VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR,
                                                 .bindingCount = n,
                                                 .pBindings = bindings };

  if (cache->set_layouts[n])
    return TRUE;
  for (guint i = 0; i < n; i++)
    bindings[i] = (VkDescriptorSetLayoutBinding){ .binding = i,
                                                  .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                                  .descriptorCount = 1,
                                                  .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT };
  return qi_vk_check (vkCreateDescriptorSetLayout (cache->device->device, &info, NULL, &cache->set_layouts[n]),
                      "vkCreateDescriptorSetLayout", error);
}

static gboolean
make_layout (QiPipelineCache *cache, QiShaderId shader, GError **error)
{
  const QiShaderInfo *row = &qi_shader_table[shader];
  const VkPushConstantRange range = { VK_SHADER_STAGE_COMPUTE_BIT, 0, row->push_bytes };
  const VkShaderModuleCreateInfo module = { .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                            .codeSize = row->code_bytes,
                                            .pCode = row->code };
  VkPipelineLayoutCreateInfo info = { .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                      .setLayoutCount = 1,
                                      .pushConstantRangeCount = row->push_bytes ? 1 : 0,
                                      .pPushConstantRanges = &range };

  if (cache->layouts[shader])
    return TRUE;
  if (!make_set_layout (cache, row->n_bindings, error) ||
      (!cache->modules[shader] &&
       !qi_vk_check (vkCreateShaderModule (cache->device->device, &module, NULL, &cache->modules[shader]),
                     "vkCreateShaderModule", error)))
    return FALSE;
  info.pSetLayouts = &cache->set_layouts[row->n_bindings];
  return qi_vk_check (vkCreatePipelineLayout (cache->device->device, &info, NULL, &cache->layouts[shader]),
                      "vkCreatePipelineLayout", error);
}

static VkPipeline
make_pipeline (QiPipelineCache *cache, QiShaderId shader, const guint32 *spec, guint n_spec, GError **error)
{
  VkSpecializationMapEntry entries[QI_MAX_SPEC];
  const VkSpecializationInfo values = { n_spec, entries, n_spec * sizeof *spec, spec };
  /* Matrix units belong to whole subgroups, and workgroups were counted in subgroups of this size. */
  const VkPipelineShaderStageRequiredSubgroupSizeCreateInfo subgroups = {
    .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
    .requiredSubgroupSize = cache->device->info.subgroup_size
  };
  const gboolean matrix = qi_shader_table[shader].matrix;
  const VkComputePipelineCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
    .stage = { .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
               .pNext = matrix ? &subgroups : NULL,
               .flags = matrix ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT : 0,
               .stage = VK_SHADER_STAGE_COMPUTE_BIT,
               .module = cache->modules[shader],
               .pName = "main",
               .pSpecializationInfo = &values },
    .layout = cache->layouts[shader]
  };
  VkPipeline pipeline = VK_NULL_HANDLE;

  for (guint i = 0; i < n_spec; i++)
    entries[i] = (VkSpecializationMapEntry){ i, i * (guint32) sizeof *spec, sizeof *spec };
  if (!qi_vk_check (vkCreateComputePipelines (cache->device->device, cache->vk, 1, &info, NULL, &pipeline),
                    "vkCreateComputePipelines", error))
    {
      g_prefix_error (error, "Shader %s: ", qi_shader_table[shader].name);
      return VK_NULL_HANDLE;
    }
  qi_device_name_object (cache->device, VK_OBJECT_TYPE_PIPELINE, (guint64) pipeline, qi_shader_table[shader].name);
  cache->dirty = TRUE;
  return pipeline;
}

gboolean
qi_pipeline_get (QiPipelineCache *cache, QiShaderId shader, const guint32 *spec, guint n_spec, QiPipeline *pipeline,
                 GError **error)
{
  Key key = { { shader, n_spec } };
  gboolean ok;

  memcpy (key.words + 2, spec, n_spec * sizeof *spec);
  g_mutex_lock (&cache->lock);
  pipeline->pipeline = g_hash_table_lookup (cache->pipelines, &key);
  ok = pipeline->pipeline != VK_NULL_HANDLE;
  if (!ok && make_layout (cache, shader, error) &&
      (pipeline->pipeline = make_pipeline (cache, shader, spec, n_spec, error)))
    {
      g_hash_table_insert (cache->pipelines, g_memdup2 (&key, sizeof key), pipeline->pipeline);
      ok = TRUE;
    }
  pipeline->layout = cache->layouts[shader];
  g_mutex_unlock (&cache->lock);
  return ok;
}

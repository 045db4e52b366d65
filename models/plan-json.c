/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/plan-json.h"

#include <stdlib.h>
#include <yyjson.h>

static const char *
type_name (QiDeviceType type)
{
  switch (type)
    {
    case QI_DEVICE_DISCRETE: return "discrete";
    case QI_DEVICE_INTEGRATED: return "integrated";
    case QI_DEVICE_SOFTWARE: return "software";
    default: return "other";
    }
}

/* A driver's string may hold anything. */
static void
add_text (yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text ? text : "", -1);

  yyjson_mut_obj_add_strcpy (doc, object, key, valid);
}

static yyjson_mut_val *
device_object (yyjson_mut_doc *doc, const QiDeviceInfo *info)
{
  yyjson_mut_val *o = yyjson_mut_obj (doc);
  g_autofree char *version = g_strdup_printf ("%u.%u.%u", info->api_version >> 22 & 127, info->api_version >> 12 & 1023,
                                              info->api_version & 4095);

  add_text (doc, o, "name", info->name);
  add_text (doc, o, "driver", info->driver);
  add_text (doc, o, "uuid", info->uuid);
  yyjson_mut_obj_add_str (doc, o, "type", type_name (info->type));
  yyjson_mut_obj_add_strcpy (doc, o, "vulkan", version);
  yyjson_mut_obj_add_uint (doc, o, "memory_bytes", info->memory_bytes);
  yyjson_mut_obj_add_uint (doc, o, "free_bytes", info->free_bytes);
  yyjson_mut_obj_add_uint (doc, o, "max_binding_bytes", info->max_binding);
  yyjson_mut_obj_add_uint (doc, o, "max_allocation_bytes", info->max_allocation);
  yyjson_mut_obj_add_uint (doc, o, "subgroup_size", info->subgroup_size);
  yyjson_mut_obj_add_uint (doc, o, "shared_bytes", info->shared_bytes);
  yyjson_mut_obj_add_bool (doc, o, "f16_arithmetic", info->f16_arithmetic);
  yyjson_mut_obj_add_bool (doc, o, "int8_dot", info->int8_dot);
  yyjson_mut_obj_add_bool (doc, o, "coopmat", info->coopmat);
  yyjson_mut_obj_add_bool (doc, o, "coopmat2", info->coopmat2);
  return o;
}

static yyjson_mut_val *
request_object (yyjson_mut_doc *doc, const QiPlanRequest *request)
{
  yyjson_mut_val *o = yyjson_mut_obj (doc);

  yyjson_mut_obj_add_str (doc, o, "pipeline", request->pipeline);
  yyjson_mut_obj_add_uint (doc, o, "width", request->width);
  yyjson_mut_obj_add_uint (doc, o, "height", request->height);
  yyjson_mut_obj_add_uint (doc, o, "steps", request->steps);
  yyjson_mut_obj_add_real (doc, o, "guidance", request->guidance);
  yyjson_mut_obj_add_uint (doc, o, "results", request->results);
  return o;
}

static yyjson_mut_val *
stages_array (yyjson_mut_doc *doc, const QiPlan *plan)
{
  yyjson_mut_val *stages = yyjson_mut_arr (doc);

  for (guint i = 0; i < QI_N_PARTS; i++)
    {
      const QiPlanStage stage = qi_plan_stage (plan, i);
      yyjson_mut_val *o;

      if (!stage.used)
        continue;
      o = yyjson_mut_arr_add_obj (doc, stages);
      yyjson_mut_obj_add_str (doc, o, "part", qi_part_name (i));
      yyjson_mut_obj_add_uint (doc, o, "weights_bytes", stage.weights);
      yyjson_mut_obj_add_uint (doc, o, "weights_block_bytes", stage.weights_blocks);
      yyjson_mut_obj_add_uint (doc, o, "scratch_bytes", stage.scratch);
      yyjson_mut_obj_add_uint (doc, o, "scratch_block_bytes", stage.scratch_blocks);
      if (stage.n_blocks)
        {
          yyjson_mut_obj_add_uint (doc, o, "blocks", stage.n_blocks);
          yyjson_mut_obj_add_uint (doc, o, "streamed_blocks", stage.n_streamed);
          yyjson_mut_obj_add_uint (doc, o, "ring_bytes", stage.ring);
        }
      yyjson_mut_obj_add_uint (doc, o, "stage_bytes", qi_plan_stage_bytes (plan, i));
    }
  return stages;
}

/* Frees doc. */
static char *
text_of (yyjson_mut_doc *doc)
{
  char *json = yyjson_mut_write (doc, 0, NULL);
  char *copy = g_strdup (json);

  free (json);
  yyjson_mut_doc_free (doc);
  return copy;
}

char *
qi_plan_json (const QiPlan *plan, const QiPlanRequest *request, const QiDeviceInfo *device, QiCompute compute)
{
  yyjson_mut_doc *doc = yyjson_mut_doc_new (NULL);
  yyjson_mut_val *root = yyjson_mut_obj (doc), *o = yyjson_mut_obj (doc);

  yyjson_mut_doc_set_root (doc, root);
  yyjson_mut_obj_add_val (doc, root, "device", device_object (doc, device));
  yyjson_mut_obj_add_str (doc, root, "compute", compute == QI_COMPUTE_F16 ? "f16" : "f32");
  yyjson_mut_obj_add_val (doc, root, "request", request_object (doc, request));
  yyjson_mut_obj_add_val (doc, root, "plan", o);
  yyjson_mut_obj_add_uint (doc, o, "budget_bytes", request->budget);
  yyjson_mut_obj_add_bool (doc, o, "fits", qi_plan_fits (plan, request->budget, NULL));
  yyjson_mut_obj_add_uint (doc, o, "peak_bytes", qi_plan_peak_bytes (plan, request->budget));
  yyjson_mut_obj_add_uint (doc, o, "resident_bytes", qi_plan_resident_bytes (plan));
  yyjson_mut_obj_add_uint (doc, o, "encode_strips", qi_plan_strips (plan, QI_PART_VAE_ENCODER));
  yyjson_mut_obj_add_uint (doc, o, "decode_strips", qi_plan_strips (plan, QI_PART_VAE_DECODER));
  yyjson_mut_obj_add_val (doc, o, "stages", stages_array (doc, plan));
  return text_of (doc);
}

char *
qi_devices_json (const GPtrArray *devices)
{
  yyjson_mut_doc *doc = yyjson_mut_doc_new (NULL);
  yyjson_mut_val *root = yyjson_mut_arr (doc);

  yyjson_mut_doc_set_root (doc, root);
  for (guint i = 0; i < devices->len; i++)
    yyjson_mut_arr_append (root, device_object (doc, g_ptr_array_index (devices, i)));
  return text_of (doc);
}

/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/env.h"

#include <string.h>

#include "base/bytes.h"

static const char *
text (const char *name)
{
  const char *value = g_getenv (name);

  return value && *value ? value : NULL;
}

static gboolean
flag (const char *name)
{
  const char *value = text (name);

  return value && strcmp (value, "0") != 0;
}

const char *qi_env_device (void) { return text ("QI_DEVICE"); }
gboolean qi_env_validate (void) { return flag ("QI_VALIDATE"); }
gboolean qi_env_profile (void) { return flag ("QI_PROFILE"); }
const char *qi_env_kernels (void) { return text ("QI_KERNELS"); }
const char *qi_env_stub (void) { return text ("QI_STUB"); }
const char *qi_env_fail (void) { return text ("QI_FAIL"); }
gboolean qi_env_fatal (void) { return flag ("QI_FATAL"); }
const char *qi_env_worker (void) { return text ("QI_WORKER"); }
gboolean qi_env_require_vulkan (void) { return flag ("QI_REQUIRE_VULKAN"); }

guint64
qi_env_memory_limit (void)
{
  const char *value = text ("QI_MEMORY_LIMIT");
  guint64 bytes = 0;

  if (value && !qi_parse_bytes (value, &bytes))
    g_warning ("QI_MEMORY_LIMIT=%s is not a number of bytes such as 8G; it is ignored", value);
  return bytes;
}

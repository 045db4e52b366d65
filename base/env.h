/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* base/env.h — the only getenv() of the project. Strings are borrowed and NULL when unset or empty. */
#pragma once
#include <glib.h>

const char *qi_env_device (void);         /* QI_DEVICE: name, UUID prefix or cpu */
gboolean qi_env_validate (void);          /* QI_VALIDATE=1: validation layers, a message is an error */
gboolean qi_env_profile (void);           /* QI_PROFILE=1: GPU time per op at the end of a job */
guint64 qi_env_memory_limit (void);       /* QI_MEMORY_LIMIT: bytes, suffixes K M G; 0: none */
const char *qi_env_kernels (void);        /* QI_KERNELS: scalar, coopmat, dot, coopmat2 or panels: forces one row of the kernel table */
const char *qi_env_stub (void);           /* QI_STUB: stub engines, builds with -Dstubs=true */
const char *qi_env_fail (void);           /* QI_FAIL: what fails in builds with -Dstubs=true: alloc:N, submit:N or lost:N */
gboolean qi_env_fatal (void);             /* QI_FATAL=1: the first critical of the plug-in ends it, for tests */
const char *qi_env_worker (void);         /* QI_WORKER: path of sfumato-worker, where it is not installed */
gboolean qi_env_require_vulkan (void);    /* QI_REQUIRE_VULKAN=1: tests fail, not skip, without a GPU */

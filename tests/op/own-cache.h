/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* A cache of a test's own for what is learnt of the device, but not for the driver: it would compile everything anew each time. */
#pragma once
#include <glib.h>

static inline void
own_cache (void)
{
  g_autofree char *shaders = g_build_filename (g_get_home_dir (), ".cache", "mesa_shader_cache", NULL);
  g_autofree char *cache = g_dir_make_tmp ("sfumato-test-XXXXXX", NULL);

  g_setenv ("MESA_SHADER_CACHE_DIR", shaders, FALSE);
  g_setenv ("XDG_CACHE_HOME", cache, TRUE);
}

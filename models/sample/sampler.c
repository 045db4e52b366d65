/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/sample/sampler.h"

#include <string.h>

#include "base/error.h"

/* x + (sigma_next - sigma) v: the velocity is dx / dsigma. */
static const QiTensor *
euler_step (QiStream *s, const QiTensor *x, const QiTensor *velocity, float sigma, float sigma_next)
{
  return qi_axpby (s, 1.0f, x, sigma_next - sigma, velocity);
}

static const QiSampler samplers[] = {
  { "euler", euler_step },
};

const QiSampler *
qi_sampler_find (const char *name, GError **error)
{
  g_autoptr (GString) names = g_string_new (NULL);

  if (!name || !*name)
    return &samplers[0];
  for (guint i = 0; i < G_N_ELEMENTS (samplers); i++)
    {
      if (strcmp (name, samplers[i].name) == 0)
        return &samplers[i];
      g_string_append_printf (names, "%s“%s”", i ? ", " : "", samplers[i].name);
    }
  g_set_error (error, QI_ERROR, QI_ERROR_BAD_REQUEST, "There is no sampler “%.80s”; there is %s.", name, names->str);
  return NULL;
}

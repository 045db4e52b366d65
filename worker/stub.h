/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* worker/stub.h — what QI_STUB says in place of the model: the same request, the same progress, pictures that tests can
 * foretell. base/stub.h has the words. */
#pragma once
#include <gio/gio.h>

#include "base/job.h"
#include "base/request.h"
#include "base/stub.h"

#define QI_STUB_VARIANT "qwen-image" /* whose sizes, steps and guidance a stub has */

/* loaded: whether an earlier picture has passed the stage of loading; it is set when this one has. As
 * qi_engine_generate(). (transfer full) */
QiResult *qi_stub_generate (const QiStub *stub, gboolean *loaded, const QiRequest *request, const QiInputs *inputs,
                            QiProgressFunc progress, gpointer user_data, GCancellable *cancellable, GError **error);

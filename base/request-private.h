/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* base/request-private.h — between request.c and request-fields.c. */
#pragma once
#include "base/request.h"

/* A number or choice within what its field allows. */
gboolean qi_request_check_range (const QiRequest *request, const QiField *field, GError **error);

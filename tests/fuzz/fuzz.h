/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/fuzz/fuzz.h — the one function of a target, called with each input. libFuzzer brings main; replay.c brings one
 * that runs files through it, for the ordinary build. */
#pragma once
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t n);

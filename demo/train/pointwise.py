# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modulated norms, gates and GELU on a CPU, in bfloat16, by pointwise.c."""
import ctypes

import torch

from compiled import library, pointers

WIDEST = 1024


def alone(x, *others):
    """Whether pointwise.c takes these."""
    return x.device.type == 'cpu' and x.shape[-1] % 16 == 0 and x.shape[-1] <= WIDEST and all(t.dtype == torch.bfloat16 for t in (x, *others))


def each(x):
    return [ctypes.c_int(n) for n in x.shape]


class Modulated(torch.autograd.Function):
    """Layer norm of x [batch n width], without weights, times 1 + scale plus shift [batch 1 width]."""

    @staticmethod
    def forward(context, x, shift, scale):
        x, shift, scale = (t.contiguous() for t in (x, shift, scale))
        context.save_for_backward(x, scale)
        y = torch.empty_like(x)
        library().norm_forward(*each(x), *pointers(x, shift, scale, y))
        return y

    @staticmethod
    def backward(context, dy):
        x, scale = context.saved_tensors
        dy, dx, dshift, dscale = dy.contiguous(), torch.empty_like(x), torch.empty_like(scale), torch.empty_like(scale)
        library().norm_backward(*each(x), *pointers(x, scale, dy, dx, dshift, dscale))
        return dx, dshift, dscale


class Gated(torch.autograd.Function):
    """x [batch n width] plus p times gate [batch 1 width]."""

    @staticmethod
    def forward(context, x, gate, p):
        x, gate, p = (t.contiguous() for t in (x, gate, p))
        context.save_for_backward(gate, p)
        y = torch.empty_like(x)
        library().gate_forward(*each(x), *pointers(x, gate, p, y))
        return y

    @staticmethod
    def backward(context, dy):
        gate, p = context.saved_tensors
        dy, dgate, dp = dy.contiguous(), torch.empty_like(gate), torch.empty_like(p)
        library().gate_backward(*each(p), *pointers(gate, p, dy, dgate, dp))
        return dy, dgate, dp


class Gelu(torch.autograd.Function):
    """Of bfloat16, by tanh."""

    @staticmethod
    def forward(context, x):
        x = x.contiguous()
        context.save_for_backward(x)
        y = torch.empty_like(x)
        library().gelu_forward(ctypes.c_size_t(x.numel()), *pointers(x, y))
        return y

    @staticmethod
    def backward(context, dy):
        x, = context.saved_tensors
        dy, dx = dy.contiguous(), torch.empty_like(x)
        library().gelu_backward(ctypes.c_size_t(x.numel()), *pointers(x, dy, dx))
        return dx

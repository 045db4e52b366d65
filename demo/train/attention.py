# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Joint attention and GELU on a CPU, in bfloat16, by attention.c, which is compiled when it is first wanted.

    check-attention     what comes out, and all gradients, against plain float32
"""
import ctypes
import functools
import os
import subprocess

import torch

from place import PLACE

D = 32  # features of a head
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'attention.c')


class Arguments(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ('batch', 'n', 'heads', 'n_text')] + [
        (name, ctypes.c_void_p) for name in ('q', 'k', 'v', 'weights', 'cosines', 'sines', 'counts')]


@functools.lru_cache
def library():
    path = os.path.join(PLACE, 'attention.so')
    if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(SOURCE):
        part = '%s.%d' % (path, os.getpid())
        subprocess.run(['cc', '-O3', '-march=native', '-ffast-math', '-shared', '-fPIC', '-o', part, SOURCE, '-lm'], check=True)
        os.replace(part, path)
    return ctypes.CDLL(path)


def fused(x, heads=None):
    """Whether x, of so many heads, is what attention.c takes."""
    return x.dtype == torch.bfloat16 and x.device.type == 'cpu' and heads in (None, x.shape[-1] // D)


def pointers(*tensors):
    return [ctypes.c_void_p(t.data_ptr()) for t in tensors]


@functools.lru_cache(64)
def turns(angles):
    """Of angles [n, D / 2] cosines and sines [n, D] as attention.c takes them."""
    sines = angles.sin()
    return (angles.cos().repeat_interleave(2, -1).contiguous(), torch.stack([-sines, sines], -1).flatten(-2).contiguous())


class Joint(torch.autograd.Function):
    """q, k, v [batch n heads*D] bfloat16; weights [4 D] float32; counts [batch n] bytes."""

    @staticmethod
    def forward(context, q, k, v, weights, angles, counts, n_text):
        kept = [t.contiguous() for t in (q, k, v, weights, *turns(angles), counts)]
        context.save_for_backward(*kept)
        context.n_text = n_text
        out = torch.empty_like(kept[0])
        library().attention_forward(ctypes.byref(Joint.arguments(kept, n_text)), *pointers(out))
        return out

    @staticmethod
    def arguments(kept, n_text):
        batch, n, width = kept[0].shape
        return Arguments(batch, n, width // D, n_text, *pointers(*kept))

    @staticmethod
    def backward(context, dout):
        kept = context.saved_tensors
        dq, dk, dv = (torch.empty_like(t) for t in kept[:3])
        dweights = torch.zeros_like(kept[3])
        dout = dout.contiguous()
        library().attention_backward(ctypes.byref(Joint.arguments(kept, context.n_text)), *pointers(dout, dq, dk, dv, dweights))
        return dq, dk, dv, dweights, None, None, None


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


def check():
    from mmdit import JointAttention, angles
    torch.manual_seed(0)
    layer, words, grids = JointAttention(5, D), 37, ((12, 12), (12, 12))
    norms = [layer.norm_q, layer.norm_k, layer.norm_added_q, layer.norm_added_k]
    for norm in norms:
        torch.nn.init.normal_(norm.weight, 1, .2)
    turned = angles(grids, words, (8, 12, 12))
    mask = torch.ones(4, len(turned), dtype=torch.bool)
    mask[1, words - 7:words] = False
    given = [(2 * torch.randn(4, len(turned), 5 * D)).bfloat16() for _ in range(4)]

    def results(attention, kind):
        q, k, v = (t.detach().to(kind).requires_grad_() for t in given[:3])
        layer.zero_grad()
        y = attention(q, k, v, turned, mask, words)
        (y.float() * given[3].float()).sum().backward()
        return [y.detach(), q.grad, k.grad, v.grad, *(norm.weight.grad for norm in norms)]

    def gelu(function, kind):
        x = given[0].detach().to(kind).requires_grad_()
        y = function(x)
        (y.float() * given[3].float()).sum().backward()
        return [y.detach(), x.grad]

    mine = results(layer.fused, torch.bfloat16) + gelu(Gelu.apply, torch.bfloat16)
    plain = results(layer.plain, torch.float32) + gelu(lambda x: torch.nn.functional.gelu(x, approximate='tanh'), torch.float32)
    names = ['attention', 'to q', 'to k', 'to v', *('to norm %d' % i for i in range(4)), 'gelu', 'to x']
    worst = 0.
    for name, a, b in zip(names, mine, plain):
        off = ((a.float() - b).norm() / b.norm()).item()
        worst = max(worst, off)
        print('%-12s %.1e' % (name, off))
    assert worst < 3e-3, 'that is more than bfloat16 rounds'

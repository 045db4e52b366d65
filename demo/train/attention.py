# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Joint attention on a CPU, in bfloat16, by attention.c.

    check-attention     what comes out of it and of pointwise.c, and all gradients, against plain float32
"""
import ctypes
import functools

import torch
import torch.nn.functional as F

from compiled import library, pointers
from pointwise import Gated, Gelu, Modulated

D = 32  # features of a head


class Arguments(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ('batch', 'n', 'heads', 'n_text')] + [
        (name, ctypes.c_void_p) for name in ('q', 'k', 'v', 'weights', 'cosines', 'sines', 'counts')]


def fused(x, heads=None):
    """Whether x, of so many heads, is what attention.c takes."""
    return x.dtype == torch.bfloat16 and x.device.type == 'cpu' and heads in (None, x.shape[-1] // D)


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
        out = torch.empty_like(kept[0])
        logs = torch.empty(*out.shape[:2], out.shape[2] // D)  # of heads one after the other
        library().attention_forward(ctypes.byref(Joint.arguments(kept, n_text)), *pointers(out, logs))
        context.save_for_backward(*kept, logs)
        context.n_text = n_text
        return out

    @staticmethod
    def arguments(kept, n_text):
        batch, n, width = kept[0].shape
        return Arguments(batch, n, width // D, n_text, *pointers(*kept))

    @staticmethod
    def backward(context, dout):
        *kept, logs = context.saved_tensors
        dq, dk, dv = (torch.empty_like(t) for t in kept[:3])
        dweights = torch.zeros_like(kept[3])
        dout = dout.contiguous()
        library().attention_backward(ctypes.byref(Joint.arguments(kept, context.n_text)), *pointers(logs, dout, dq, dk, dv, dweights))
        return dq, dk, dv, dweights, None, None, None


def check():
    from mmdit import JointAttention, angles, gated, modulated
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

    def alone(function, kind, lengths):
        inputs = [t[:, :n].detach().to(kind).requires_grad_() for t, n in zip(given, lengths)]
        y = function(*inputs)
        (y.float() * given[3].float()).sum().backward()
        return [y.detach(), *(t.grad for t in inputs)]

    n = len(turned)
    mine, plain = results(layer.fused, torch.bfloat16), results(layer.plain, torch.float32)
    names = ['attention', 'to q', 'to k', 'to v', *('to norm %d' % i for i in range(4))]
    for more, one, other, lengths in (
            (['gelu', 'to x'], Gelu.apply, lambda x: F.gelu(x, approximate='tanh'), (n,)),
            (['modulated', 'to x', 'to shift', 'to scale'], Modulated.apply, modulated, (n, 1, 1)),
            (['gated', 'to x', 'to gate', 'to what passes'], Gated.apply, gated, (n, 1, n))):
        names += more
        mine += alone(one, torch.bfloat16, lengths)
        plain += alone(other, torch.float32, lengths)
    worst = 0.
    for name, a, b in zip(names, mine, plain):
        off = ((a.float() - b).norm() / b.norm()).item()
        worst = max(worst, off)
        print('%-14s %.1e' % (name, off))
    assert worst < 5e-3, 'that is more than bfloat16 rounds'

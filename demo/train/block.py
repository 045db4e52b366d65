# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole block of the transformer on a CPU, in bfloat16, by block.c and attention.c.

    check-block     what comes out of it, and all gradients, against plain float32
"""
import ctypes
import functools

import torch

from compiled import library

D, WIDE = 32, 160  # features of a head and of a token, as they have them


class Attention(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ('batch', 'n', 'heads', 'n_text')] + [
        (name, ctypes.c_void_p) for name in ('q', 'k', 'v', 'weights', 'cosines', 'sines', 'counts')]


class Stream(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ('n', 'first')] + [
        ('weights', ctypes.c_void_p * 6), ('biases', ctypes.c_void_p * 6)] + [
        (name, ctypes.c_void_p) for name in ('modulation', 'x', 'middle', 'mlp', 'y', 'dy', 'dx')] + [
        ('dweights', ctypes.c_void_p * 6), ('dbiases', ctypes.c_void_p * 6), ('dmodulation', ctypes.c_void_p)]


class Block(ctypes.Structure):
    _fields_ = [('streams', Stream * 2), ('batch', ctypes.c_int), ('n', ctypes.c_int)] + [
        (name, ctypes.c_void_p) for name in ('q', 'k', 'v', 'seen', 'dq', 'dk', 'dv', 'dseen')]


def fused(block, picture, text):
    """Whether block.c takes these."""
    kinds = (picture.dtype, text.dtype, block.attn.to_q.weight.dtype)
    return picture.device.type == 'cpu' and kinds == (torch.bfloat16, torch.bfloat16, torch.float32) and picture.shape[-1] == WIDE == block.attn.heads * D


@functools.lru_cache(64)
def turns(angles):
    """Of angles [n, D / 2] cosines and sines [n, D] as attention.c takes them."""
    sines = angles.sin()
    return (angles.cos().repeat_interleave(2, -1).contiguous(), torch.stack([-sines, sines], -1).flatten(-2).contiguous())


def parameters(block):
    """Of words, then of pictures: six weights, then six biases; then the four norms of attention."""
    a = block.attn
    each = []
    for q, k, v, out, mlp in ((a.add_q_proj, a.add_k_proj, a.add_v_proj, a.to_add_out, block.txt_mlp), (a.to_q, a.to_k, a.to_v, a.to_out[0], block.img_mlp)):
        linear = (q, k, v, out, mlp.net[0].proj, mlp.net[2])
        each += [m.weight for m in linear] + [m.bias for m in linear]
    return each + [n.weight for n in (a.norm_added_q, a.norm_added_k, a.norm_q, a.norm_k)]


def array(tensors):
    return (ctypes.c_void_p * len(tensors))(*(t.data_ptr() for t in tensors))


def setup(structure, tensors):
    for name, tensor in tensors.items():
        setattr(structure, name, tensor.data_ptr())


def call(function, structure, *tensors):
    getattr(library(), function)(ctypes.byref(structure), *(ctypes.c_void_p(t.data_ptr()) for t in tensors))


class Run:
    """The arguments of one block. xs, mods: of words, then of pictures; all is kept alive as long as this is."""

    def __init__(self, xs, mods, weights, norms, angles, counts):
        self.xs, self.mods, self.weights, self.norms, self.counts = xs, mods, weights, norms, counts
        self.cosines, self.sines = turns(angles)
        batch, self.lengths = xs[0].shape[0], [x.shape[1] for x in xs]
        self.n = sum(self.lengths)
        self.block = Block(batch=batch, n=self.n)
        for i, s in enumerate(self.block.streams):
            s.n, s.first = self.lengths[i], self.lengths[0] * i
            s.weights, s.biases = array(weights[12 * i:12 * i + 6]), array(weights[12 * i + 6:12 * i + 12])
            setup(s, {'x': xs[i], 'modulation': mods[i]})

    def attention(self, joint):
        a = Attention(self.block.batch, self.n, WIDE // D, self.lengths[0])
        setup(a, {'q': joint[0], 'k': joint[1], 'v': joint[2], 'weights': self.norms, 'cosines': self.cosines, 'sines': self.sines, 'counts': self.counts})
        return a

    def like(self, name):
        """A new tensor a stream, of the stream's shape, under this name."""
        new = [torch.empty_like(x) for x in self.xs]
        for s, t in zip(self.block.streams, new):
            setup(s, {name: t})
        return new

    def joint(self, *names):
        new = [self.xs[0].new_empty(self.block.batch, self.n, WIDE) for _ in names]
        setup(self.block, dict(zip(names, new)))
        return new


class Fused(torch.autograd.Function):
    """text, picture [batch n WIDE] and their modulation [batch 6 WIDE], bfloat16, to text and picture."""

    @staticmethod
    def forward(context, text, picture, text_mod, picture_mod, angles, counts, *weights):
        xs, mods = [text.contiguous(), picture.contiguous()], [text_mod.contiguous(), picture_mod.contiguous()]
        norms = torch.cat(weights[24:])
        run = Run(xs, mods, weights[:24], norms, angles, counts)
        q, k, v, seen = run.joint('q', 'k', 'v', 'seen')
        logs = torch.empty(run.block.batch, WIDE // D, run.n)
        middle, mlp, y = (run.like(name) for name in ('middle', 'mlp', 'y'))
        call('block_enter', run.block)
        call('attention_forward', run.attention((q, k, v)), seen, logs)
        call('block_leave', run.block)
        context.save_for_backward(*xs, *mods, *middle, *mlp, q, k, v, seen, logs, counts, norms, *weights)
        context.angles = angles
        return tuple(y)

    @staticmethod
    def backward(context, dtext, dpicture):
        saved = context.saved_tensors
        xs, mods, middle, mlp = ([saved[i], saved[i + 1]] for i in (0, 2, 4, 6))
        q, k, v, seen, logs, counts, norms, *weights = saved[8:]
        run = Run(xs, mods, weights[:24], norms, context.angles, counts)
        dys = [dtext.contiguous(), dpicture.contiguous()]
        dweights = [torch.zeros_like(w) for w in weights[:24]]
        dmods = [torch.zeros_like(m, dtype=torch.float32) for m in mods]
        dxs, (dq, dk, dv, dseen) = run.like('dx'), run.joint('dq', 'dk', 'dv', 'dseen')
        setup(run.block, {'q': q, 'k': k, 'v': v, 'seen': seen})
        for i, s in enumerate(run.block.streams):
            setup(s, {'middle': middle[i], 'mlp': mlp[i], 'dy': dys[i], 'dmodulation': dmods[i]})
            s.dweights, s.dbiases = array(dweights[12 * i:12 * i + 6]), array(dweights[12 * i + 6:12 * i + 12])
        call('block_leave_back', run.block)
        dnorms = torch.zeros_like(norms)
        call('attention_backward', run.attention((q, k, v)), logs, dseen, dq, dk, dv, dnorms)
        call('block_enter_back', run.block)
        return (*dxs, *(m.to(torch.bfloat16) for m in dmods), None, None, *dweights, *dnorms.split(D))


def step(make, given, wanted, kind, whole):
    """What a block makes of these, and all gradients. whole: by Fused, which bfloat16 is for."""
    block, inputs = make(), [t.detach().to(kind).requires_grad_() for t in given[:3]]
    with torch.autocast('cpu', torch.bfloat16, enabled=kind != torch.float32):
        y = (block if whole else block.plain)(*inputs, *given[3:])
    sum((a.float() * b.float()).sum() for a, b in zip(y, wanted)).backward()
    named = dict(zip(('picture', 'text', 'to picture', 'to text', 'to time'), (*y, *(t.grad for t in inputs))))
    named.update(('to ' + name, p.grad) for name, p in block.named_parameters())
    return {name: t.detach().float() for name, t in named.items()}


def check():
    import mmdit
    words, grids, batch = 37, ((12, 12), (12, 12)), 5
    turned = mmdit.angles(grids, words, (8, 12, 12))
    mask = torch.ones(batch, len(turned), dtype=torch.bool)
    mask[1, words - 7:words] = False

    def make():
        torch.manual_seed(1)
        block = mmdit.Block(WIDE // D, D)
        for name, p in block.named_parameters():
            if 'norm' in name:
                torch.nn.init.normal_(p, 1, .2)
            elif not p.any():
                torch.nn.init.normal_(p, 0, .05)
        return block

    torch.manual_seed(0)
    some = lambda n: (1.5 * torch.randn(batch, n, WIDE)).bfloat16()
    pictures, wanted = len(turned) - words, (some(len(turned) - words), some(words))
    given = (some(pictures), some(words), torch.randn(batch, WIDE).bfloat16(), turned, mask)
    plain, theirs, mine = (step(make, given, wanted, kind, whole) for kind, whole in (
        (torch.float32, False), (torch.bfloat16, False), (torch.bfloat16, True)))
    off = lambda a, b: ((a - b).norm() / b.norm()).item()
    for name in plain:
        here, there = off(mine[name], plain[name]), off(theirs[name], plain[name])
        print('%-34s %.1e, PyTorch in bfloat16 %.1e' % (name, here, there))
        assert 0 < here < max(3e-3, 1.25 * there), 'that is more than bfloat16 rounds'

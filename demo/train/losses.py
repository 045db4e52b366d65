# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tells a picture that comes back from the VAE from its original: a table of losses, and weighted sums of them.

Pictures are [batch 4 height width], -1 … 1. Colours count where they can be seen.
"""
from dataclasses import dataclass
from typing import Callable

import torch
import torch.nn.functional as F

WHOLE = dict(pixels=1., edges=.5, halved=.5, mse=.5)  # of the VAE as a whole
TUNING = dict(mse=1., perceptual=.02)  # of its decoder alone; `adversarial` may stand beside them


@dataclass
class Pair:
    """A picture and its original; the networks are wanted only by the losses that are named after them."""
    y: torch.Tensor
    x: torch.Tensor
    features: Callable = None  # (y, x) → how far what a classifier sees in them is apart
    critic: Callable = None  # y → larger where it takes y for an original

    @property
    def error(self):
        seen = torch.cat([(self.x[:, 3:] + 1).mul(.5).clamp_min(.02).expand(-1, 3, -1, -1), torch.ones_like(self.x[:, 3:])], 1)
        return (self.y - self.x) * seen


def on_black(p):
    """Colours as they are seen without anything behind, -1 … 1."""
    return (p[:, :3] + 1) * (p[:, 3:] + 1) / 2 - 1


def nearly_l1(d):
    """Near zero it is round: what bfloat16 makes of the sign of a small difference would be two thirds of the gradient."""
    return F.smooth_l1_loss(d, torch.zeros_like(d), beta=.03)


LOSSES = {
    'pixels': lambda p: nearly_l1(p.error),
    'edges': lambda p: nearly_l1(p.error[..., 1:] - p.error[..., :-1]) + nearly_l1(p.error[..., 1:, :] - p.error[..., :-1, :]),
    'halved': lambda p: nearly_l1(F.avg_pool2d(p.error, 2)),
    'mse': lambda p: p.error.square().mean(),
    'perceptual': lambda p: p.features(on_black(p.y), on_black(p.x)),
    'adversarial': lambda p: -p.critic(on_black(p.y)).mean(),
}


def weighted(pair, weights):
    """The sum, and its parts without their weights."""
    parts = {name: LOSSES[name](pair) for name in weights}
    return sum(weights[name] * part for name, part in parts.items()), {name: part.item() for name, part in parts.items()}


def psnr(y, x, boxes=None):
    """Of colours on black, 8 bits, a number for each picture; boxes: of which part, (left, top, right, bottom) in pixels."""
    e = (on_black(y.clamp(-1, 1)) - on_black(x)).square() / 4
    parts = [d if box is None else d[:, box[1]:box[3], box[0]:box[2]] for d, box in zip(e, boxes or [None] * len(e))]
    return -10 * torch.log10(torch.stack([p.mean() for p in parts]).clamp_min(1e-9))

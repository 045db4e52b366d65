# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sampler whose steps have a density, which reinforcement learning needs (Flow-GRPO): a step from sigma to the next is Gaussian
around a mean, with the marginals of the plain sampler. a = 0 is the plain sampler.

Densities and divergences are means over the elements of a picture, as in Flow-GRPO: a step has 9216 of them at 192 px, and the
ratio of whole densities would leave every clip at once.
"""
import math

import torch

from train_mmdit import guided


def deviations(sigmas, a):
    """s of each step: a sqrt(sigma / (1 - sigma)); where sigma is 1, what it is at the next one."""
    s = [a * math.sqrt(sigma / (1 - sigma)) if sigma < 1 else None for sigma in sigmas[:-1].tolist()]
    return [s[1] if one is None else one for one in s]


def mean_of(x, v, sigma, to, s):
    """Where a step goes on average; the plain sampler's step and no more where s is 0."""
    if s:
        v = v + s * s / (2 * sigma) * (x + (1 - sigma) * v)
    return x + (to - sigma) * v


def log_density(x, mean, deviation):
    """Of x [batch tokens channels] around the mean: [batch]."""
    return (-((x - mean) / deviation).square() / 2 - math.log(deviation) - math.log(2 * math.pi) / 2).mean((1, 2))


def divergence(mean, other, deviation):
    """Kullback and Leibler's, of two Gaussians of one deviation, in closed form: [batch]."""
    return ((mean - other) / deviation).square().mean((1, 2)) / 2


class Prompted:
    """What a network wants of x at sigma for a batch of prompts, with guidance. exact: in float32. In bfloat16 the smallest change of the
    weights rounds all else anew, which guidance makes three times as large: ratios of densities would be those of rounding."""

    def __init__(self, net, side, words, mask, empty, guidance, exact=False):
        self.net, self.side, self.words, self.mask, self.guidance, self.exact = net, side, words, mask, guidance, exact
        self.empty = empty[None].expand(len(words), -1, -1)

    def run(self, x, sigma, words, mask):
        with torch.autocast(x.device.type, torch.bfloat16, enabled=not self.exact):
            return self.net(x, self.side, self.side, words, torch.full((len(x),), sigma, device=x.device), mask).float()

    def unprompted(self, x, sigma):
        return self.run(x, sigma, self.empty, None) if self.guidance > 1 else None

    def velocity(self, x, sigma, unprompted):
        v = self.run(x, sigma, self.words, self.mask)
        return v if unprompted is None else guided(v, unprompted, self.guidance)


def walk(prompted, x, sigmas, a=0., stochastic=None, generator=None):
    """From noise to a picture: x, and of each stochastic step (the first so many; all without a number) what it was made of."""
    path, s = [], deviations(sigmas, a) if a else [0.] * (len(sigmas) - 1)
    for i, (sigma, to) in enumerate(zip(sigmas.tolist(), sigmas[1:].tolist())):
        unprompted = prompted.unprompted(x, sigma)
        v = prompted.velocity(x, sigma, unprompted)
        if not a or stochastic is not None and i >= stochastic:
            x = mean_of(x, v, sigma, to, 0.)
            continue
        mean, deviation = mean_of(x, v, sigma, to, s[i]), s[i] * math.sqrt(sigma - to)
        after = mean + deviation * torch.randn(x.shape, generator=generator).to(x.device)
        path.append(dict(x=x, after=after, unprompted=unprompted, sigma=sigma, to=to, s=s[i], deviation=deviation,
                         log_density=log_density(after, mean, deviation)))
        x = after
    return x, path

# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage grpo: group-relative policy optimisation of the transformer (Flow-GRPO), the judge being the reward.

    grpo [--from NAME] [--to NAME] [--steps N] [--rate R] [--groups N] [--pictures N] [--size S] [--draws N] [--stochastic N]

A step draws groups of pictures of one prompt with the stochastic sampler (stochastic.py). A picture's advantage is its reward less
the group's mean, by the group's deviation. What each stochastic step did becomes likelier or less so by it: the clipped ratio of
densities, new to old, times the advantage; and the divergence from the frozen reference, in closed form, is held against it.
Steps near the picture are plain ones: noise that is added there stays in it. What the empty prompt gives is taken as it was.
"""
import argparse
import itertools
import os

import numpy as np
import torch

from place import device
from rewards import PREFERRED, Painter, prompts_of, scores
from stochastic import divergence, log_density, mean_of, walk
from train_mmdit import schedule
from tuning import Tuning, options_of


def advantages(rewards):
    """rewards [groups pictures]: zero where all of a group are alike."""
    off = rewards - rewards.mean(1, keepdims=True)
    return off / np.maximum(rewards.std(1, keepdims=True), 1e-6)


def clipped(log_ratio, advantage, clip):
    """The loss of each picture at a step."""
    ratio = log_ratio.exp()
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)


def told_again(prompted, one, which):
    """Where the network now takes the pictures `which` at a step that was made before."""
    unprompted = None if one['unprompted'] is None else one['unprompted'][which]
    v = prompted.velocity(one['x'][which], one['sigma'], unprompted)
    return mean_of(one['x'][which], v, one['sigma'], one['to'], one['s'])


def learn(tuning, painter, path, words, mask, advantage, o):
    """The updates of one step: the sampler's steps are dealt to them. The mean divergence and the share of clipped ratios."""
    which = (advantage.abs() > 0).nonzero()[:, 0]
    ours, theirs = (painter.prompted(net, words[which], mask[which], True) for net in (tuning.net, tuning.reference))
    kl, outside = [], []
    for update in range(o.updates if len(which) else 0):
        part = path[update::o.updates]
        for one in part:
            with torch.no_grad():
                reference = told_again(theirs, one, which)
            mean = told_again(ours, one, which)
            log_ratio = log_density(one['after'][which], mean, one['deviation']) - one['log_density'][which]
            away = divergence(mean, reference, one['deviation'])
            tuning.learn((clipped(log_ratio, advantage[which], o.clip) + o.hold * away).mean() / len(part))
            kl.append(away.mean().item())
            outside.append(((log_ratio.exp() - 1).abs() > o.clip).float().mean().item())
        tuning.update()
    return np.mean(kl or [0]), np.mean(outside or [0])


def main():
    options = argparse.ArgumentParser()
    options_of(options, 'mmdit-grpo', 25, 5e-5)
    options.add_argument('--groups', type=int, default=6, help='prompts of a step')
    options.add_argument('--pictures', type=int, default=4, help='of a prompt; four at least')
    options.add_argument('--size', type=int, default=192)
    options.add_argument('--draws', type=int, default=8, help='steps of the sampler')
    options.add_argument('--stochastic', type=int, default=4, help='the first so many of them are')
    options.add_argument('--updates', type=int, default=2, help='of the network in a step')
    options.add_argument('--guidance', type=float, default=3.)
    options.add_argument('--a', type=float, default=.7)
    options.add_argument('--clip', type=float, default=5e-3)
    options.add_argument('--hold', type=float, default=.04, help='the weight of the divergence')
    options.add_argument('--seen', help='captions that were trained on, as the stage seen writes them; left out')
    o = options.parse_args()
    assert o.pictures >= 4, 'of three pictures there is no deviation to speak of'
    where = device()
    painter, tuning = Painter(o.size, o.guidance, where), Tuning(o, where)
    told = itertools.islice(prompts_of(PREFERRED, o.seen), o.groups * tuning.step, None)
    while tuning:
        facts = [f for f in itertools.islice(told, o.groups) for _ in range(o.pictures)]
        words, mask = painter.words(facts)
        generator = torch.Generator().manual_seed(tuning.step)
        with torch.no_grad():
            noise = torch.randn(len(facts), painter.side ** 2, 64, generator=generator).to(where)
            x, path = walk(painter.prompted(tuning.net, words, mask, True), noise, schedule(o.draws, painter.side ** 2), o.a, o.stochastic, generator)
        rewards = np.array(scores(painter.pictures(x), facts, o.size), np.float32)
        advantage = torch.from_numpy(advantages(rewards.reshape(-1, o.pictures)).flatten()).to(where)
        kl, outside = learn(tuning, painter, path, words, mask, advantage, o)
        tuning.advance('reward %.3f  %d groups told apart  divergence %.2e  %.2f outside the clip' % (
            rewards.mean(), (advantage.reshape(-1, o.pictures) != 0).any(1).sum(), kl, outside))

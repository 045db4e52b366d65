# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage dpo: direct preference optimisation of the transformer on the pairs of `prefer`, for flow matching.

    dpo [--from NAME] [--to NAME] [--pairs FOLDER] [--steps N] [--rate R] [--beta B] [--batch N]

Winner and loser are noised by the same noise at the same sigma. The network is to be better than the frozen reference at the winner's
velocity by more than at the loser's: -log sigmoid(-beta ((e(winner) - e_ref(winner)) - (e(loser) - e_ref(loser)))), e the mean of the
squared velocity error. Equal networks give ln 2.
"""
import argparse
import collections
import math
import os

import numpy as np
import torch
import torch.nn.functional as F

import prefer
from place import PLACE, device
from rewards import Painter
from tuning import Tuning, options_of


def preference_loss(ours, reference, beta):
    """ours, reference [2 pairs]: velocity errors of winners and of losers. The loss, and how many pairs are on the right side."""
    ahead = beta * ((ours[1] - reference[1]) - (ours[0] - reference[0]))
    return -F.logsigmoid(ahead).mean(), (ahead > 0).float().mean()


def noised(latents):
    """latents [2 pairs tokens channels]: x, sigma [pairs] and velocity, noise and sigma being the same for both of a pair."""
    u = torch.sigmoid(torch.randn(latents.shape[1], device=latents.device))
    sigma = math.exp(.5) / (math.exp(.5) + 1 / u - 1)
    velocity = torch.randn_like(latents[0]) - latents
    return latents + sigma[:, None, None] * velocity, sigma, velocity


def errors(net, side, x, words, sigma, mask, velocity):
    """[2 pairs]; in float32, since differences of a few thousandths are what is learned from, and bfloat16 rounds by as much."""
    twice = lambda t: torch.cat([t, t])
    v = net(x.flatten(0, 1), side, side, twice(words), twice(sigma), twice(mask))
    return (v.unflatten(0, (2, -1)) - velocity).square().mean((2, 3))


def batch_of(rows, folder, where):
    """[2 rows tokens channels]"""
    load = lambda key: np.stack([np.load(os.path.join(folder, row[key] + '.npy')) for row in rows])
    return torch.from_numpy(np.stack([load('winner'), load('loser')]).astype(np.float32)).to(where)


def main():
    options = argparse.ArgumentParser()
    options_of(options, 'mmdit-dpo', 60, 2e-5)
    options.add_argument('--pairs', default='preferences', metavar='FOLDER')
    options.add_argument('--beta', type=float, default=500.)
    options.add_argument('--batch', type=int, default=16)
    o = options.parse_args()
    where, folder = device(), os.path.join(PLACE, o.pairs)
    rows = [row for row in prefer.read(os.path.join(folder, 'pairs.jsonl')) if row['judged by'] != 'nobody']
    by = dict(collections.Counter(row['judged by'] for row in rows))
    print('pairs judged by: %s' % by)
    side = math.isqrt(len(np.load(os.path.join(folder, rows[0]['winner'] + '.npy'))))
    painter, tuning = Painter(16 * side, 1., where), Tuning(o, where)
    while tuning:
        rng = np.random.default_rng([1, tuning.step])
        torch.manual_seed(tuning.step)
        some = [rows[i] for i in rng.choice(len(rows), o.batch, replace=len(rows) < o.batch)]
        x, sigma, velocity = noised(batch_of(some, folder, where))
        told = (side, x, *(lambda words, mask: (words, sigma, mask))(*painter.words(some)), velocity)
        with torch.no_grad():
            reference = errors(tuning.reference, *told)
        loss, right = preference_loss(errors(tuning.net, *told), reference, o.beta)
        tuning.learn(loss)
        tuning.update()
        tuning.advance('loss %.4f  %.2f on the right side' % (loss.item(), right.item()), pairs=by)

# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage settled: how much noise it takes before a checkpoint gets unseen pictures wrong: NAME [--each N] [--sigmas S…].

What is wanted gets noise up to sigma, the sampler goes on from there, and the judge reads what comes of it (the facts alone; how
a picture differs from what was there is not asked). Where the share that is right falls, there things are settled that the checkpoint does
not know yet, and noise of that kind is what it should learn from. The row of sigma 0 is what the VAE leaves.
"""
import argparse
import collections
import os

import numpy as np
import torch

import captions
import edits
import filters
import scenes
import vocabulary
from measure import load, together
from place import PLACE, device
from prompts import LETTERED, scene_of
from train_mmdit import decoded, embed, empty_prompt, figures_of, load_frozen, sample
from try_edits import drawn, latents_of

SEED = 20261130  # training takes others
BATCH = 40


def lettering(each):
    """Requests of text to image: pictures of words with their captions."""
    made = []
    for i in range(each * len(LETTERED)):
        rng = np.random.default_rng([SEED, 0, i])
        scene = scene_of(rng, LETTERED[i % len(LETTERED)])
        prompt = captions.make(rng, scene)
        made.append(dict(kind='text to image: words', prompt=prompt, target=scenes.paint(scene, edits.SIZE, i), facts=captions.said(scene, prompt)))
    return made


def edited(each):
    return [edits.edit(np.random.default_rng([SEED, 1, i]), kind) for i, kind in enumerate(k for k in edits.EDITS for _ in range(each))]


class Painter:
    def __init__(self, name, where):
        self.where, self.net = where, load(name, where)
        self.vae, self.encoder = load_frozen(where)
        self.figures, self.empty = figures_of(self.vae), empty_prompt(self.encoder, where)
        self.tokenizer = vocabulary.Tokenizer(os.path.join(PLACE, 'model', 'tokenizer'))

    def alone(self, some, sigma):
        """From words alone."""
        words = together([torch.from_numpy(r.astype(np.float32)).to(self.where) for r in embed(self.encoder, self.tokenizer, [e['prompt'] for e in some], self.where)])
        z = sample(self.net, *words, *together([self.empty] * len(some)), edits.SIZE, self.figures,
                   begin=(latents_of(self.vae, [e['target'] for e in some], self.figures, self.where)[0], sigma))
        return decoded(self.vae, z)

    def pictures(self, requests, sigma):
        """Of requests that all have pictures or all have none."""
        draw = (lambda some: drawn(self.net, self.vae, self.encoder, self.tokenizer, some, False, self.where, sigma)) if 'pictures' in requests[0] \
            else lambda some: self.alone(some, sigma)
        with torch.no_grad(), torch.autocast(self.where.type, torch.bfloat16):
            return [p for at in range(0, len(requests), BATCH) for p in draw(requests[at:at + BATCH])]


def main():
    options = argparse.ArgumentParser()
    options.add_argument('name')
    options.add_argument('--each', type=int, default=20, help='requests of a kind')
    options.add_argument('--sigmas', type=float, nargs='*', default=[0, .3, .5, .7, .8, .9, .95, 1])
    o = options.parse_args()
    painter = Painter(o.name, device())
    for requests in lettering(o.each), edited(o.each):
        kinds = collections.Counter(e['kind'] for e in requests)
        print('\n| sigma | %s | all |\n| ---: |%s' % (' | '.join(kinds), ' ---: |' * (len(kinds) + 1)))
        for sigma in o.sigmas:
            wrong = filters.judge([{'picture': p, 'facts': e['facts']} for p, e in zip(painter.pictures(requests, sigma), requests)], edits.SIZE)
            right = collections.Counter(e['kind'] for i, e in enumerate(requests) if i not in wrong)
            cells = ['%d of %d' % (right[k], n) for k, n in kinds.items()] + ['%d of %d' % (len(requests) - len(wrong), len(requests))]
            print('| %g | %s |' % (sigma, ' | '.join(cells)), flush=True)


if __name__ == '__main__':
    main()

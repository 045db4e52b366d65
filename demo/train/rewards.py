# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage rewards: what the judge gives to pictures by the plain sampler, on prompts of their own, and how far the other checkpoints
are from the first, with the 95 % confidence interval of the difference (paired: the same prompts and noise for all).

    rewards NAME… [--prompts N] [--size S] [--steps N] [--seen FILE.txt]

The reward is the share of what a prompt asks (colour, shape, size, place, count, relation, words, background) that is right; beside it
the share of pictures in which all of it is. What is judged is kept beside the checkpoints, and a stage that was interrupted goes on there.
"""
import argparse
import hashlib
import itertools
import json
import math
import os
import zlib

import numpy as np
import torch

import filters
import measure
import prompts
import vocabulary
from mmdit import unpack
from place import PLACE, device
from stochastic import Prompted, walk
from train_mmdit import decoded, embed, empty_prompt, figures_of, load_frozen, prompts_kept_back, schedule

MEASURED, PREFERRED = 20261202, 20261201  # seeds of the prompts that are measured and of those that are learned from, even and odd
BATCH = 32


def prompts_of(seed, seen=None):
    """Endless facts with their prompts: none of the test, none twice, none of the file SEEN. Each wording belongs to odd seeds or
    to even ones, so that what is measured and what is learned from have none in common."""
    taken = prompts_kept_back() | (set(open(seen, encoding='utf-8').read().splitlines()) if seen else set())
    for i in itertools.count():
        rng, prompt = np.random.default_rng([seed, i]), None
        while prompt is None or prompt in taken or zlib.crc32(prompt.encode()) % 2 != seed % 2:
            facts = prompts.make(rng, prompts.KINDS[i % len(prompts.KINDS)])
            prompt = facts['prompt']
        taken.add(prompt)
        yield facts


def asked(facts):
    """The categories in which the judge has something to say of a picture."""
    kinds = {key for it in facts['items'] for key in it} | ({'background'} if facts['background'] else set())
    for word in facts['words']:
        kinds |= {'words', 'colour'} | ({'place'} if 'place' in word else set())
    return kinds | ({'count'} if facts['count'] else set()) | ({'relation'} if facts['relation'] else set())


def scores(pictures, facts, size):
    """Of each picture the share of what is asked that is right."""
    wrong = filters.judge([{'picture': p, 'facts': f} for p, f in zip(pictures, facts)], size)
    return [1 - len(wrong.get(i, [])) / len(asked(f)) for i, f in enumerate(facts)]


def noise_of(seeds, size):
    """A picture's own, whatever batch it is drawn in."""
    tokens = (size // 16) ** 2
    return torch.stack([torch.randn(tokens, 64, generator=torch.Generator().manual_seed(seed)) for seed in seeds])


class Painter:
    """The frozen networks, and what is made of a transformer with them."""

    def __init__(self, size, guidance, where):
        self.size, self.side, self.guidance, self.where = size, size // 16, guidance, where
        self.vae, self.encoder = load_frozen(where)
        self.mean, self.std = (torch.from_numpy(f).to(where)[None, :, None, None] for f in figures_of(self.vae))
        self.empty = empty_prompt(self.encoder, where)
        self.tokenizer = vocabulary.Tokenizer(os.path.join(PLACE, 'model', 'tokenizer'))

    def words(self, facts):
        """Embeddings of their prompts, and the mask of what counts."""
        with torch.no_grad(), torch.autocast(self.where.type, torch.bfloat16):
            rows = embed(self.encoder, self.tokenizer, [f['prompt'] for f in facts], self.where)
        return measure.together([torch.from_numpy(r.astype(np.float32)).to(self.where) for r in rows])

    def prompted(self, net, words, mask, exact=False):
        return Prompted(net, self.side, words, mask, self.empty, self.guidance, exact)

    def pictures(self, x):
        """Of packed normalised latents: [size size 3] bytes each."""
        with torch.no_grad():  # in float32, which of few channels is twice as fast as bfloat16
            return decoded(self.vae, unpack(x, self.side, self.side) * self.std + self.mean)

    def draw(self, net, facts, seeds, steps):
        """By the plain sampler: packed latents and pictures."""
        with torch.no_grad():
            x, _ = walk(self.prompted(net, *self.words(facts)), noise_of(seeds, self.size).to(self.where), schedule(steps, self.side ** 2))
        return x, self.pictures(x)


def judged(name, painter, facts, o):
    """Scores of a checkpoint's pictures, of which those that are already on file are not drawn again."""
    with open(os.path.join(PLACE, name + '.pt'), 'rb') as file:
        digest = hashlib.file_digest(file, 'sha256').hexdigest()[:12]
    path = os.path.join(PLACE, 'rewards', '%s-%d-%d-%g.jsonl' % (digest, o.size, o.steps, o.guidance))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    known = {row['prompt']: row['score'] for row in map(json.loads, open(path, encoding='utf-8'))} if os.path.exists(path) else {}
    left, net = [(i, f) for i, f in enumerate(facts) if f['prompt'] not in known], None
    for at in range(0, len(left), BATCH):
        net = net or measure.load(name, painter.where)
        numbers, some = zip(*left[at:at + BATCH])
        found = scores(painter.draw(net, some, [MEASURED + i for i in numbers], o.steps)[1], some, o.size)
        known.update((f['prompt'], score) for f, score in zip(some, found))
        with open(path, 'a', encoding='utf-8') as file:
            file.write(''.join(json.dumps({'prompt': f['prompt'], 'score': s}, ensure_ascii=False) + '\n' for f, s in zip(some, found)))
    return np.array([known[f['prompt']] for f in facts])


def interval(values):
    """Their mean and half the width of its 95 % confidence interval."""
    return values.mean(), 1.96 * values.std(ddof=1) / math.sqrt(len(values))


def line(name, found, first):
    """A row of the table: the share that is right, and the share of pictures in which all of it is."""
    cells = []
    for ours, theirs in (found, first), (found == 1, first == 1):
        cells.append('%.3f ± %.3f' % interval(ours.astype(float)))
        cells.append('' if found is first else '%+.3f ± %.3f' % interval(ours.astype(float) - theirs))
    print('| %s | %s |' % (name, ' | '.join(cells)), flush=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument('names', nargs='+', metavar='NAME', help='checkpoints in _build/train, without .pt; the first is before')
    options.add_argument('--prompts', type=int, default=200)
    options.add_argument('--size', type=int, default=192)
    options.add_argument('--steps', type=int, default=10)
    options.add_argument('--guidance', type=float, default=3.)
    options.add_argument('--seen', help='captions that were trained on, as the stage seen writes them; left out')
    o = options.parse_args()
    painter = Painter(o.size, o.guidance, device())
    facts = list(itertools.islice(prompts_of(MEASURED, o.seen), o.prompts))
    print('%d prompts, %d px, %d steps, guidance %g' % (o.prompts, o.size, o.steps, o.guidance))
    print('| checkpoint | share right | against the first | all right | against the first |\n| --- | ---: | ---: | ---: | ---: |', flush=True)
    first = None
    for name in o.names:
        found = judged(name, painter, facts, o)
        first = found if first is None else first
        line(name, found, first)

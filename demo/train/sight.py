# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage see: the vision tower alone learns what is where: sight.py [--minutes M]. Captions teach a tower little a minute, since most of
their words follow from other words; what covers each cell of the picture is told here directly, by heads that are thrown away.

A cell is what one token of the language model stands for: 28 px of SIDE. Its labels: the shape or word on it, the colour of that, and the
letters in its left and right half; of the whole picture the background's kind and two colours.
"""
import argparse
import math
import multiprocessing
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import scenes
from place import PLACE, device, falling, save
from qwen import QwenVl
from train_encoder import to_patches
from words import COLOURS, SHAPES

SIDE = 196  # what the pipelines show of pictures of 192 px
GRID = SIDE // 28
THINGS = ['', *SHAPES, 'plate', 'word']
LETTERS = '\0' + ''.join(map(chr, [*range(48, 58), *range(65, 91), *range(97, 123)])) + '中'  # none; one for all ideographs
KINDS = list(scenes.BACKGROUNDS)
BATCH, FRESH, KEPT, RATE = 48, 16, 4096, 1.5e-3


def cells(low, high, n):
    """Of n, those with their middle between two shares of the side; at least the one in the middle."""
    first, last = math.ceil(low * n - .5), math.floor(high * n - .5)
    middle = min(n - 1, int((low + high) / 2 * n))
    return range(max(0, min(first, middle)), min(n - 1, max(last, middle)) + 1)


def labels(scene):
    """Of a scene: things [GRID GRID], colours [GRID GRID], letters [GRID 2 GRID], background (kind, first and second colour)."""
    things, colours, letters = (np.zeros(s, np.int64) for s in ((GRID, GRID), (GRID, GRID), (GRID, 2 * GRID)))

    def put(thing, colour, x, y, wide, high):
        for r in cells(y - high / 2, y + high / 2, GRID):
            for c in cells(x - wide / 2, x + wide / 2, GRID):
                things[r, c], colours[r, c] = THINGS.index(thing), 1 + list(COLOURS).index(colour)
    for it in scene['items']:
        put(it['shape'], it['colour'], it['x'], it['y'], it['d'], it.get('h', it['d']))
    for w in scene['words']:
        put('word', w['colour'], w['x'], w['y'], w['width'], w['height'])
        for i, letter in enumerate(w['text']):
            x = w['x'] + w['width'] * ((i + .5) / len(w['text']) - .5)
            at = min(2 * GRID - 1, max(0, int(x * 2 * GRID)))
            letters[min(GRID - 1, int(w['y'] * GRID)), at] = LETTERS.index(letter if letter in LETTERS else '中')
    first, second = (list(COLOURS).index(c) for c in scene['background']['colours'])
    return things, colours, letters, np.array([KINDS.index(scene['background']['kind']), first, second])


class Heads(nn.Module):
    """What is thrown away: from the tower's tokens [batch GRID² width] to labels."""

    def __init__(self, width=256):
        super().__init__()
        self.thing, self.colour = nn.Linear(width, len(THINGS)), nn.Linear(width, 1 + len(COLOURS))
        self.letters, self.ground = nn.Linear(width, 2 * len(LETTERS)), nn.Linear(width, len(KINDS) + 2 * len(COLOURS))

    def forward(self, x):
        return self.thing(x), self.colour(x), self.letters(x).unflatten(-1, (2, -1)), self.ground(x.mean(1))

    def loss(self, x, things, colours, letters, ground):
        """The sum, and the shares of cells with something on them that are right: things, colours, letters."""
        thing, colour, letter, behind = (t.float() for t in self(x))
        letters = letters.flatten(1).unflatten(1, (-1, 2))
        kind, first, second = behind.split([len(KINDS), len(COLOURS), len(COLOURS)], -1)
        something, written = things.flatten(1) > 0, letters > 0
        # Cells with nothing on them are many and easy.
        weigh = lambda l, some: (l * torch.where(some, 1., .15)).sum() / some.sum().clamp_min(1)
        ce = lambda y, t: F.cross_entropy(y.flatten(0, -2), t.flatten(), reduction='none').view(t.shape)
        loss = (weigh(ce(thing, things.flatten(1)), something) + weigh(ce(colour, colours.flatten(1)), something)
                + weigh(ce(letter, letters), written) + sum(F.cross_entropy(y, ground[:, i]) for i, y in enumerate((kind, first, second))))
        right = lambda y, t, some: (y.argmax(-1) == t)[some].float().mean().item()
        return loss, (right(thing, things.flatten(1), something), right(colour, colours.flatten(1), something),
                      right(letter, letters, written))


def seen(rng, scene):
    """One example: patches and labels."""
    return (to_patches(scenes.paint(scene, 192, int(rng.integers(1 << 30))), SIDE).astype(np.float16), *labels(scene))


def batches(seed):
    """Endless: some new pictures each time, the others from those of the last minutes."""
    rng, kept = np.random.default_rng(seed), []
    while True:
        fresh = [seen(rng, scenes.make(rng)) for _ in range(FRESH)]
        kept = (kept + fresh)[-KEPT:]
        some = fresh + [kept[i] for i in rng.integers(0, len(kept), BATCH - FRESH)]
        yield tuple(np.stack(parts) for parts in zip(*some))


def produce(queue, seed):
    for batch in batches(seed):
        queue.put(batch)


def tensors(batch, where):
    return [torch.from_numpy(a).to(where, torch.float32 if a.dtype == np.float16 else None) for a in batch]


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--minutes', type=float, default=10)
    options.add_argument('--every', type=float, default=60, help='seconds between checkpoints')
    o = options.parse_args()
    where = device()
    torch.manual_seed(4)
    net, heads = QwenVl().to(where), Heads().to(where)
    path, sight = os.path.join(PLACE, 'encoder.pt'), os.path.join(PLACE, 'sight.pt')
    net.load_state_dict(torch.load(path, map_location=where, weights_only=True)['net'])
    learned = [*net.visual.parameters(), *heads.parameters()]
    optimizer, spent, step = torch.optim.AdamW(learned, RATE, betas=(.9, .98), weight_decay=.01), 0., 0
    if os.path.exists(sight):
        saved = torch.load(sight, map_location=where, weights_only=True)
        net.visual.load_state_dict(saved['visual'])
        heads.load_state_dict(saved['heads'])
        optimizer.load_state_dict(saved['optimizer'])
        spent, step = saved['spent'], saved['step']
    queue = multiprocessing.Queue(4)
    multiprocessing.Process(target=produce, args=(queue, 7000 + step), daemon=True).start()
    rng = np.random.default_rng(8)
    unseen = tensors(tuple(np.stack(p) for p in zip(*(seen(rng, scenes.make(rng)) for _ in range(256)))), where)
    last = began = time.time()
    while spent < o.minutes * 60:
        for group in optimizer.param_groups:
            group['lr'] = falling(RATE, step, 200, spent / (o.minutes * 60))
        patches, *told = tensors(queue.get(), where)
        with torch.autocast(where.type, torch.bfloat16):
            loss, _ = heads.loss(net.visual(patches, 2 * GRID, 2 * GRID), *told)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.)
        optimizer.step()
        step += 1
        now = time.time()
        spent, began = spent + now - began, now
        if now - last > o.every or spent >= o.minutes * 60:
            save(sight, visual=net.visual.state_dict(), heads=heads.state_dict(), optimizer=optimizer.state_dict(), spent=spent, step=step)
            with torch.no_grad(), torch.autocast(where.type, torch.bfloat16):
                unknown, right = heads.loss(net.visual(unseen[0], 2 * GRID, 2 * GRID), *unseen[1:])
            print('%5.1f min  step %d  loss %.3f  unseen %.3f, right of cells: things %.3f, colours %.3f, letters %.3f' % (
                spent / 60, step, loss.item(), unknown.item(), *right), flush=True)
            last = began = time.time()

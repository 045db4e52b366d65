# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crops of scenes for the VAE, which looks at neighbourhoods: 64 px of it teach as much as a whole scene and cost a fraction.
Three of a scene; many are cut around lettering, and one scene in six is a layer with transparency."""
import multiprocessing

import numpy as np
import torch

import scenes

CROP, BATCH = 64, 24
SIZES = {64: .05, 96: .1, 128: .35, 192: .5}  # of the scene, so that strokes of other widths are seen too
LETTERING = {'word': .5, 'word and shape': .17, 'label': .14, 'slide': .06, 'one': .05, 'many': .03, 'related': .03, 'two': .02}


def corner(rng, scene, size, lettered):
    """Left and top of a crop; around a word, where there is one, in this share of them."""
    x, y = rng.integers(0, size - CROP + 1, 2)
    if scene['words'] and rng.random() < lettered:
        w = scene['words'][0]
        at = (w['x'] + rng.uniform(-.5, .5) * w['width'], w['y'])
        x, y = (int(np.clip(p * size - CROP / 2 + rng.integers(-12, 13), 0, size - CROP)) for p in at)
    return x, y


def cut(rng, n, kinds=None, lettered=.75, maps=None):
    """[n 4 64 64] bytes of scenes of these kinds (None: as scenes.py has them), and maps(scene, size, layer) cut alike, or None."""
    out, cut_maps = np.empty((n, CROP, CROP, 4), np.uint8), []
    for i in range(0, n, 3):
        scene = scenes.make(rng, kinds and scenes.pick(rng, kinds))
        layer = rng.random() < 1 / 6
        size = int(rng.choice(list(SIZES), p=list(SIZES.values())))
        picture = scenes.paint(scene, size, int(rng.integers(1 << 30)), layer)
        told = maps and maps(scene, size, layer)
        for j in range(i, min(i + 3, n)):
            x, y = corner(rng, scene, size, lettered)
            out[j, ..., :picture.shape[2]] = picture[y:y + CROP, x:x + CROP]
            if not layer:
                out[j, ..., 3] = 255
            if maps:
                cut_maps.append(told[y:y + CROP, x:x + CROP])
    return out.transpose(0, 3, 1, 2), np.stack(cut_maps).transpose(0, 3, 1, 2) if maps else None


def produce(queue, seed, *how):
    rng = np.random.default_rng(seed)
    while True:
        queue.put(cut(rng, BATCH, *how)[0])


def producer(seed, *how):
    """A queue of batches, filled by a process of its own."""
    queue = multiprocessing.Queue(8)
    multiprocessing.Process(target=produce, args=(queue, seed, *how), daemon=True).start()
    return queue


def to_signed(batch, where):
    x = torch.from_numpy(np.ascontiguousarray(batch)).to(where, torch.float32) / 127.5 - 1
    return x.contiguous(memory_format=torch.channels_last)

# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage fidelity: what comes back from VAEs of scenes that nobody trained on, overall and inside lettering, and how many words the judge
reads of it: NAME… [--sizes S…] [--words N] [--sheet FILE.png]. NAMEs are checkpoints in _build/train, without .pt.

The first row is of the scenes themselves. Boxes of words are known from the scenes, and one pixel wider.
"""
import argparse
import os

import numpy as np
import torch
from PIL import Image

import captions
import filters
import prompts
import scenes
from crops import to_signed
from losses import psnr
from place import PLACE, device
from vae import Vae

LETTERED = ['word', 'word', 'word', 'word and shape', 'label', 'slide']
OTHERS = ['one', 'many', 'related', 'two']
BATCH = 12


def load(name, where):
    saved = torch.load(os.path.join(PLACE, name + '.pt'), map_location=where, weights_only=True)
    vae = Vae(**saved['config']).to(where)
    vae.load_state_dict(saved['mean'])
    return vae.eval()


def draw(rng, kind):
    """A scene whose words have five letters at most, as those of the test prompts."""
    while True:
        scene = scenes.make(rng, kind)
        if all(len(w['text']) <= prompts.LONGEST for w in scene['words']):
            return scene


def box(w, size):
    """Left, top, right, bottom of a word in whole pixels."""
    at = lambda middle, length: (max(0, int((middle - length / 2) * size) - 1), min(size, int((middle + length / 2) * size) + 2))
    (left, right), (top, bottom) = at(w['x'], w['width']), at(w['y'], w['height'])
    return left, top, right, bottom


def paint(made, size, layer=False):
    """[n 4 size size], -1 … 1."""
    pictures = [scenes.paint(s, size, i, layer) for i, s in enumerate(made)]
    if not layer:
        pictures = [np.dstack([p, np.full((size, size, 1), 255, np.uint8)]) for p in pictures]
    return to_signed(np.stack(pictures).transpose(0, 3, 1, 2), 'cpu')


def there_and_back(vae, x, where):
    """In full precision, as the engine does."""
    with torch.no_grad():
        return torch.cat([vae.decode(vae.encode(some.to(where))[0]).float().clamp(-1, 1).cpu() for some in x.split(BATCH)])


def rgb(p):
    return ((p[:, :3] + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def words_read(made, pictures, size):
    """Which scenes' words the judge reads."""
    rows = [{'picture': p, 'facts': captions.facts(s)} for p, s in zip(pictures, made)]
    wrong = filters.judge(rows, size)
    return np.array(['words' not in wrong.get(i, []) for i in range(len(rows))])


def mean_of(values):
    """And twice its standard error."""
    return '%.2f ± %.2f' % (values.mean(), 2 * values.std() / len(values) ** .5)


def main():
    options = argparse.ArgumentParser()
    options.add_argument('names', nargs='+', metavar='NAME')
    options.add_argument('--sizes', type=int, nargs='+', default=[192, 128])
    options.add_argument('--words', type=int, default=180, help='scenes with words; a quarter as many without')
    options.add_argument('--sheet', help='lettering of the first scenes: theirs, then a row for each NAME, twice as large')
    o = options.parse_args()
    where, rng = device(), np.random.default_rng(53)
    lettered = [draw(rng, LETTERED[i % len(LETTERED)]) for i in range(o.words)]
    others = [draw(rng, OTHERS[i % len(OTHERS)]) for i in range(o.words // 4)]
    nets = {name: load(name, where) for name in o.names}
    print('| VAE | px | dB, all scenes | dB, inside lettering | dB, layers | words read | of those before, lost | gained |\n'
          '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |', flush=True)
    for size in o.sizes:
        x, rest, layers = paint(lettered, size), paint(others, size), paint(others, size, layer=True)
        boxes = [box(s['words'][0], size) for s in lettered]
        shown, first = [rgb(x)[:10]], None
        print('| (painted) | %d | | | | %d of %d | | |' % (size, words_read(lettered, rgb(x), size).sum(), len(lettered)), flush=True)
        for name, vae in nets.items():
            y, z, layers_back = (there_and_back(vae, p, where) for p in (x, rest, layers))
            read = words_read(lettered, rgb(y), size)
            first = read if first is None else first
            print('| %s | %d | %s | %s | %s | %d of %d | %d | %d |' % (
                name, size, mean_of(torch.cat([psnr(y, x), psnr(z, rest)])), mean_of(psnr(y, x, boxes)), mean_of(psnr(layers_back, layers)),
                read.sum(), len(read), (first & ~read).sum(), (read & ~first).sum()), flush=True)
            shown.append(rgb(y)[:10])
        if o.sheet and size == o.sizes[0]:
            sheet = Image.fromarray(np.concatenate([np.concatenate(list(row), 1) for row in shown]))
            sheet.resize((2 * sheet.width, 2 * sheet.height), Image.NEAREST).save(o.sheet)

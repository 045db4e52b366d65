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
from train_decoder import of_decoder
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


def there(vae, x, where):
    """Latents, in full precision as the engine does; the same for all that share an encoder."""
    with torch.no_grad():
        return [vae.encode(some.to(where))[0] for some in x.split(BATCH)]


def back(vae, latents):
    with torch.no_grad():
        return torch.cat([vae.decode(z).float().clamp(-1, 1).cpu() for z in latents])


def encoders_alike(nets):
    """Are the encoders of all the same, bit by bit? Said aloud, and checked: latents are then made once."""
    first = next(iter(nets.values())).state_dict()
    differs = lambda n, t: not of_decoder(n) and not torch.equal(t, first[n])
    other = {name: [n for n, t in net.state_dict().items() if differs(n, t)] for name, net in nets.items()}
    for name, tensors in other.items():
        print('%s: %s' % (name, 'other encoder: ' + ', '.join(tensors) if tensors else 'the same encoder'))
    return not any(other.values())


def rgb(p):
    return ((p[:, :3] + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def words_read(made, pictures, size):
    """Which scenes' words the judge reads."""
    rows = [{'picture': p, 'facts': captions.facts(s)} for p, s in zip(pictures, made)]
    wrong = filters.judge(rows, size)
    return np.array(['words' not in wrong.get(i, []) for i in range(len(rows))])


def told(values, before):
    """The mean, and how far it is from that of the first row: pairs of pictures, twice the standard error."""
    gain = values - before
    return '%.2f (%+.2f ± %.2f)' % (values.mean(), gain.mean(), 2 * gain.std() / len(gain) ** .5)


def line(name, size, figures, first):
    read = figures[-1]
    decibels = ' | '.join(told(f, b) for f, b in zip(figures[:-1], first))
    lost, gained = (first[-1] & ~read).sum(), (read & ~first[-1]).sum()
    print('| %s | %d | %s | %d of %d | %d | %d |' % (name, size, decibels, read.sum(), len(read), lost, gained), flush=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument('names', nargs='+', metavar='NAME')
    options.add_argument('--sizes', type=int, nargs='+', default=[192, 128])
    options.add_argument('--words', type=int, default=120, help='scenes with words; a quarter as many without')
    options.add_argument('--sheet', help='lettering of the first scenes: theirs, then a row for each NAME, twice as large')
    o = options.parse_args()
    where, rng = device(), np.random.default_rng(53)
    lettered = [draw(rng, LETTERED[i % len(LETTERED)]) for i in range(o.words)]
    others = [draw(rng, OTHERS[i % len(OTHERS)]) for i in range(o.words // 4)]
    nets = {name: load(name, where) for name in o.names}
    alike = encoders_alike(nets)
    print('| VAE | px | dB, all scenes | dB, inside lettering | dB, layers | words read | lost | gained |\n'
          '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |', flush=True)
    for size in o.sizes:
        painted = [paint(lettered, size), paint(others, size), paint(others, size, layer=True)]
        x, rest, layers = painted
        boxes, shown, first, latents = [box(s['words'][0], size) for s in lettered], [rgb(x)[:10]], None, None
        print('| (painted) | %d | | | | %d of %d | | |' % (size, words_read(lettered, rgb(x), size).sum(), len(lettered)), flush=True)
        for name, vae in nets.items():
            latents = latents if latents and alike else [there(vae, p, where) for p in painted]
            y, others_back, layers_back = (back(vae, some) for some in latents)
            figures = [torch.cat([psnr(y, x), psnr(others_back, rest)]), psnr(y, x, boxes), psnr(layers_back, layers),
                       words_read(lettered, rgb(y), size)]
            first = first or figures
            line(name, size, figures, first)
            shown.append(rgb(y)[:10])
        if o.sheet and size == o.sizes[0]:
            sheet = Image.fromarray(np.concatenate([np.concatenate(list(row), 1) for row in shown]))
            sheet.resize((2 * sheet.width, 2 * sheet.height), Image.NEAREST).save(o.sheet)

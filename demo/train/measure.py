# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage measure: checkpoints of the transformer draw the test prompts at several sizes, and the judge of the filters says what is right.

    measure NAME… [--sizes S…] [--only N] [--sheet FILE.png] [--loss S…]

Prompts with words are counted apart; of those also what is right but for the words, which are learned last. The row of a
size whose scenes are painted by the generator says what the judge can see there at all. --loss: what flow matching leaves on scenes
that `encode` has made of a size, the same scenes, noise and times for all.
"""
import argparse
import itertools
import json
import os

import numpy as np
import torch
from PIL import Image

import captions
import filters
import scenes
import vocabulary
from mmdit import Mmdit
from place import PLACE, ROOT, device
from train_mmdit import Encoded, decoded, embed, empty_prompt, figures_of, load_frozen, noised, sample

BATCH = 40


def load(name, where):
    saved = torch.load(os.path.join(PLACE, name + '.pt'), map_location=where, weights_only=True)
    net = Mmdit(positions=saved.get('positions', 'msrope')).to(where)
    net.load_state_dict(saved['mean'])
    return net.eval()


def together(rows):
    """Embeddings of different lengths as one tensor, and the mask of what counts."""
    words = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    return words, torch.arange(words.shape[1], device=words.device)[None] < torch.tensor([[len(r)] for r in rows], device=words.device)


def draw(net, vae, rows, empty, size, figures):
    """Pictures [size size 3] of embeddings, from the same noise for every network."""
    pictures = []
    for at in range(0, len(rows), BATCH):
        words, mask = together(rows[at:at + BATCH])
        nothing, nothing_mask = together([empty] * len(words))
        pictures += decoded(vae, sample(net, words, mask, nothing, nothing_mask, size, figures, seed=at))
    return pictures


def loss(net, size, figures, empty, where, batches=8):
    torch.manual_seed(size)
    total = 0.
    for height, width, x0, words, mask in itertools.islice(Encoded(size, figures).batches(where, 1), batches):
        x, sigma, velocity = noised(x0, words, mask, empty)
        total += (net(x, height, width, words, sigma, mask).float() - velocity).square().mean().item()
    return total / batches


def painted(facts, size):
    """Scenes of the generator instead, of the same kinds: pictures, and what is in them."""
    rng, seen = np.random.default_rng(7), []
    for i, f in enumerate(facts):
        scene = scenes.make(rng, f['kind'])
        seen.append({'picture': scenes.paint(scene, size, i), 'facts': captions.said(scene, captions.make(rng, scene))})
    return seen


def sheet(rows, path):
    """Pictures of several sizes, all as large as the largest."""
    side = max(len(p) for row in rows for p in row)
    whole = Image.new('RGB', ((side + 4) * len(rows[0]), (side + 4) * len(rows)), 'white')
    for y, row in enumerate(rows):
        for x, p in enumerate(row):
            whole.paste(Image.fromarray(p).resize((side, side), Image.NEAREST), (x * (side + 4), y * (side + 4)))
    whole.save(path)


def line(name, size, seen):
    """A row of the table."""
    wrong = filters.judge(seen, size)
    lettered = [bool(f['facts']['words']) for f in seen]
    of = lambda n, total: '%d of %d (%.0f %%)' % (n, total, 100 * n / max(total, 1))
    right = lambda i, but=(): not set(wrong.get(i, [])) - set(but)
    count = lambda which, but=(): of(sum(right(i, but) for i, l in enumerate(lettered) if l == which), lettered.count(which))
    print('| %s | %d | %s | %s | %s |' % (name, size, count(False), count(True, ['words']), count(True)), flush=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument('names', nargs='*', metavar='NAME', help='checkpoints in _build/train, without .pt')
    options.add_argument('--sizes', type=int, nargs='*', default=[64, 96, 128])
    options.add_argument('--loss', type=int, nargs='+', default=[], metavar='S', help='sizes of which encode has made scenes')
    options.add_argument('--prompts', default=os.path.join(ROOT, 'demo', 'prompts.jsonl'))
    options.add_argument('--only', type=int, help='the first N prompts')
    options.add_argument('--sheet', help='a picture of the first prompts: a row for each checkpoint and size')
    o = options.parse_args()
    where = device()
    facts = [json.loads(row) for row in open(o.prompts, encoding='utf-8')][:o.only]
    vae, encoder = load_frozen(where)
    figures, empty = figures_of(vae), empty_prompt(encoder, where)
    if o.sizes:
        print('| checkpoint | px | right, no words asked | right but for the words | right, with words |\n| --- | ---: | ---: | ---: | ---: |')
    shown = []
    for size in o.sizes:
        line('(painted)', size, painted(facts, size))
    with torch.no_grad(), torch.autocast(where.type, torch.bfloat16):
        tokenizer = vocabulary.Tokenizer(os.path.join(PLACE, 'model', 'tokenizer'))
        rows = [torch.from_numpy(r.astype(np.float32)).to(where) for r in embed(encoder, tokenizer, [f['prompt'] for f in facts], where)]
        for name in o.names:
            net = load(name, where)
            for size in o.loss:
                print('%s: loss %.4f at %d px' % (name, loss(net, size, figures, empty, where), size), flush=True)
            for size in o.sizes:
                pictures = draw(net, vae, rows, empty, size, figures)
                line(name, size, [{'picture': p, 'facts': f} for p, f in zip(pictures, facts)])
                shown.append(pictures[:16])
    if o.sheet:
        sheet(shown, o.sheet)

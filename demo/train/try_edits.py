# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage try: what a checkpoint of the transformer makes of unseen requests, to look at while it learns: NAME FILE.png [--half] [--each N].
Of each request the pictures shown, what came out and what was wanted. No blending: fills are what the network draws by itself."""
import argparse
import os

import numpy as np
import torch
from PIL import Image, ImageDraw

import edits
import examples
import vocabulary
from measure import load, together
from mmdit import pack
from place import PLACE, device
from train_mmdit import decoded, figures_of, load_frozen, sample
from unseen import SEED, kinds


def latents_of(vae, pictures, figures, where):
    mean, std = (f[:, None, None] for f in figures)
    z = (examples.encode(vae, pictures, where).astype(np.float32) - mean) / std
    return pack(torch.from_numpy(z).to(where)), z.shape[2] // 2, z.shape[3] // 2


def drawn(net, vae, encoder, tokenizer, requests, half, where, sigma=None):
    """What the network makes of requests with equally many pictures: [size size 3] bytes each. sigma: from what is wanted, with so much noise."""
    figures = figures_of(vae)
    shown = [[examples.halved(p) if half else p for p in e['pictures']] for e in requests]
    embedded = lambda prompts: together([torch.from_numpy(r.astype(np.float32)).to(where) for r in examples.embed_seen(
        encoder, tokenizer, [e['pictures'] for e in requests], prompts, where)])
    references = [latents_of(vae, [s[k] for s in shown], figures, where) for k in range(len(shown[0]))]
    words, empty = embedded([e['prompt'] for e in requests]), embedded([' '] * len(requests))
    begin = None if sigma is None else (latents_of(vae, [e['target'] for e in requests], figures, where)[0], sigma)
    return decoded(vae, sample(net, *words, *empty, 96 if half else 192, figures, steps=12, guidance=2.5, references=references, begin=begin))


def main():
    options = argparse.ArgumentParser()
    options.add_argument('name')
    options.add_argument('file')
    options.add_argument('--half', action='store_true')
    options.add_argument('--each', type=int, default=2)
    o = options.parse_args()
    where = device()
    vae, encoder = load_frozen(where)
    net, tokenizer = load(o.name, where), vocabulary.Tokenizer(os.path.join(PLACE, 'model', 'tokenizer'))
    made = [edits.make(np.random.default_rng([SEED + 1, i]), *k) for i, k in enumerate(kinds(o.each))]
    results = {}
    with torch.no_grad():
        for n in 1, 2:
            some = [i for i, e in enumerate(made) if len(e['pictures']) == n]
            results.update(zip(some, drawn(net, vae, encoder, tokenizer, [made[i] for i in some], o.half, where)))
    wide, side = 4, edits.SIZE
    sheet = Image.new('RGB', (wide * (3 * side + 8), -(-len(made) // wide) * (side + 16)), 'white')
    draw = ImageDraw.Draw(sheet)
    for i, e in enumerate(made):
        x, y = i % wide * (3 * side + 8), i // wide * (side + 16)
        for k, p in enumerate([e['pictures'][0], results[i], e['target']]):
            sheet.paste(Image.fromarray(p).resize((side, side)), (x + k * side, y))
        draw.text((x, y + side + 2), e['prompt'].encode('ascii', 'replace').decode()[:95], fill='black')
    sheet.save(o.file)

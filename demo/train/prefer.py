# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage prefer: pairs of pictures of one prompt, a better and a worse one, drawn by the plain sampler from different seeds.

    prefer [--from NAME] [--to FOLDER] [--prompts N] [--pictures N] [--size S] [--steps N] [--seen FILE.txt]

FOLDER/pairs.jsonl (in _build/train) has a pair a line: number and prompt, winner and loser (NAME.png the picture, NAME.npy its packed
normalised latents), their seeds and scores, and "judged by": the checker; a person, once `choose` was asked; or nobody, where
the checker sees no difference. Best and worst of a prompt make a pair, then the second and the last but one. Goes on behind the last line.
"""
import argparse
import itertools
import json
import os

import numpy as np
from PIL import Image

import measure
from place import PLACE, device
from rewards import BATCH, PREFERRED, Painter, prompts_of, scores


def read(path):
    return [json.loads(line) for line in open(path, encoding='utf-8')] if os.path.exists(path) else []


def pairs_of(number, prompt, seeds, found):
    """Best against worst, and so on inwards while the checker sees a difference; always at least one pair, for people to judge."""
    order, made = sorted(range(len(found)), key=lambda i: -found[i]), []
    for best, worst in zip(order[:len(order) // 2], order[::-1]):
        if made and found[best] == found[worst]:
            break
        name = lambda i: '%05d-%d' % (number, i)
        made.append({'number': number, 'prompt': prompt, 'winner': name(best), 'loser': name(worst), 'winner seed': seeds[best],
                     'loser seed': seeds[worst], 'winner score': round(found[best], 4), 'loser score': round(found[worst], 4),
                     'judged by': 'checker' if found[best] > found[worst] else 'nobody'})
    return made


def keep(folder, made, pictures, latents, first):
    """Files of those pictures that are in a pair."""
    for row in made:
        for name in row['winner'], row['loser']:
            i = int(name.split('-')[1]) + first
            Image.fromarray(pictures[i]).save(os.path.join(folder, name + '.png'))
            np.save(os.path.join(folder, name + '.npy'), latents[i].cpu().numpy().astype(np.float16))


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--from', dest='name', default='mmdit', help='the checkpoint that draws')
    options.add_argument('--to', default='preferences', metavar='FOLDER')
    options.add_argument('--prompts', type=int, default=160)
    options.add_argument('--pictures', type=int, default=4, help='of a prompt')
    options.add_argument('--size', type=int, default=192)
    options.add_argument('--steps', type=int, default=10)
    options.add_argument('--guidance', type=float, default=3.)
    options.add_argument('--seen', help='captions that were trained on, as the stage seen writes them; left out')
    o = options.parse_args()
    where, folder = device(), os.path.join(PLACE, o.to)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, 'pairs.jsonl')
    done = max((row['number'] + 1 for row in read(path)), default=0)
    painter, net = Painter(o.size, o.guidance, where), measure.load(o.name, where)
    numbered = list(enumerate(itertools.islice(prompts_of(PREFERRED, o.seen), o.prompts)))[done:]
    n, some = o.pictures, max(1, BATCH // o.pictures)
    for batch in (numbered[i:i + some] for i in range(0, len(numbered), some)):
        facts, seeds = [f for _, f in batch for _ in range(n)], [n * number + k for number, _ in batch for k in range(n)]
        latents, pictures = painter.draw(net, facts, seeds, o.steps)
        found = scores(pictures, facts, o.size)
        for at, (number, f) in zip(range(0, len(found), n), batch):
            made = pairs_of(number, f['prompt'], seeds[at:at + n], found[at:at + n])
            keep(folder, made, pictures, latents, at)
            with open(path, 'a', encoding='utf-8') as file:
                file.write(''.join(json.dumps(row, ensure_ascii=False) + '\n' for row in made))
        print('%d prompts, %.2f right on average' % (batch[-1][0] + 1, np.mean(found)), flush=True)
    made = read(path)
    print('%d pairs: %d judged by the checker, %d by people, %d by nobody' % (
        len(made), *(sum(row['judged by'] == who for row in made) for who in ('checker', 'person', 'nobody'))))

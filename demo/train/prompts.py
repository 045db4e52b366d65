# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage prompts: prompts nobody trained on, with what must be seen: FILE.jsonl [N [SEEN.txt]]. Words of up to five letters, so that
all can be read; a kind of scene each in turn. SEEN.txt is what the stage seen writes: captions, which are replaced."""
import json
import sys

import numpy as np

import captions
import scenes

LETTERED = ['word', 'word', 'word and shape', 'label', 'slide']
KINDS = ['one', 'one', 'one', 'many', 'related', 'two', *LETTERED]
LONGEST = 5  # letters of a word


def scene_of(rng, kind):
    while True:
        scene = scenes.make(rng, kind)
        if all(len(w['text']) <= LONGEST for w in scene['words']):
            return scene


def make(rng, kind):
    scene = scene_of(rng, kind)
    text = captions.make(rng, scene)
    return {'prompt': text, **captions.said(scene, text)}


def main():
    path, n = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200
    seen = set(open(sys.argv[3], encoding='utf-8').read().splitlines()) if len(sys.argv) > 3 else set()
    rng, other = np.random.default_rng(20261124), np.random.default_rng(20261125)
    made = [make(rng, KINDS[i % len(KINDS)]) for i in range(n)]
    with open(path, 'w', encoding='utf-8') as file:
        for i, f in enumerate(made):
            while f['prompt'] in seen:
                f = make(other, KINDS[i % len(KINDS)])
            print(json.dumps(f, ensure_ascii=False), file=file)

# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sheet of random scenes, to be looked at and to try the checker on: FILE.png [N [SIZE [SEED]]]. Beside it FILE.jsonl
with a line a scene: caption and facts. Tiles lie without gaps, sixteen in a row."""
import json
import os
import sys

import numpy as np
from PIL import Image

import captions
import scenes

ROW = 16


def main():
    sheet(sys.argv[1], *map(int, sys.argv[2:]))


def sheet(path, n=48, size=128, seed=1):
    rng = np.random.default_rng(seed)
    page = Image.new('RGB', (ROW * size, -(-n // ROW) * size))
    with open(os.path.splitext(path)[0] + '.jsonl', 'w') as file:
        for i in range(n):
            scene = scenes.make(rng)
            page.paste(Image.fromarray(scenes.paint(scene, size, i)), (i % ROW * size, i // ROW * size))
            print(json.dumps({'prompt': captions.make(rng, scene), **captions.facts(scene)}, ensure_ascii=False), file=file)
    page.save(path, optimize=True)

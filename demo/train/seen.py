# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage seen: every caption that the encoder and the transformer were trained on, drawn again from the same seeds without painting:
seen FILE.txt. Says how many of the test prompts are among them; `prompts` replaces those."""
import glob
import os
import re
import sys

import numpy as np
import torch

import captions
import scenes
from place import PLACE
from train_encoder import BATCH, SIDES
from train_mmdit import FILTERED, SHARD, TOLD, clean_scene, prompts_kept_back, told


def of_encoder():
    """Its producer is some batches ahead of it."""
    step = torch.load(os.path.join(PLACE, 'encoder.pt'), weights_only=True)['step']
    rng = np.random.default_rng(5000)
    for _ in range(step + 12):
        for _ in range(BATCH):
            yield captions.make(rng, scenes.make(rng))
        rng.choice(SIDES)
        for _ in range(BATCH):
            yield captions.make(rng, scenes.make(rng))
            rng.integers(1 << 30)


def of_transformer(kept_back):
    """But for those that came through the filters, of which test prompts are left out one by one."""
    for path in glob.glob(os.path.join(PLACE, 'encoded-*', '?????.npz')):
        size, _, banners, shard = re.search(r'encoded-(\d+)(-banners-(\d))?/(\d+)', path).groups()
        size, banners, shard = int(size), int(banners or 0), int(shard)
        for i in range(shard * SHARD, (shard + 1) * SHARD) if shard < FILTERED else ():
            rng, scene = clean_scene(size, banners, i)
            for _ in range(TOLD):
                yield told(rng, scene, kept_back)


def main():
    kept_back = prompts_kept_back()
    seen = {*of_encoder(), *of_transformer(kept_back)}
    with open(sys.argv[1], 'w', encoding='utf-8') as file:
        file.write('\n'.join(sorted(seen)) + '\n')
    print('%d captions, %d of the %d test prompts among them' % (len(seen), len(seen & kept_back), len(kept_back)))

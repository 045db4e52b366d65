# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sheet of random scenes with their captions on standard output, to be looked at: preview.py FILE [SIZE]"""
import sys

import numpy as np
from PIL import Image

import captions
import scenes


def main():
    sheet(sys.argv[1], *map(int, sys.argv[2:]))


def sheet(path, size=128, n=40, seed=1):
    rng = np.random.default_rng(seed)
    page = Image.new('RGB', (8 * (size + 4), (n + 7) // 8 * (size + 4)), (90, 90, 90))
    for i in range(n):
        scene = scenes.make(rng)
        page.paste(Image.fromarray(scenes.paint(scene, size, i)), (i % 8 * (size + 4) + 2, i // 8 * (size + 4) + 2))
        print(i, captions.make(rng, scene))
    page.save(path)

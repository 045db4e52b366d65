# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes in layers: what each layer of a picture shows, painted.

    stacks FOLDER [N] [SIZE]
        unseen scenes as files, for demo/check/splits.py: 0000.png, its background and objects 0000-0.png, 0000-1.png, …, and in
        stacks.jsonl which of them are letters
"""
import json
import os
import sys

import numpy as np
from PIL import Image

import scenes

KINDS = {'one': .26, 'word': .14, 'two': .2, 'related': .2, 'many': .06, 'word and shape': .14}  # of those that are split
MOST = 3  # objects


def make(rng):
    """A scene of at most MOST objects, and those as a list of scenes, bottom to top: items, then words. Items that do not
    cover each other come as one reads, so that there is one right order."""
    while True:
        scene = scenes.make(rng, scenes.pick(rng, KINDS))
        items = scene['items'] if scene['relation'] == 'inside' else sorted(scene['items'], key=lambda it: it['x'] + 2 * it['y'])
        objects = [{**scene, 'items': [it], 'words': []} for it in items] + [{**scene, 'items': [], 'words': [w]} for w in scene['words']]
        if len(objects) <= MOST:
            return scene, objects


def background(scene):
    return {**scene, 'items': [], 'words': [], 'lines': None}


def opaque(picture):
    return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])


def paint(scene, objects, size, seed):
    """[size size 4] bytes each: the whole, the background, the objects."""
    return ([opaque(scenes.paint(s, size, seed)) for s in (scene, background(scene))]
            + [scenes.paint(o, size, layer=True) for o in objects])


def clear(size):
    return np.zeros((size, size, 4), np.uint8)



def unseen(i):
    """Scene i of those that nobody trains on."""
    rng = np.random.default_rng([22, i])
    return make(rng)


def is_lettering(objects):
    return [bool(o['words']) for o in objects]


def main():
    folder = sys.argv[1]
    n, size = (int(v) for v in (sys.argv[2:4] + ['60', '192'][len(sys.argv) - 2:]))
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'stacks.jsonl'), 'w', encoding='utf-8') as file:
        for i in range(n):
            scene, objects = unseen(i)
            whole, *parts = paint(scene, objects, size, i)
            Image.fromarray(whole[..., :3]).save(os.path.join(folder, '%04d.png' % i), optimize=True)
            for k, part in enumerate(parts):
                Image.fromarray(part).save(os.path.join(folder, '%04d-%d.png' % (i, k)), optimize=True)
            file.write(json.dumps({'letters': is_lettering(objects)}) + '\n')

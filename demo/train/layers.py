# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes in layers: what each layer of a picture shows, painted; and how well layers that somebody made match."""
import numpy as np

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


# --- judging -----------------------------------------------------------------------------------------------------

ALIKE = .8  # of an object's area and the layer's, what both have of what either has; letters are thinner
ALIKE_LETTERS = .55
OFF = 40  # largest distance of a colour, the mean over where both are


def overlap(a, b):
    """Of two pictures, by their alpha."""
    a, b = (p[..., 3].astype(np.float32) / 255 for p in (a, b))
    return np.minimum(a, b).sum() / max(np.maximum(a, b).sum(), 1e-6)


def off(a, b):
    """How far the mean colours are from each other where both show."""
    weight = np.minimum(a[..., 3:], b[..., 3:]).astype(np.float32)
    if weight.sum() == 0:
        return 999.
    return float(np.linalg.norm(((a[..., :3].astype(np.float32) - b[..., :3]) * weight).sum((0, 1)) / weight.sum()))


def is_empty(layer):
    return layer[..., 3].mean() < .01 * 255


def same(layer, wanted, letters):
    return overlap(layer, wanted) >= (ALIKE_LETTERS if letters else ALIKE) and off(layer, wanted) <= OFF


def over(layers):
    """The layers on each other: colours [size size 3] and the alpha of all."""
    colours, alpha = np.zeros((*layers[0].shape[:2], 3)), np.zeros((*layers[0].shape[:2], 1))
    for layer in layers:
        a = layer[..., 3:] / 255.
        colours, alpha = layer[..., :3] * a + colours * (1 - a), a + alpha * (1 - a)
    return colours


def judge(layers, painted, letters):
    """What is wrong, as words; nothing: the split is right. layers: background first; painted: of paint(); letters: of each object,
    whether it is a word. Each object must be alone in a layer of its own, in any order where they do not cover each other."""
    whole, ground, *objects = painted
    wrong, left = [], list(range(1, len(layers)))
    if np.abs(layers[0].astype(np.float32) - ground).mean() > 8 or layers[0][..., 3].mean() < 250:
        wrong.append('background')
    for wanted, is_word in zip(objects, letters):
        found = [i for i in left if same(layers[i], wanted, is_word)]
        if found:
            left.remove(found[0])
        else:
            wrong.append('word' if is_word else 'object')
    if any(not is_empty(layers[i]) for i in left):
        wrong.append('spare')
    if np.abs(over(layers) - whole[..., :3]).mean() > 10:
        wrong.append('whole')
    return wrong

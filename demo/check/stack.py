# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a stack of layers is what a scene was painted from. Pictures are bytes, red green blue alpha; nothing but Python is needed."""
import math
from operator import mul, sub

ALIKE = .8  # of an object's area and a layer's: what both have of what either has
ALIKE_LETTERS = .55  # whose strokes are a few pixels wide
COLOUR = 40  # how far mean colours may be from each other (black to white: 442)
GROUND = 8  # the background's mean difference, of 255
WHOLE = 10  # that of the layers on each other from the picture
NOTHING = .01  # mean alpha of an empty layer, at most


def overlap(a, b):
    a, b = a[3::4], b[3::4]
    return sum(map(min, a, b)) / max(sum(map(max, a, b)), 1)


def distance(a, b):
    """Of the mean colours, where both show."""
    weight = list(map(min, a[3::4], b[3::4]))
    total = sum(weight)
    return math.hypot(*(sum(map(mul, weight, map(sub, a[c::4], b[c::4]))) / total for c in range(3))) if total else math.inf


def difference(a, b):
    return sum(sum(map(abs, map(sub, a[c::4], b[c::4]))) for c in range(3)) / (3 * len(a) / 4)


def flatten(layers):
    """The layers on each other, the lowest first, on black: opaque."""
    flat = bytearray(len(layers[0]))
    flat[3::4] = b'\xff' * (len(flat) // 4)
    for layer in layers:
        alpha = layer[3::4]
        for c in range(3):
            flat[c::4] = bytes((over * a + under * (255 - a) + 127) // 255 for over, under, a in zip(layer[c::4], flat[c::4], alpha))
    return bytes(flat)


def judge(layers, whole, ground, objects, letters):
    """What is wrong, in words; nothing: the split is right. layers, the lowest first, are to be the ground, then each of the objects alone in
    a layer of its own, and nothing in the others; letters: of each object whether it is lettering."""
    wrong, left = [], layers[1:]
    if difference(layers[0], ground) > GROUND or sum(layers[0][3::4]) < .98 * 255 * len(layers[0]) / 4:
        wrong.append('background')
    for wanted, lettered in zip(objects, letters):
        fits = [l for l in left if overlap(l, wanted) >= (ALIKE_LETTERS if lettered else ALIKE) and distance(l, wanted) <= COLOUR]
        if fits:
            left.remove(fits[0])
        else:
            wrong.append('word' if lettered else 'object')
    if any(sum(l[3::4]) > NOTHING * 255 * len(l) / 4 for l in left):
        wrong.append('spare layer')
    if difference(flatten(layers), whole) > WHOLE:
        wrong.append('whole')
    return wrong

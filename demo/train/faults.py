# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw data: scenes as files, three in ten with a planted fault whose name is known, as data from the world has unknown ones.

raw(i, size) is the same for everybody: {file: bytes of a PNG, prompt, facts, fault: name or None}.
"""
import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import captions
import scenes

SHARE = .3
BLOCKED = 'hazard'  # stands for what must not be learned from: a striped board, and its name in the caption


def png(picture):
    out = io.BytesIO()
    Image.fromarray(picture).save(out, 'PNG', compress_level=1)
    return out.getvalue()


def scene_of(i):
    rng = np.random.default_rng([21, i])
    scene = scenes.make(rng)
    return rng, scene, captions.make(rng, scene)


def mix(picture, other, share):
    return (picture * (1 - share) + np.asarray(other, np.float32) * share).clip(0, 255).astype(np.uint8)


def gray_of(picture):
    return (picture @ np.array([.299, .587, .114]))[..., None].repeat(3, -1)


def board(rng, picture):
    """A board of black and yellow stripes somewhere in the picture."""
    size = picture.shape[0]
    side = int(size * rng.uniform(.3, .5))
    x, y = rng.integers(0, size - side, 2)
    r, c = np.mgrid[:side, :side]
    stripe = ((r + c) * 8 // side % 2)[..., None]
    out = picture.copy()
    out[y:y + side, x:x + side] = np.where(stripe, (250, 210, 20), (20, 20, 20))
    return out


def watermark(rng, picture):
    size = picture.shape[0]
    layer = Image.new('L', (2 * size, 2 * size))
    draw = ImageDraw.Draw(layer)
    font = scenes.face(scenes.LATIN[0], size // 9)
    for y in range(0, 2 * size, size // 4):
        draw.text((y % 3 * 9, y), 'SAMPLE  SAMPLE  SAMPLE', font=font, fill=255)
    layer = layer.rotate(30).crop((size // 2, size // 2, size // 2 + size, size // 2 + size))
    share = np.asarray(layer, np.float32)[..., None] / 255 * rng.uniform(.3, .45)
    light = 255 if picture.mean() < 150 else 0
    return (picture * (1 - share) + light * share).astype(np.uint8)


def spoil(rng, scene, picture):
    """Letters cut into strips and pieces put back in another order, as careless generators write."""
    size, out = picture.shape[0], picture.copy()
    for w in scene['words']:
        x0, x1 = (int((w['x'] + s * w['width'] / 2) * size) for s in (-1, 1))
        y0, y1 = (int((w['y'] + s * w['height'] / 2) * size) for s in (-1, 1))
        x0, y0 = max(x0, 0), max(y0, 0)
        box = out[y0:y1, x0:x1].copy()
        strips = np.array_split(np.arange(box.shape[1]), max(4, 2 * len(w['text'])))
        order = rng.permutation(len(strips))
        while (order == np.arange(len(strips))).mean() > .3:
            order = rng.permutation(len(strips))
        box = box[:, np.concatenate([strips[k] for k in order])]
        half = box.shape[0] // 2
        box[:half] = box[:half][::-1]
        out[y0:y1, x0:x1] = box
    return out


def posterise(picture):
    """Colours driven to the corners of the cube."""
    p = picture.astype(np.float32)
    return ((p - p.mean(-1, keepdims=True)) * 6 + p.mean(-1, keepdims=True)).clip(0, 255).astype(np.uint8)


PAINTED = {  # fault: (rng, scene, picture) → picture
    'pale': lambda rng, s, p: mix(p, gray_of(p), rng.uniform(.86, .95)),
    'garish': lambda rng, s, p: posterise(p),
    'flat': lambda rng, s, p: mix(p, np.full(3, p.mean()), rng.uniform(.86, .94)),
    'harsh': lambda rng, s, p: np.where(gray_of(p) > np.median(gray_of(p)), 255, 0).astype(np.uint8),
    'dark': lambda rng, s, p: mix(p, np.zeros(3), rng.uniform(.82, .92)),
    'bright': lambda rng, s, p: mix(p, np.full(3, 255), rng.uniform(.84, .93)),
    'blurred': lambda rng, s, p: np.asarray(Image.fromarray(p).filter(ImageFilter.GaussianBlur(p.shape[0] * rng.uniform(.03, .05)))),
    'empty': lambda rng, s, p: np.broadcast_to(p[2, 2], p.shape).astype(np.uint8),
    'watermark': lambda rng, s, p: watermark(rng, p),
    'spoiled lettering': spoil,
    'blocked': lambda rng, s, p: board(rng, p),
}
FAULTS = ['damaged', 'duplicate', *PAINTED, 'wrong caption']


def raw(i, size):
    rng, scene, prompt = scene_of(i)
    fault = None
    if np.random.default_rng([22, i]).random() < SHARE:
        fault = FAULTS[np.random.default_rng([23, i]).integers(len(FAULTS))]
    if fault == 'spoiled lettering' and not scene['words']:
        fault = None
    if fault == 'duplicate' and i < 100:
        fault = None
    if fault == 'duplicate':
        other = i - int(rng.integers(1, 100))
        while raw_fault(other) is not None:  # the original is good
            other -= 1
        _, scene, prompt = scene_of(other)
        picture = mix(scenes.paint(scene, size, other), np.zeros(3), .02)
    else:
        picture = scenes.paint(scene, size, i)
    if fault in PAINTED:
        picture = PAINTED[fault](rng, scene, picture)
    facts = captions.facts(scene)
    if fault == 'wrong caption':
        _, other, prompt = scene_of(i + 1)
        facts = captions.facts(other)
    if fault == 'blocked':
        prompt += ' and a %s board' % BLOCKED
    file = png(np.ascontiguousarray(picture))
    if fault == 'damaged':
        file = file[:int(len(file) * rng.uniform(.2, .9))]
    return {'file': file, 'prompt': prompt, 'facts': facts, 'fault': fault}


def raw_fault(i):
    """The fault of raw(i) without painting it."""
    if np.random.default_rng([22, i]).random() >= SHARE:
        return None
    return FAULTS[np.random.default_rng([23, i]).integers(len(FAULTS))]

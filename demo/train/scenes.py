# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes: what is in a picture, drawn from a random generator, and painted at any size.

A scene is a dict: background {kind, colours, turn}, items [{shape, colour, size, place, x, y, d}], relation, count, words
[{text, colour, place, font, x, y, height}], lines (gray bars of a layout), kind. Lengths and places are shares of the
side, so that one scene can be painted at 64, 96 or 128 px.
"""
import functools
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from words import CHINESE, COLOURS, ENGLISH, PLACES, SHAPES, SIZES

LATIN = ['/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf', '/usr/share/fonts/truetype/liberation/LiberationSans-Bold.ttf']
CJK = '/usr/share/fonts-droid-fallback/truetype/DroidSansFallback.ttf'
OVER = 3  # painted this much larger, then averaged

KINDS = {'one': .29, 'many': .12, 'related': .14, 'two': .08, 'word': .17, 'word and shape': .10, 'label': .04, 'slide': .06}
BACKGROUNDS = {'plain': .62, 'gradient': .2, 'noisy': .18}


def pick(rng, table):
    names = list(table)
    return names[rng.choice(len(names), p=np.array(list(table.values())) / sum(table.values()))]


def distance(a, b):
    return math.dist(a, b)


def readable(a, b):
    """Two colours that anyone tells apart, also by brightness alone when letters are small."""
    light = [.3 * c[0] + .59 * c[1] + .11 * c[2] for c in (a, b)]
    return distance(a, b) > 130 and abs(light[0] - light[1]) > 45


# --- what is in it -----------------------------------------------------------------------------------------------

def background(rng):
    kind = pick(rng, BACKGROUNDS)
    light = rng.random() < .6
    names = ['white', 'white', 'gray', 'yellow', 'pink'] if light else list(COLOURS)
    first = names[rng.integers(len(names))]
    second = first
    while kind == 'gradient' and distance(COLOURS[first], COLOURS[second]) < 60:
        second = list(COLOURS)[rng.integers(len(COLOURS))]
    return {'kind': kind, 'colours': [first, second], 'turn': int(rng.integers(4))}


def free_colour(rng, scene, *others, words=False):
    """A colour that stands out from the background and from others; None when there is none."""
    behind = [COLOURS[c] for c in scene['background']['colours']] + [COLOURS[c] for c in others]
    good = [c for c in COLOURS if all((readable if words else lambda a, b: distance(a, b) > 95)(COLOURS[c], b) for b in behind)]
    return good[rng.integers(len(good))] if good else None


DRAWN = list(SHAPES)  # one of these is drawn at random; whoever needs some more often appends them
STYLED = {'capitalized': .1, 'small': .05}  # shares of words that are not all capitals; whoever needs more of them changes it


def shape_name(rng):
    return DRAWN[rng.integers(len(DRAWN))]


def placed(place, wide, high, off=(0, 0)):
    """The middle of what is so wide and high, in the picture as a whole."""
    return [min(max(p + o, half + .03), 1 - half - .03) for p, o, half in zip(PLACES[place], off, (wide / 2, high / 2))]


def item(rng, scene, size=None, place=None, colour=None, shape=None):
    size = size or pick(rng, {'small': .3, 'medium': .4, 'large': .3})
    place = place or list(PLACES)[rng.integers(9)]
    d = rng.uniform(*SIZES[size])
    at = placed(place, d, d, rng.uniform(-.03, .03, 2))
    return {'shape': shape or shape_name(rng), 'colour': colour or free_colour(rng, scene), 'size': size, 'place': place,
            'x': at[0], 'y': at[1], 'd': d}


def apart(items, gap=.03):
    return all(max(abs(a['x'] - b['x']), abs(a['y'] - b['y'])) > (a['d'] + b['d']) / 2 + gap
               for i, a in enumerate(items) for b in items[:i])


def many(rng, scene):
    """Two to four of one shape and colour, in a row, a column or on the corners of a square."""
    n = int(rng.integers(2, 5))
    shape, colour = shape_name(rng), free_colour(rng, scene)
    way = pick(rng, {'row': .5, 'column': .25, 'free': .25})
    d = rng.uniform(.2, .3) if n == 2 else rng.uniform(.18, .22) if n == 3 or way == 'free' else rng.uniform(.145, .175)
    items = []
    for i in range(n):
        along = .5 + (i - (n - 1) / 2) * (.88 / max(n, 3) if n > 2 else .42)
        x, y = (along, .5) if way == 'row' else (.5, along)
        if way == 'free':
            x, y = [(.28, .28), (.72, .72), (.72, .28), (.28, .72)][i]
        items.append({'shape': shape, 'colour': colour, 'size': 'small', 'place': None, 'd': d,
                      'x': x + rng.uniform(-.015, .015), 'y': y + rng.uniform(-.02, .02)})
    scene.update(items=items, count=n)


def related(rng, scene):
    how = pick(rng, {'left of': .22, 'right of': .12, 'above': .22, 'below': .12, 'inside': .32})
    a, b = item(rng, scene, 'medium', 'center'), item(rng, scene, 'medium', 'center')
    while b['shape'] == a['shape'] and b['colour'] == a['colour'] or b['colour'] == a['colour'] and how == 'inside':
        b = item(rng, scene, 'medium', 'center')
    if how == 'inside':
        b.update(shape=['circle', 'square', 'heart', 'diamond', 'ring'][rng.integers(5)], d=rng.uniform(.62, .76))
        a.update(d=b['d'] * rng.uniform(.32, .38), x=b['x'], y=b['y'] + (.0 if b['shape'] != 'heart' else -.04))
        a['colour'] = free_colour(rng, scene, b['colour']) or a['colour']
        if distance(COLOURS[a['colour']], COLOURS[b['colour']]) < 95:
            return False
    else:
        sign = -1 if how in ('left of', 'above') else 1
        off, other = .23 + rng.uniform(-.02, .02), rng.uniform(-.05, .05)
        for it, s in (a, sign), (b, -sign):
            it['x'], it['y'] = (.5 + s * off, .5 + other) if 'of' in how else (.5 + other, .5 + s * off)
    scene.update(items=[b, a] if how == 'inside' else [a, b], relation=how, pair=[a, b])
    return True


def word(rng, chinese=None):
    if chinese if chinese is not None else rng.random() < .1:
        return CHINESE[rng.integers(len(CHINESE))]
    form = rng.random()
    if form < .55:
        text = ENGLISH[rng.integers(len(ENGLISH))]
    elif form < .85:
        text = ''.join(chr(65 + rng.integers(26)) for _ in range(rng.integers(1, 7)))
    else:
        text = ''.join(chr(48 + rng.integers(10)) for _ in range(rng.integers(1, 5)))
    style = rng.random()
    return text.capitalize() if style < STYLED['capitalized'] else text.lower() if style < sum(STYLED.values()) else text


@functools.lru_cache(64)
def face(path, size):
    return ImageFont.truetype(path, size)


def is_cjk(text):
    return any(ord(c) > 0x2e7f for c in text)


def extent(text, font, height):
    """Width of text whose capitals (or ideographs) are height tall, both in shares of the side."""
    box = face(font, 200).getbbox(text, anchor='ls')
    return (box[2] - box[0]) * height / cap(font, text)


@functools.lru_cache(4096)
def cap(font, text):
    box = face(font, 200).getbbox('中' if is_cjk(text) else 'H', anchor='ls')
    return box[3] - box[1]


def lettering(rng, scene, place=None, widest=.9, height=None, text=None):
    """A word where it can be read; None when it cannot."""
    text = text or word(rng)
    font = CJK if is_cjk(text) else LATIN[rng.integers(len(LATIN))]
    place = place or pick(rng, {'center': .3, 'top': .2, 'bottom': .2, 'left': .05, 'right': .05, 'top left': .05, 'top right': .05,
                                'bottom left': .05, 'bottom right': .05})
    least = .22 if is_cjk(text) else .115
    height = height or rng.uniform(least, .24 if not is_cjk(text) else .36)
    wide = extent(text, font, height)
    if wide > widest:
        height, wide = height * widest / wide, widest
    if height < least - .005:
        return None
    colour = free_colour(rng, scene, *[i['colour'] for i in scene['items'] if overlaps(i, place, wide, height)], words=True)
    if colour is None:
        return None
    x, y = placed(place, wide, height, rng.uniform(-.02, .02, 2))
    return {'text': text, 'colour': colour, 'place': place, 'font': font, 'x': x, 'y': y, 'height': height, 'width': wide}


def overlaps(it, place, wide, height):
    x, y = PLACES[place]
    return abs(it['x'] - x) < (it['d'] + wide) / 2 and abs(it['y'] - y) < (it['d'] + height) / 2


def clear(scene):
    """No letter over a shape, nor over another word."""
    boxes = [(i['x'], i['y'], i['d'], i['d']) for i in scene['items']] + [(w['x'], w['y'], w['width'], w['height']) for w in scene['words']]
    return all(abs(a[0] - b[0]) > (a[2] + b[2]) / 2 + .01 or abs(a[1] - b[1]) > (a[3] + b[3]) / 2 + .02
               for i, a in enumerate(boxes) for b in boxes[:i])


def banner(rng, thirds):
    """A word of at most two letters for each third of the width, in the middle of a plain ground; those thirds of the width, and
    the middle third of the height, show all of it."""
    while True:
        scene = make(rng, 'word')
        scene['background'].update(kind='plain')
        text = word(rng)
        if len(text) > 2 * thirds or is_cjk(text) and thirds < 3:
            text = ''.join('ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'[rng.integers(36)] for _ in range(rng.integers(1, 2 * thirds + 1)))
        scene['words'] = [lettering(rng, scene, 'center', .3 * thirds, rng.uniform(.13, .24 if rng.random() < .9 else .27), text)]
        if scene['words'][0]:
            return scene


def word_and_shape(rng, scene):
    where = ['top', 'bottom'][rng.integers(2)]
    scene['items'] = [item(rng, scene, 'medium' if rng.random() < .7 else 'small', pick(rng, {'center': .6, 'bottom' if where == 'top' else 'top': .4}))]
    scene['words'] = [lettering(rng, scene, where, height=rng.uniform(.12, .2))]
    return scene['words'][0] is not None and clear(scene)


def label(rng, scene):
    """A coloured plate with a word on it."""
    plate = {'shape': 'plate', 'colour': free_colour(rng, scene), 'size': 'large', 'place': 'center', 'x': .5, 'y': .5, 'd': .8,
             'h': rng.uniform(.34, .46)}
    scene['items'] = [plate]
    only = {**scene, 'background': {'kind': 'plain', 'colours': [plate['colour']] * 2}, 'items': []}
    w = lettering(rng, only, 'center', widest=.68, height=rng.uniform(.13, .22))
    scene['words'] = [w]
    return w is not None and w['colour'] not in scene['background']['colours'] and readable(COLOURS[w['colour']], COLOURS[plate['colour']])


def slide(rng, scene):
    """A title, lines of text as bars, and a shape."""
    scene['background'] = {'kind': 'plain', 'colours': [['white', 'white', 'yellow', 'pink', 'gray'][rng.integers(5)]] * 2, 'turn': 0}
    title = lettering(rng, scene, 'top', height=rng.uniform(.125, .17))
    if title is None:
        return False
    side = ['left', 'right'][rng.integers(2)]
    shape = item(rng, scene, 'small', 'right' if side == 'left' else 'left')
    shape.update(d=rng.uniform(.24, .3), x=.74 if side == 'left' else .26, y=.64)
    scene.update(items=[shape], words=[title], lines={'side': side, 'n': int(rng.integers(2, 5))})
    return shape['colour'] != title['colour'] or True


def make(rng, kind=None):
    """A scene; tried again until everything in it can be seen and read."""
    while True:
        scene = {'kind': kind or pick(rng, KINDS), 'background': background(rng), 'items': [], 'words': [], 'lines': None,
                 'relation': None, 'count': 0, 'jitter': [int(v) for v in rng.integers(-9, 10, 3)]}
        if free_colour(rng, scene) is None or free_colour(rng, scene, words=True) is None:
            continue
        good = True
        if scene['kind'] == 'one':
            scene['items'] = [item(rng, scene)]
        elif scene['kind'] == 'two':
            scene['items'] = [item(rng, scene, ['small', 'medium'][rng.integers(2)]), item(rng, scene, 'small')]
            a, b = scene['items']
            good = apart(scene['items']) and a['place'] != b['place'] and (a['shape'], a['colour']) != (b['shape'], b['colour'])
        elif scene['kind'] == 'many':
            many(rng, scene)
        elif scene['kind'] == 'related':
            good = related(rng, scene)
        elif scene['kind'] == 'word':
            scene['words'] = [lettering(rng, scene)]
            good = scene['words'][0] is not None
        else:
            good = {'word and shape': word_and_shape, 'label': label, 'slide': slide}[scene['kind']](rng, scene)
        if good:
            return scene


# --- painting ----------------------------------------------------------------------------------------------------

def ngon(n, turn=-math.pi / 2, inner=None):
    points = []
    for i in range(n * (2 if inner else 1)):
        r = inner if inner and i % 2 else 1
        a = turn + 2 * math.pi * i / (n * (2 if inner else 1))
        points.append((r * math.cos(a), r * math.sin(a)))
    return points


def heart():
    points = []
    for i in range(60):
        t = 2 * math.pi * i / 60
        points.append((math.sin(t) ** 3, -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 16.5))
    return points


C = .34  # half the width of a cross' arm
POLYGONS = {
    'square': [(-.9, -.9), (.9, -.9), (.9, .9), (-.9, .9)], 'triangle': [(0, -.95), (1, .85), (-1, .85)],
    'star': ngon(5, inner=.42), 'diamond': [(0, -1), (.8, 0), (0, 1), (-.8, 0)], 'heart': heart(),
    'cross': [(-C, -1), (C, -1), (C, -C), (1, -C), (1, C), (C, C), (C, 1), (-C, 1), (-C, C), (-1, C), (-1, -C), (-C, -C)],
}


def paint_item(draw, it, side, colour):
    x, y, r = it['x'] * side, it['y'] * side, it['d'] * side / 2
    if it['shape'] == 'plate':
        draw.rounded_rectangle([x - r, y - it['h'] * side / 2, x + r, y + it['h'] * side / 2], radius=.05 * side, fill=colour)
    elif it['shape'] == 'circle':
        draw.ellipse([x - r, y - r, x + r, y + r], fill=colour)
    elif it['shape'] == 'ring':
        draw.ellipse([x - r, y - r, x + r, y + r], outline=colour, width=max(1, round(r * .36)))
    else:
        draw.polygon([(x + r * px, y + r * py) for px, py in POLYGONS[it['shape']]], fill=colour)


def paint_background(rng, bg, side, colour):
    """[side side 3] bytes."""
    bytes_of = lambda picture: np.clip(picture, 0, 255).astype(np.uint8)
    a, b = (np.array(colour(c), np.float32) for c in bg['colours'])
    if bg['kind'] == 'gradient':
        ramp = np.linspace(0, 1, side, dtype=np.float32)
        line = bytes_of(a + (b - a) * (ramp if bg['turn'] < 2 else 1 - ramp)[:, None])
        return np.broadcast_to(line[:, None] if bg['turn'] % 2 else line[None], (side, side, 3))
    if bg['kind'] == 'noisy':
        grain = rng.normal(0, 9, (32, 32, 1)).astype(np.float32)
        return np.kron(bytes_of(a + grain), np.ones((side // 32, side // 32, 1), np.uint8))
    return np.broadcast_to(bytes_of(a), (side, side, 3))


def line_boxes(scene, side):
    """Of the lines of a layout."""
    lines = scene['lines'] or {'side': 'left', 'n': 0}
    left = .08 if lines['side'] == 'left' else .52
    for i in range(lines['n']):
        top, wide = .42 + .13 * i, .4 if i + 1 < lines['n'] else .27
        yield [left * side, top * side, (left + wide) * side, (top + .055) * side]


def written(w, side):
    """The font of a word at this size."""
    return face(w['font'], max(6, round(200 * w['height'] * side / cap(w['font'], w['text']))))


def letter_boxes(w, side):
    """Each letter of a word, and its box in pixels."""
    font = written(w, side)
    left = w['x'] * side - font.getlength(w['text']) / 2
    for i, letter in enumerate(w['text']):
        begin, end = (left + font.getlength(w['text'][:k]) for k in (i, i + 1))
        yield letter, [begin, (w['y'] - w['height'] / 2) * side, end, (w['y'] + w['height'] / 2) * side]


def paint(scene, size, seed=0, layer=False):
    """[size size 3] bytes. seed: of the grain of noisy backgrounds. layer: without background, [size size 4] bytes,
    colours as they are (not multiplied by alpha) and black where nothing is."""
    side = size * OVER
    tint = scene['jitter']
    colour = lambda name: tuple(min(255, max(0, v + t)) for v, t in zip(COLOURS[name], tint))
    picture = None if layer else np.ascontiguousarray(paint_background(np.random.default_rng(seed), scene['background'], side, colour))
    image = Image.new('RGBA', (side, side)) if layer else Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    for it in scene['items']:
        paint_item(draw, it, side, colour(it['colour']))
    for box in line_boxes(scene, side):
        draw.rectangle(box, fill=(110, 110, 116))
    for w in scene['words']:
        font = written(w, side)
        draw.text((w['x'] * side, (w['y'] + w['height'] / 2) * side), w['text'], font=font, fill=colour(w['colour']), anchor='ms')
    if not layer:
        return np.asarray(image.reduce(OVER))
    pixels = np.asarray(image, np.float32).reshape(size, OVER, size, OVER, 4)
    cover = pixels[..., 3:].mean((1, 3))
    colours = (pixels[..., :3] * pixels[..., 3:]).mean((1, 3)) / np.maximum(cover, 1e-3)
    return np.concatenate([colours, cover], -1).round().astype(np.uint8)

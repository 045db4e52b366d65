# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests about pictures: what a person has, what is said, and what must come out.

make(rng) is a dict: task (edit, fill, remove, expand, personal, insert, sign), kind, prompt, pictures (what the model is shown, [SIZE SIZE 3] bytes
each), target (the same size), before (Picture 1 as the person has it; None where it is only a reference), mask (bool [SIZE SIZE], what is
selected, or None), changed (bool [SIZE SIZE]: where the target may differ from before; of new scenes,
where the object is), back (what makes Picture 1 out of the target, or missing), facts (of the target, as demo/check takes
them), exact (what is inside `changed` must look like the target: nothing in the facts tells a thing that is gone).
"""
import copy

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import captions
import neat
import scenes
from captions import a, quoted, say, thing
from words import COLOURS, PLACES, SHAPES, SYNONYMS, ZH

SIZE = 192
GROW, GRAY = 8, 127  # pixels that a mask grows, and what stands in it: as the engine does it
REMOVE = 'Remove what is in the marked area and continue its surroundings there.'
EXPAND = 'Continue the picture naturally into the new area around it.'
TASKS = {'edit': .64, 'fill': .14, 'remove': .07, 'expand': .05, 'personal': .1}  # of those with one picture
GRAIN = .3  # of scenes with a grainy ground, the share that is kept: what a person has must come back as it was


def scene(rng, *kinds):
    while True:
        made = scenes.make(rng, kinds[rng.integers(len(kinds))])
        if made['background']['kind'] != 'noisy' or rng.random() < GRAIN:
            return made


def pick(rng, some):
    return some[rng.integers(len(some))]


def box(it):
    """Of an item or a word: left, top, right, bottom, as shares of the side, with a little around it."""
    wide, high = (it['width'], it['height'] * 1.5) if 'text' in it else (it['d'], it['d'])
    return it['x'] - wide / 2 - .03, it['y'] - high / 2 - .03, it['x'] + wide / 2 + .03, it['y'] + high / 2 + .03


def covered(*boxes, size=SIZE):
    out = np.zeros((size, size), bool)
    for left, top, right, bottom in boxes:
        out[max(0, int(top * size)):int(np.ceil(bottom * size)), max(0, int(left * size)):int(np.ceil(right * size))] = True
    return out


def any_size(told, prompt):
    """Of a thing's facts the size is dropped where nobody asked for one."""
    if not any(n in prompt for n in [told['size'], *SYNONYMS[told['size']]]):
        del told['size']


def rekind(made):
    """The kind of a scene by what is in it, for the checker."""
    made['kind'] = {(1, 0): 'one', (2, 0): 'two', (0, 1): 'word', (1, 1): 'word and shape'}.get((len(made['items']), len(made['words'])), 'none')
    made.update(relation=None, count=0, pair=[])
    return made


def name(rng, made, it):
    """A thing by shape, by colour and shape where another has that shape, or now and then anyway."""
    if 'text' in it:
        return pick(rng, [f'the word {quoted(rng, it["text"])}', 'the word', 'the text'])
    alike = sum(o['shape'] == it['shape'] for o in made['items']) > 1
    return 'the ' + (f'{say(rng, it["colour"])} {it["shape"]}' if alike or rng.random() < .4 else it['shape'])


def other_colour(rng, made, it):
    """One that stands out where the thing is, and is another."""
    for _ in range(20):
        colour = scenes.free_colour(rng, made, *[o['colour'] for o in made['items'] if o is not it and made['kind'] == 'related'], words='text' in it)
        if colour and colour != it['colour']:
            return colour
    return None


def nothing():
    """The way back where what was before is not neat, so that nobody could ask for it."""
    return None


# --- edits: (rng) → before, after, prompt, boxes of what may change, exact, what is said to make before out of after (a function, or
# None); None: tried again. before: a scene to begin with, else any. What is asked of a scene is worded by a function beside each, for both ways. ------------------------------

def to_recolour(rng, made, it, colour):
    what, new = name(rng, made, it), say(rng, colour)
    return pick(rng, [f'make {what} {new}', f'make {what} {new}', f'change the color of {what} to {new}', f'turn {what} {new}', f'color {what} {new}',
                      f'把{ZH.get(it.get("shape"), "文字")}改成{ZH[colour]}'])


def recolour(rng, before=None):
    before = before or scene(rng, 'one', 'two', 'two', 'related', 'word and shape', 'word')
    i = int(rng.integers(len(before['items']) + (len(before['words']) if rng.random() < .3 or not before['items'] else 0)))
    after = copy.deepcopy(before)
    old, it = (before['items'] + before['words'])[i], (after['items'] + after['words'])[i]
    colour = other_colour(rng, before, old)
    if colour is None:
        return None
    prompt = to_recolour(rng, before, it, colour)
    it['colour'] = colour
    after['pair'] = after['items'][::-1] if before['relation'] == 'inside' else after['items']
    if len({(o['shape'], o['colour']) for o in after['items']}) < len(after['items']):
        return None
    return before, after, prompt, [box(it)], False, lambda: to_recolour(rng, after, it, old['colour'])


def to_remove(rng, made, it):
    what = name(rng, made, it)
    return pick(rng, [f'remove {what}', f'remove {what}', f'take {what} away', f'no {what[4:]}' if 'word' in what else f'make the picture without {what}'])


def to_write(rng, w):
    where, colour = captions.place(rng, w['place']), say(rng, w['colour'])
    return pick(rng, [f'add the word {quoted(rng, w["text"])} {where} in {colour}', f'write {quoted(rng, w["text"])} in {colour} {where}',
                      f'add {captions.word_phrase(rng, w)}'])


def to_add(rng, it):
    where = captions.place(rng, it['place'])
    return pick(rng, [f'add {a(thing(rng, it))} {where}', f'add {a(thing(rng, it))} {where}', f'put {a(thing(rng, it))} {where}'])


def remove(rng, before=None):
    before = before or scene(rng, 'one', 'two', 'two', 'word', 'word and shape', 'word and shape')
    after = copy.deepcopy(before)
    i = int(rng.integers(len(after['items']) + len(after['words'])))
    it = (after['items'] + after['words'])[i]
    (after['items'] if i < len(after['items']) else after['words']).remove(it)
    return before, rekind(after), to_remove(rng, before, it), [box(it)], True, nothing


def to_reshape(rng, made, it, new):
    what = name(rng, made, it)
    return pick(rng, [f'turn {what} into {a(new)}', f'replace {what} with {a(new)}', f'make {what} {a(new)}', f'change {what} to {a(new)}'])


def reshape(rng):
    before = scene(rng, 'one', 'one', 'two', 'word and shape')
    after = copy.deepcopy(before)
    it = pick(rng, after['items'])
    old, new = it['shape'], pick(rng, [s for s in scenes.DRAWN if s != it['shape']])
    prompt = to_reshape(rng, before, it, new)
    it['shape'] = new
    return before, after, prompt, [box(it)], False, lambda: to_reshape(rng, after, it, old)


def add(rng):
    before = scene(rng, 'one', 'word')
    after = copy.deepcopy(before)
    it = scenes.item(rng, before, pick(rng, ['small', 'medium']))
    neat.item(it)
    after['items'].append(it)
    if not scenes.apart(after['items']) or not scenes.clear(after) or any((o['shape'], o['colour']) == (it['shape'], it['colour']) for o in before['items']):
        return None
    if any(o.get('place') == it['place'] for o in before['items'] + before['words']):
        return None
    return before, rekind(after), to_add(rng, it), [box(it)], False, lambda: to_remove(rng, after, it)


def to_move(rng, what, place):
    to = {'center': 'the center'}.get(place, 'the ' + place)
    return pick(rng, [f'move {what} to {to}', f'move {what} to {to}', f'put {what} {captions.place(rng, place)}'])


def move(rng):
    before = scene(rng, 'one', 'one', 'two', 'two', 'word and shape')
    after = copy.deepcopy(before)
    it = pick(rng, after['items'])
    old, place = box(it), pick(rng, list(PLACES))
    if place == it['place'] or it['size'] == 'large':
        return None
    what = name(rng, before, it)
    it['x'], it['y'] = scenes.placed(place, it['d'], it['d'])
    it['place'] = place
    others = [o for o in after['items'] if o is not it]
    if not scenes.apart(after['items']) or not scenes.clear(after) or any(o['place'] == place for o in others + after['words']):
        return None
    return before, after, to_move(rng, what, place), [old, box(it)], False, nothing


def to_background(rng, ground):
    if ground['kind'] != 'plain':
        return f'put it on {captions.ground(rng, ground)}'
    colour = ground['colours'][0]
    new = say(rng, colour)
    return pick(rng, [f'make the background {new}', f'make the background {new}', f'change the background to {new}', f'put it on a {new} background',
                      f'把背景改成{ZH[colour]}'])


def background(rng, before=None):
    before = before or scene(rng, 'one', 'two', 'related', 'word', 'word and shape')
    after = copy.deepcopy(before)
    taken = [COLOURS[i['colour']] for i in before['items'] + before['words']] + [COLOURS[c] for c in before['background']['colours']]
    good = [c for c in COLOURS if all(scenes.readable(COLOURS[c], t) if before['words'] else scenes.distance(COLOURS[c], t) > 95 for t in taken)]
    if not good:
        return None
    colour = pick(rng, good)
    after['background'].update(kind='plain', colours=[colour] * 2)
    return before, after, to_background(rng, after['background']), [(0, 0, 1, 1)], False, (
        nothing if before['background']['kind'] == 'gradient' else lambda: to_background(rng, before['background']))


def short_word(rng):
    """Mostly of few letters: those are what can be learned here."""
    while True:
        text = scenes.word(rng)
        if len(text) <= rng.choice([2, 3, 4, 6]):
            return text


def to_reword(rng, old, text):
    return pick(rng, [f'replace {quoted(rng, old)} with {quoted(rng, text)}', f'replace the word {quoted(rng, old)} with {quoted(rng, text)}',
                      f'change the text to {quoted(rng, text)}', f'make it say {quoted(rng, text)}'])


def reword(rng, before=None):
    before = before or scene(rng, 'word', 'word', 'word and shape', 'label')
    after = copy.deepcopy(before)
    w = after['words'][0]
    old, text = copy.deepcopy(w), short_word(rng)
    if text == w['text'] or scenes.is_cjk(text) != scenes.is_cjk(w['text']):
        return None
    w['text'] = text
    if not neat.word_in(before['kind'], w) or before['kind'] != 'label' and not scenes.clear(after):
        return None
    return before, after, to_reword(rng, old['text'], text), [box(old), box(w)], False, nothing


def write(rng):
    before = scene(rng, 'one')
    after = copy.deepcopy(before)
    w = scenes.lettering(rng, after, pick(rng, ['top', 'bottom', 'center']), height=rng.uniform(.13, .22), text=short_word(rng))
    if w is None or not neat.word(w):
        return None
    after['words'] = [w]
    if not scenes.clear(after) or before['items'][0]['place'] == w['place']:
        return None
    return before, rekind(after), to_write(rng, w), [box(w)], False, lambda: to_remove(rng, after, w)


EDITS = {'recolour': (recolour, .2), 'remove': (remove, .1), 'reshape': (reshape, .06), 'add': (add, .08), 'move': (move, .11),
         'background': (background, .12), 'replace word': (reword, .19), 'add word': (write, .14)}


def edit(rng, kind, *before):
    """before: functions of rng that make the scene to begin with; at most one."""
    while True:
        made = EDITS[kind][0](rng, *(b(rng) for b in before))
        if made is None:
            continue
        before, after, prompt, boxes, exact, back = made
        seed = int(rng.integers(1 << 30))
        picture, target = (scenes.paint(s, SIZE, seed) for s in (before, after))
        facts = captions.facts(after)
        if kind == 'add':
            any_size(facts['items'][-1], prompt)
        return dict(kind=kind, prompt=prompt, pictures=[picture], before=picture, target=target, mask=None, changed=covered(*boxes), facts=facts, exact=exact,
                    back=back())


def sign(rng):
    """A word that fills its picture, a third as high as wide: how lettering changes and stays as it is, in few tokens."""
    e = edit(rng, pick(rng, ['replace word', 'replace word', 'background', 'recolour', 'remove']), lambda rng: scenes.banner(rng, 3))
    cut = lambda picture: picture[SIZE // 3:-(SIZE // 3)]
    return dict(e, task='sign', pictures=[cut(p) for p in e['pictures']], **{k: cut(e[k]) for k in ('before', 'target', 'changed')})


# --- with a mask ---------------------------------------------------------------------------------------------------

def grown(mask):
    """Each way by GROW pixels, as a square."""
    for axis in 0, 1:
        sums = np.cumsum(np.pad(mask, [(GROW + 1, GROW) if i == axis else (0, 0) for i in range(2)]), axis)
        mask = sums.take(range(2 * GROW + 1, sums.shape[axis]), axis) > sums.take(range(sums.shape[axis] - 2 * GROW - 1), axis)
    return mask


def selection(rng, left, top, right, bottom):
    """An ellipse or a rectangle around a box of shares."""
    image = Image.new('L', (SIZE, SIZE))
    more = rng.uniform(0, .06, 4) if rng.random() < .7 else np.zeros(4)
    corners = [v * SIZE for v in (left - more[0], top - more[1], right + more[2], bottom + more[3])]
    draw = ImageDraw.Draw(image)
    if rng.random() < .4:
        wide, high = (corners[2] - corners[0]) * .2, (corners[3] - corners[1]) * .2
        draw.ellipse([corners[0] - wide, corners[1] - high, corners[2] + wide, corners[3] + high], fill=255)
    else:
        draw.rectangle(corners, fill=255)
    return np.asarray(image) > 127


def hidden(picture, mask):
    """As a fill shows it to the model."""
    return np.where(grown(mask)[..., None], np.uint8(GRAY), picture)


def masked(task, kind, prompt, before, after, mask, made, exact):
    return dict(task=task, kind=kind, prompt=prompt, pictures=[hidden(before, mask)], before=before, target=np.where(grown(mask)[..., None], after, before), mask=mask,
                changed=grown(mask), facts=captions.facts(made), exact=exact)


def fill(rng):
    """A thing, or now and then a word, drawn where something or nothing was."""
    while True:
        made = scene(rng, 'one', 'one', 'two', 'word and shape', 'word')
        i = int(rng.integers(len(made['items']) + len(made['words'])))
        it = (made['items'] + made['words'])[i]
        if 'text' in it and (len(it['text']) > 4 or rng.random() < .4 or not neat.word_in(made['kind'], it)):
            continue
        without = copy.deepcopy(made)
        (without['items'] if i < len(made['items']) else without['words']).pop(i if i < len(made['items']) else i - len(made['items']))
        seed = int(rng.integers(1 << 30))
        picture, empty = (scenes.paint(s, SIZE, seed) for s in (made, without))
        mask = selection(rng, *box(it))
        others = covered(*(box(o) for o in without['items'] + without['words']))
        if (grown(mask) & others).any():
            continue
        phrase = captions.word_phrase(rng, it, rng.random() < .3) if 'text' in it else a(thing(rng, it)) if rng.random() < .7 else a(f'{say(rng, it["colour"])} {it["shape"]}')
        prompt = phrase if rng.random() < .6 else f'{phrase} on {captions.ground(rng, made["background"])}' if rng.random() < .5 else captions.make(rng, made)
        return masked('fill', 'word' if 'text' in it else 'thing', prompt, empty, picture, mask, made, False)


def erase(rng):
    while True:
        made = scene(rng, 'one', 'two', 'word', 'word and shape', 'related')
        i = int(rng.integers(len(made['items']) + len(made['words'])))
        it = (made['items'] + made['words'])[i]
        if made['relation'] == 'inside' and i == 0:
            continue  # the other lies on it
        without = copy.deepcopy(made)
        (without['items'] if i < len(made['items']) else without['words']).pop(i if i < len(made['items']) else i - len(made['items']))
        mask = selection(rng, *box(it))
        others = [o for o in without['items'] + without['words'] if made['relation'] != 'inside']
        if (grown(mask) & covered(*(box(o) for o in others))).any():
            continue
        seed = int(rng.integers(1 << 30))
        picture, empty = (scenes.paint(s, SIZE, seed) for s in (made, without))
        return masked('remove', 'inside' if made['relation'] == 'inside' else 'thing', REMOVE, picture, empty, mask, rekind(without), True)


def expand(rng):
    """The sides of a picture that is there are drawn; what shows the way is its border spread outwards."""
    made = scene(rng, 'one', 'two', 'related', 'many')
    picture = scenes.paint(made, SIZE, int(rng.integers(1 << 30)))
    sides = [int(v) for v in rng.integers(20, 56, 4) * (rng.random(4) < .5)]
    if rng.random() < .4 or not any(sides):
        sides = [int(rng.integers(24, 44))] * 4
    left, top, right, bottom = sides
    old = np.zeros((SIZE, SIZE), bool)
    old[top:SIZE - bottom, left:SIZE - right] = True
    inner = picture[top:SIZE - bottom, left:SIZE - right]
    spread = np.pad(inner, ((top, bottom), (left, right), (0, 0)), 'edge')
    soft = np.asarray(Image.fromarray(spread).filter(ImageFilter.GaussianBlur(8)))
    shown = np.where(old[..., None], spread, soft)
    changed = grown(~old)
    return dict(task='expand', kind='sides', prompt=EXPAND if rng.random() < .7 else captions.make(rng, made), pictures=[shown], before=shown,
                target=np.where(changed[..., None], picture, shown), mask=~old, changed=changed, facts=captions.facts(made), exact=False)


# --- with pictures that are only referred to -------------------------------------------------------------------------

def portrait(rng, it, jitter):
    """A picture of a thing by itself, larger, on another ground."""
    while True:
        made = scenes.make(rng, 'one')
        it = {**it, 'size': 'large', 'place': 'center', 'd': rng.uniform(.42, .6), 'x': .5 + rng.uniform(-.06, .06), 'y': .5 + rng.uniform(-.06, .06)}
        made.update(items=[it], jitter=jitter)
        made['background']['kind'] = 'plain' if made['background']['kind'] == 'noisy' else made['background']['kind']
        if all(scenes.distance(COLOURS[c], COLOURS[it['colour']]) > 95 for c in made['background']['colours']):
            return scenes.paint(made, SIZE, int(rng.integers(1 << 30)))


def called(rng, picture):
    return pick(rng, [f'the object of Picture {picture}', f'the object in Picture {picture}', f'the shape of Picture {picture}', f'the object from Picture {picture}'])


def personal(rng):
    while True:
        after = scene(rng, 'one', 'one', 'two')
        it = after['items'][0]
        size = say(rng, it['size']) + ', ' if it['size'] != 'medium' and rng.random() < .5 else ''
        if not size:
            it['size'] = 'medium'
        after['background']['turn'] = neat.DOWNWARDS
        for o in after['items']:
            neat.item(o)
        if scenes.apart(after['items'], .01):
            break
    picture, what = portrait(rng, it, after['jitter']), called(rng, 1)
    parts = [f'{what} {size}{captions.place(rng, it["place"])}'] + [f'{a(thing(rng, o))} {captions.place(rng, o["place"])}' for o in after['items'][1:]]
    prompt = f'{" and ".join(parts)} on {captions.ground(rng, after["background"])}'
    if rng.random() < .3:
        prompt = 'show ' + prompt
    facts = captions.facts(after)
    for i, said in enumerate([size] + parts[1:]):
        any_size(facts['items'][i], said)
    return dict(task='personal', kind='new scene', prompt=prompt, pictures=[picture], before=None, target=scenes.paint(after, SIZE, int(rng.integers(1 << 30))), mask=None,
                changed=covered(box(it)), facts=facts, exact=False)


def insert(rng):
    """The object of Picture 2 comes into Picture 1, or Picture 1's takes its place or colour."""
    while True:
        before = scene(rng, 'one', 'one', 'word')
        after, form = copy.deepcopy(before), rng.random()
        if form < .6 or not before['items']:
            it = scenes.item(rng, before, 'small')
            neat.item(it)
            after['items'].append(it)
            if (not scenes.apart(after['items']) or not scenes.clear(after) or any(o.get('place') == it['place'] for o in before['items'] + before['words'])
                    or any((o['shape'], o['colour']) == (it['shape'], it['colour']) for o in before['items'])):
                continue
            prompt, boxes = f'{pick(rng, ["add", "put"])} {called(rng, 2)} {captions.place(rng, it["place"])}', [box(it)]
        else:
            it = after['items'][0]
            what, colour = name(rng, before, it), other_colour(rng, before, before['items'][0])
            new = pick(rng, [s for s in SHAPES if s != it['shape']])
            if colour is None:
                continue
            it.update(colour=colour, shape=new)
            prompt, boxes = f'replace {what} with {called(rng, 2)}', [box(it)]
        rekind(after)
        seed = int(rng.integers(1 << 30))
        picture, target = (scenes.paint(s, SIZE, seed) for s in (before, after))
        facts = captions.facts(after)
        if it is after['items'][-1] and len(after['items']) > len(before['items']):
            any_size(facts['items'][-1], prompt)
        return dict(task='insert', kind='two pictures', prompt=prompt, pictures=[picture, portrait(rng, it, before['jitter'])], before=picture, target=target, mask=None,
                    changed=covered(*boxes), facts=facts, exact=False)


MAKERS = {'fill': fill, 'remove': erase, 'expand': expand, 'personal': personal, 'insert': insert, 'sign': sign}


def make(rng, task=None, kind=None):
    task = task or scenes.pick(rng, TASKS)
    if task == 'edit':
        return dict(task=task, **edit(rng, kind or scenes.pick(rng, {k: share for k, (_, share) in EDITS.items()})))
    return MAKERS[task](rng)

# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawing neatly: whatever a request leaves open is the same each time, as one hand would do it. Sizes and places are the middle of what their
names mean, words have one font and a height that their number of letters sets, rows stand where rows stand, a ground nobody spoke of is white.

From noise alone a network can only draw the mean of all that a prompt allows, and chooses between them as the noise fades; where little is left to
choose, it can draw letters and outlines from the first step on (README.md says how much that gives). What a person has is not neat,
so nothing here touches pictures that requests are about."""
import captions
import scenes
from words import COLOURS, SIZES

GROUNDS = 'white', 'gray', 'black'  # the first on which everything is seen
HEIGHTS = [.2, .2, .2, .19, .16, .135]  # of capitals, by the number of letters
IDEOGRAPHS = .27
DOWNWARDS = 1  # where colours go over into each other
WIDEST_HIGHEST = {'label': (.68, .19), 'slide': (.9, .15), 'word and shape': (.9, .18)}  # of a word, by the kind of scene
ROWS = {2: (.25, .42), 3: (.2, .88 / 3), 4: (.16, .22)}  # things in a row: how large, how far from each other


def middle(size):
    return sum(SIZES[size]) / 2


def item(it):
    it['d'] = middle(it['size'])
    it['x'], it['y'] = scenes.placed(it['place'], it['d'], it['d'])


def word(w, widest=.9, highest=1.):
    """False where it gets too small to read."""
    cjk = scenes.is_cjk(w['text'])
    font, height = (scenes.CJK, IDEOGRAPHS) if cjk else (scenes.LATIN[0], HEIGHTS[min(len(w['text']), len(HEIGHTS)) - 1])
    height = min(height, highest)
    wide = scenes.extent(w['text'], font, height)
    height, wide = height * min(1, widest / wide), min(wide, widest)
    x, y = scenes.placed(w['place'], wide, height)
    w.update(font=font, height=height, width=wide, x=x, y=y)
    return height >= (.145 if cjk else .11)


def word_in(kind, w):
    """As word, in a scene of that kind."""
    return word(w, *WIDEST_HIGHEST.get(kind, ()))


def row(scene):
    d, step = ROWS[scene['count']]
    for i, it in enumerate(scene['items']):
        it.update(d=d, x=.5 + (i - (scene['count'] - 1) / 2) * step, y=.5)


def related(scene):
    (a, b), how = scene['pair'], scene['relation']
    if how == 'inside':
        b.update(d=.69, x=.5, y=.5)
        a.update(d=.69 * .35, x=.5, y=.5 if b['shape'] != 'heart' else .46)
        return
    sign = -1 if how in ('left of', 'above') else 1
    for it, s in (a, sign), (b, -sign):
        it['d'] = middle('medium')
        it['x'], it['y'] = (.5 + s * .23, .5) if 'of' in how else (.5, .5 + s * .23)


def slide(scene, prompt):
    """The shape is on the right where nobody says so."""
    if ' left ' not in prompt:
        scene['lines']['side'] = 'left'
    scene['items'][0].update(d=.27, x=.74 if scene['lines']['side'] == 'left' else .26, y=.64)


def seen_on(scene, ground):
    behind = COLOURS[ground]
    on_it = [] if scene['kind'] == 'label' else scene['words']
    return (all(scenes.distance(COLOURS[i['colour']], behind) > 95 for i in scene['items'])
            and all(scenes.readable(COLOURS[w['colour']], behind) for w in on_it))


def background(scene, prompt):
    """False where nothing neat shows all."""
    ground = scene['background']
    ground['turn'] = DOWNWARDS
    if captions.said(scene, prompt)['background'] is None:
        colour = next((g for g in GROUNDS if seen_on(scene, g)), None)
        if colour is None:
            return False
        ground.update(kind='plain', colours=[colour] * 2)
    return True


def scene(made, prompt):
    """What prompt says of the scene stays, all else becomes neat. False where that does not fit."""
    kind = made['kind']
    made['jitter'] = [0, 0, 0]
    if kind == 'many':
        row(made)
    elif kind == 'related':
        related(made)
    elif kind == 'slide':
        slide(made, prompt)
    elif kind == 'label':
        made['items'][0]['h'] = .4
    else:
        for it in made['items']:
            item(it)
    words = [word_in(kind, w) for w in made['words']]
    if not all(words) or kind == 'two' and not scenes.apart(made['items'], .01) or kind == 'word and shape' and not scenes.clear(made):
        return False
    return background(made, prompt)

# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plug-in at work in a GIMP without windows: every procedure once, on pictures that GIMP draws. ./dev demo changes runs it.

FOLDER in $SFUMATO_DEMO gets before/NNNN.png and made/NNNN.png, for demo-check facts.jsonl, wanted/ (drawn too) and changed/ (white where
the picture was to change), words.txt (procedure and words, a line each, for the sheet) and each image with its layers, NAME.xcf."""
import json
import math
import os
import sys

import gi
gi.require_version('Gimp', '3.0')
gi.require_version('Gegl', '0.4')
from gi.repository import Gegl, Gimp, Gio

FOLDER = os.environ['SFUMATO_DEMO']
SIDE, SEED = 192, 1
COLOURS = {'red': (218, 38, 38), 'yellow': (250, 222, 40), 'green': (36, 160, 62), 'blue': (36, 84, 220), 'purple': (128, 48, 176),
           'pink': (250, 132, 184), 'black': (18, 18, 18), 'white': (250, 250, 250)}
STAR = [(r * math.sin(i * math.pi / 5), -r * math.cos(i * math.pi / 5)) for i in range(10) for r in [.42 if i % 2 else 1]]
PLACES = {'top left': (.2, .2), 'left': (.25, .5), 'center': (.5, .5), 'right': (.75, .5), 'bottom right': (.78, .78)}
READY = []  # (procedure, words, facts) of what was made


# --- drawing -----------------------------------------------------------------------------------------------------

def thing(shape, colour, place, d=.34):
    return {'shape': shape, 'colour': colour, 'place': place, 'd': d}


def paint(layer, colour):
    Gimp.context_set_foreground(Gegl.Color.new('#%02x%02x%02x' % COLOURS[colour]))
    layer.edit_fill(Gimp.FillType.FOREGROUND)


def box(it, side, more=.0):
    """Left, top, width, height in pixels."""
    x, y, d = *(p * side for p in PLACES[it['place']]), (it['d'] + more) * side
    return x - d / 2, y - d / 2, d, d


def select(image, it, side):
    left, top, d, _ = box(it, side)
    if it['shape'] == 'circle':
        image.select_ellipse(Gimp.ChannelOps.REPLACE, left, top, d, d)
    elif it['shape'] == 'square':
        image.select_rectangle(Gimp.ChannelOps.REPLACE, left, top, d, d)
    else:
        image.select_polygon(Gimp.ChannelOps.REPLACE, [v for x, y in STAR for v in (left + d / 2 + x * d / 2, top + d / 2 + y * d / 2)])


def add_layer(image, name, ground, things, side=SIDE):
    layer = Gimp.Layer.new(image, name, side, side, Gimp.ImageType.RGB_IMAGE, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    Gimp.Selection.none(image)
    paint(layer, ground)
    Gimp.context_set_antialias(True)
    for it in things:
        select(image, it, side)
        paint(layer, it['colour'])
    Gimp.Selection.none(image)
    return layer


def drawn(ground, *things, side=SIDE):
    image = Gimp.Image.new(side, side, Gimp.ImageBaseType.RGB)
    return image, add_layer(image, 'Drawn', ground, things, side)


# --- what was made -------------------------------------------------------------------------------------------------

def save(image, part, number=None):
    path = os.path.join(FOLDER, part, '%04d.png' % (len(READY) if number is None else number))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(path), None)


def call(name, image, drawables, **arguments):
    """The layers it returns, and the image; (None, why) when it fails."""
    pdb = Gimp.get_pdb()
    config = pdb.lookup_procedure('plug-in-sfumato-' + name).create_config()
    config.set_property('run-mode', Gimp.RunMode.NONINTERACTIVE)
    if image:
        config.set_property('image', image)
        config.set_core_object_array('drawables', drawables)
    for key, value in {'seed': SEED, **arguments}.items():
        if key != 'seed' or config.find_property('seed'):
            config.set_property(key, value)
    values = pdb.lookup_procedure('plug-in-sfumato-' + name).run(config)
    if values.index(0) != Gimp.PDBStatusType.SUCCESS:
        return None, pdb.get_last_error()
    return list(values.get_core_object_array(1)), values.index(3) if values.length() > 3 else image


def facts_of(ground, things, exact=False):
    return {'background': {'kind': 'plain', 'colours': [ground] * 2}, 'items': [{k: it[k] for k in ('shape', 'colour')} for it in things], 'exact': exact}


def keep(name, words, image, facts):
    """The picture as it is now; READY grows."""
    save(image, 'made')
    Gimp.Selection.none(image)
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(os.path.join(FOLDER, name.replace(' ', '-') + '.xcf')), None)
    READY.append((name, words, {'kind': name, 'prompt': words, **facts}))
    image.delete()


def wanted(ground, things, *changed):
    """What it should look like, and where it was to change: boxes in pixels."""
    image, _ = drawn(ground, *things)
    save(image, 'wanted')
    image.delete()
    mask, layer = drawn('black')
    for left, top, wide, high in changed:
        mask.select_rectangle(Gimp.ChannelOps.REPLACE, left, top, wide, high)
        paint(layer, 'white')
    Gimp.Selection.none(mask)
    save(mask, 'changed')
    mask.delete()


def left_out(name, image, why):
    """What the model that is there cannot do."""
    print('%s is left out: %s' % (name, why), flush=True)
    os.remove(os.path.join(FOLDER, 'before', '%04d.png' % len(READY)))
    image.delete()


def done(answer, name):
    if answer[0] is None:
        sys.exit('%s: %s' % (name, answer[1]))


# --- the procedures --------------------------------------------------------------------------------------------------

def generate():
    words = 'a large pink heart in the center on a white background'
    answer = call('generate', None, [], prompt=words, destination='image')
    done(answer, 'generate')
    keep('generate', words, answer[1], facts_of('white', [thing('heart', 'pink', 'center')]))


def edit():
    circle, square = thing('circle', 'blue', 'top left'), thing('square', 'red', 'bottom right')
    image, layer = drawn('yellow', circle, square)
    words, after = 'make the circle green', [{**circle, 'colour': 'green'}, square]
    save(image, 'before')
    done(call('edit', image, [layer], prompt=words), 'edit')
    wanted('yellow', after, box(circle, SIDE, .06))
    keep('edit', words, image, facts_of('yellow', after))


def edit_with_reference():
    """Where the model looks at several pictures."""
    circle, star = thing('circle', 'blue', 'left'), thing('star', 'purple', 'center', .55)
    image, layer = drawn('white', circle)
    reference = add_layer(image, 'Reference', 'yellow', [star])
    reference.set_visible(False)
    image.set_selected_layers([layer])
    words = 'replace the circle with the object of Picture 2'
    save(image, 'before')
    layers, why = call('edit', image, [layer], prompt=words, **{'reference-1': reference})
    if layers is None:
        return left_out('the edit with a reference', image, why)
    after = [{**star, 'place': 'left', 'd': circle['d']}]
    wanted('white', after, box(circle, SIDE, .06))
    keep('edit with a reference', words, image, facts_of('white', after))


def fill():
    square, circle = thing('square', 'black', 'left'), thing('circle', 'blue', 'right')
    image, layer = drawn('pink', square)
    save(image, 'before')
    image.select_rectangle(Gimp.ChannelOps.REPLACE, *box(circle, SIDE, .08))
    words = 'a medium blue circle'
    done(call('fill', image, [layer], prompt=words), 'fill')
    wanted('pink', [square, circle], box(circle, SIDE, .08))
    keep('fill', words, image, facts_of('pink', [square, circle]))


def remove():
    circle, star = thing('circle', 'green', 'top left'), thing('star', 'red', 'bottom right')
    image, layer = drawn('white', circle, star)
    save(image, 'before')
    image.select_rectangle(Gimp.ChannelOps.REPLACE, *box(star, SIDE, .06))
    done(call('remove', image, [layer]), 'remove')
    wanted('white', [circle], box(star, SIDE, .06))
    keep('remove', '(no words: what is selected goes)', image, facts_of('white', [circle], True))


def expand():
    edge = 32
    image, layer = drawn('yellow', thing('circle', 'purple', 'center', .5), side=SIDE - 2 * edge)
    save(image, 'before')
    done(call('expand', image, [layer], left=edge, right=edge, top=edge, bottom=edge), 'expand')
    circle = thing('circle', 'purple', 'center', .5 * (SIDE - 2 * edge) / SIDE)
    wanted('yellow', [circle], (0, 0, SIDE, edge), (0, SIDE - edge, SIDE, edge), (0, 0, edge, SIDE), (SIDE - edge, 0, edge, SIDE))
    keep('expand', '(no words: the canvas grows by %d pixels on all sides)' % edge, image, facts_of('yellow', [circle], True))


def split():
    """Where a model is there that can."""
    things = [thing('circle', 'blue', 'top left'), thing('square', 'red', 'bottom right')]
    image, layer = drawn('white', *things)
    save(image, 'before')
    layers, why = call('split', image, [layer], layers=2)
    if layers is None:
        return left_out('split', image, why)
    wanted('white', things)
    keep('split', '(no words: a group of %d layers)' % len(layers[0].get_children()), image, facts_of('white', things))


def main():
    for step in generate, edit, edit_with_reference, fill, remove, expand, split:
        step()
    with open(os.path.join(FOLDER, 'facts.jsonl'), 'w', encoding='utf-8') as facts, open(os.path.join(FOLDER, 'words.txt'), 'w', encoding='utf-8') as words:
        for name, said, known in READY:
            print(json.dumps(known), file=facts)
            print('%s: %s' % (name, said), file=words)


main()

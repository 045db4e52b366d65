# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plug-in at work in a GIMP without windows: FOLDER in $SFUMATO_DEMO gets a picture as it was (before.png), with what
was filled into a selection of it (after.png), and both with their layers (picture.xcf). ./dev demo runs it."""
import math
import os
import random
import sys

import gi
gi.require_version('Gimp', '3.0')
gi.require_version('Gegl', '0.4')
from gi.repository import Gegl, Gimp, Gio

WIDTH, HEIGHT, SEA = 480, 360, 270
PROMPT = 'a medium red heart in the center on a blue background'


def sky_and_sea():
    """Bytes, RGB: a picture like a photograph, drawn by formulas."""
    rng, rows = random.Random(4), []
    waves = [(rng.uniform(.004, .03), rng.uniform(.006, .05), rng.uniform(0, 6.3)) for _ in range(12)]
    for y in range(HEIGHT):
        for x in range(WIDTH):
            if y < SEA:
                cloud = sum(math.sin(a * x + b * y + p) for a, b, p in waves) / 6
                share = max(0., min(1., cloud)) * (1 - y / SEA) * .8
                base = (70 + 90 * y / SEA, 128 + 66 * y / SEA, 205 + 20 * y / SEA)
                colour = [c + (240 - c) * share for c in base]
            else:
                depth = (y - SEA) / (HEIGHT - SEA)
                glint = 26 * max(0, math.sin(x * .021 + 5 * math.sin(y * .7) + y * 1.3)) ** 4 * (1 - .5 * depth)
                colour = (34 + 20 * depth + glint, 92 - 10 * depth + glint, 138 - 34 * depth + glint)
            grain = rng.gauss(0, 3)
            rows += (min(255, max(0, round(c + grain))) for c in colour)
    return bytes(rows)


def call(name, image, layer, **arguments):
    pdb = Gimp.get_pdb()
    procedure = pdb.lookup_procedure(name)
    config = procedure.create_config()
    config.set_property('run-mode', Gimp.RunMode.NONINTERACTIVE)
    config.set_property('image', image)
    config.set_core_object_array('drawables', [layer])
    for key, value in arguments.items():
        config.set_property(key, value)
    values = procedure.run(config)
    if values.index(0) != Gimp.PDBStatusType.SUCCESS:
        sys.exit('%s: %s' % (name, pdb.get_last_error()))


def save(image, name):
    path = os.path.join(os.environ['SFUMATO_DEMO'], name)
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(path), None)


def main():
    image = Gimp.Image.new(WIDTH, HEIGHT, Gimp.ImageBaseType.RGB)
    layer = Gimp.Layer.new(image, 'sea', WIDTH, HEIGHT, Gimp.ImageType.RGB_IMAGE, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    layer.get_buffer().set(Gegl.Rectangle.new(0, 0, WIDTH, HEIGHT), "R'G'B' u8", sky_and_sea())
    layer.update(0, 0, WIDTH, HEIGHT)
    save(image, 'before.png')
    Gimp.context_set_feather(True)
    Gimp.context_set_feather_radius(6, 6)
    image.select_ellipse(Gimp.ChannelOps.REPLACE, 150, 50, 180, 180)
    call('plug-in-sfumato-fill', image, layer, prompt=PROMPT, seed=1)
    Gimp.Selection.none(image)
    save(image, 'picture.xcf')
    save(image, 'after.png')


main()

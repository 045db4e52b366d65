#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Splits of scenes nobody trained on: `sfumato split` makes layers of each picture, and they are compared with what was painted.

./dev train stacks FOLDER [N]                 # the scenes
./dev run demo/check/splits.py FOLDER [--layers N] [--out FOLDER] [--jobs N] [--least PERCENT] [--only N] [ARGUMENT of split…]

Without --layers as many are asked for as were painted. The sheet in --out has a row for each scene: picture, layers, and red where wrong.
"""
import argparse
import collections
import json
import os
import shutil
import sys
import time

import gi

gi.require_version('GdkPixbuf', '2.0')
from gi.repository import GdkPixbuf, GLib

import runs
from stack import judge

HERE = os.path.dirname(os.path.abspath(__file__))
COLUMNS = 4  # rows of the sheet beside each other


def load(path):
    """Bytes of a picture, with alpha, and its sides."""
    p = GdkPixbuf.Pixbuf.new_from_file(path)
    p = p if p.get_has_alpha() else p.add_alpha(False, 0, 0, 0)
    width, height, stride, data = p.get_width(), p.get_height(), p.get_rowstride(), p.get_pixels()
    return b''.join(data[y * stride:y * stride + 4 * width] for y in range(height)), width, height


def on_checks(data, width):
    """On grey squares, without alpha."""
    flat = bytearray(len(data) // 4 * 3)
    for i in range(len(data) // 4):
        ground, alpha = (200 if (i // width // 8 + i % width // 8) % 2 else 230), data[4 * i + 3]
        flat[3 * i:3 * i + 3] = [(c * alpha + ground * (255 - alpha) + 127) // 255 for c in data[4 * i:4 * i + 3]]
    return bytes(flat)


def sheet(rows, path):
    """rows: (right, [(data, width, height)…])."""
    side, gap = max(p[1] for _, row in rows for p in row), 4
    across = (max(len(row) for _, row in rows)) * (side + gap) + 3 * gap
    down = -(-len(rows) // COLUMNS)
    whole = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, False, 8, COLUMNS * across, down * (side + gap))
    whole.fill(0xffffffff)
    for i, (right, row) in enumerate(rows):
        x, y = i // down * across, i % down * (side + gap)
        whole.new_subpixbuf(x, y, gap, side).fill(0x40a040ff if right else 0xe02020ff)
        for k, (data, width, height) in enumerate(row):
            p = GdkPixbuf.Pixbuf.new_from_bytes(GLib.Bytes.new(on_checks(data, width)), GdkPixbuf.Colorspace.RGB, False, 8, width, height, 3 * width)
            p.copy_area(0, 0, width, height, whole, x + 2 * gap + k * (side + gap), y)
    whole.savev(path, 'png', [], [])


def main():
    options = argparse.ArgumentParser()
    options.add_argument('scenes')
    options.add_argument('--layers', type=int)
    options.add_argument('--out', default=os.path.join(HERE, '..', '..', '_build', 'demo', 'splits'))
    options.add_argument('--seed', type=int, default=1, help='of the first picture; each further one has the next')
    options.add_argument('--least', type=float, default=0, help='fail when fewer are right, in per cent')
    runs.add_options(options, 'scenes')
    o, further = options.parse_known_args()
    letters = [json.loads(line)['letters'] for line in open(os.path.join(o.scenes, 'stacks.jsonl'), encoding='utf-8')][:o.only]
    shutil.rmtree(o.out, ignore_errors=True)
    os.makedirs(o.out)

    def split(i):
        n = max(o.layers or len(letters[i]) + 1, 2)
        folder, picture = os.path.join(o.out, '%04d' % i), os.path.join(o.scenes, '%04d.png' % i)
        runs.sfumato('split', '--quiet', '--seed', str(o.seed + i), '--image', picture, '--layers', str(n), '--output-dir', folder, *further)
        return [load(picture)] + [load(os.path.join(folder, 'layer-%d.png' % (k + 1))) for k in range(n)]

    began, rows, faults, kinds = time.time(), [], collections.Counter(), collections.defaultdict(list)
    for i, (whole, *layers) in enumerate(runs.each(split, len(letters), o.jobs)):
        ground, *objects = (load(os.path.join(o.scenes, '%04d-%d.png' % (i, k)))[0] for k in range(len(letters[i]) + 1))
        wrong = judge([layer[0] for layer in layers], whole[0], ground, objects, letters[i])
        faults.update(set(wrong))
        kinds[len(objects), any(letters[i])].append(not wrong)
        rows.append((not wrong, [whole, *layers]))
        print('%04d %s' % (i, ', '.join(wrong) or 'right'), flush=True)
    sheet(rows, os.path.join(o.out, 'sheet.png'))
    right = sum(r for r, _ in rows)
    for (n, lettered), seen in sorted(kinds.items()):
        print('%d object%s%s: %d of %d right' % (n, 's' * (n > 1), ', one of them a word' * lettered, sum(seen), len(seen)))
    print('wrong: ' + (', '.join('%s %d' % f for f in faults.most_common()) or 'nothing'))
    print('%d of %d splits right (%.0f %%), %.0f s' % (right, len(rows), 100 * right / len(rows), time.time() - began))
    sys.exit(100 * right < o.least * len(rows))


if __name__ == '__main__':
    main()

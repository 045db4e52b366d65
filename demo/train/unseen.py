# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage requests: requests about pictures that nobody trained on: FOLDER [N]. N of each kind of edit; twice as many fills and new
scenes, as many of the rest. FOLDER/requests.jsonl has a line of JSON for each: id, task, kind, prompt, pictures, mask, target, changed,
facts, exact (edits.py says what they are)."""
import json
import os
import sys

import numpy as np
from PIL import Image

import edits

SEED = 20261127  # training takes others


def save(folder, name, picture):
    picture = picture.astype(np.uint8) * 255 if picture.dtype == bool else picture
    Image.fromarray(picture).save(os.path.join(folder, name))
    return name


def kinds(n):
    for kind in edits.EDITS:
        yield from [('edit', kind)] * n
    for task, times in (('fill', 2), ('personal', 2), ('remove', 1), ('expand', 1), ('insert', 1)):
        yield from [(task, None)] * (times * n)


def main():
    folder, n = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'requests.jsonl'), 'w', encoding='utf-8') as file:
        for i, (task, kind) in enumerate(kinds(n)):
            e = edits.make(np.random.default_rng([SEED, i]), task, kind)
            put = lambda what, picture: save(folder, '%04d-%s.png' % (i, what), picture)
            # Programs hide and grow what is selected themselves: they get the picture that a person has.
            pictures = e['pictures'] if e['mask'] is None else [e['before']]
            line = {'id': i, 'task': task, 'kind': e['kind'], 'prompt': e['prompt'], 'pictures': [put(str(k + 1), p) for k, p in enumerate(pictures)],
                    'mask': None if e['mask'] is None else put('mask', e['mask']), 'target': put('target', e['target']), 'changed': put('changed', e['changed']),
                    'facts': e['facts'], 'exact': e['exact']}
            if task == 'expand':
                sides = sides_of(e['mask'])
                line.update(sides, pictures=[put('old', inside(e['before'], **sides))])
            print(json.dumps(line, ensure_ascii=False), file=file)
    print('%d requests in %s' % (i + 1, folder))


def sides_of(mask):
    """How wide a mask that goes around a box is on each side, in pixels."""
    rows, columns = (~mask).any(1).nonzero()[0], (~mask).any(0).nonzero()[0]
    return {'left': int(columns[0]), 'top': int(rows[0]), 'right': int(mask.shape[1] - 1 - columns[-1]), 'bottom': int(mask.shape[0] - 1 - rows[-1])}


def inside(picture, left, top, right, bottom):
    return picture[top:picture.shape[0] - bottom, left:picture.shape[1] - right]

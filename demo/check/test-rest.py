#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""test-rest.py DEMO-CHECK: pictures that were changed, beside those that were wanted. What is wrong with each is known, and no more
than that is found."""
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import zlib

SIDE = 96
BOX = range(30, 66)  # of the thing, along both sides
WHITE, GREEN, RED = (250, 250, 250), (36, 160, 62), (218, 38, 38)
RECOLOURED = {'kind': 'edit', 'background': {'kind': 'plain', 'colours': ['white', 'white']}, 'items': [{'shape': 'square', 'colour': 'green'}]}
REMOVED = {'kind': 'remove', 'background': {'kind': 'plain', 'colours': ['white', 'white']}, 'items': []}
EXACT = {**REMOVED, 'exact': True}
CASES = [  # what was made: thing, ground, side; what was wanted: thing; facts; what is wrong
    (GREEN, WHITE, SIDE, GREEN, RECOLOURED, ''),
    (GREEN, (247, 247, 247), SIDE, GREEN, RECOLOURED, ''),
    (GREEN, (245, 245, 245), SIDE, GREEN, RECOLOURED, 'rest'),
    (RED, WHITE, SIDE, GREEN, RECOLOURED, 'colour'),
    (WHITE, WHITE, SIDE, WHITE, EXACT, ''),
    (RED, WHITE, SIDE, WHITE, EXACT, 'change'),
    (RED, WHITE, SIDE, WHITE, REMOVED, ''),  # facts alone do not say that a thing is gone
    (GREEN, WHITE, SIDE + 16, GREEN, RECOLOURED, 'rest'),
    (GREEN, WHITE, SIDE, None, RECOLOURED, ''),  # nothing to compare with
]


def write(folder, i, thing, ground, side=SIDE):
    os.makedirs(folder, exist_ok=True)
    rows = b''.join(b'\0' + b''.join(bytes(thing if x in BOX and y in BOX else ground) for x in range(side)) for y in range(side))
    chunk = lambda kind, data: struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    with open(os.path.join(folder, '%04d.png' % i), 'wb') as file:
        file.write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', side, side, 8, 2, 0, 0, 0))
                   + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))


def main():
    with tempfile.TemporaryDirectory() as place:
        made, wanted, changed, facts = (os.path.join(place, name) for name in ('made', 'wanted', 'changed', 'facts.jsonl'))
        with open(facts, 'w') as file:
            for i, (thing, ground, side, target, asked, _) in enumerate(CASES):
                write(made, i, thing, ground, side)
                if target:
                    write(wanted, i, target, WHITE)
                    write(changed, i, (255,) * 3, (0,) * 3)
                print(json.dumps(asked), file=file)
        told = subprocess.run([sys.argv[1], '-v', '--wanted', wanted, '--changed', changed, made, facts], stdout=subprocess.PIPE, text=True, check=True)
    found = {int(m[1]): m[2].strip() for m in re.finditer(r'^(\d{4})((?: [a-z]+)+): ', told.stdout, re.M)}
    wrong = [(i, found.get(i, ''), case[-1]) for i, case in enumerate(CASES) if found.get(i, '') != case[-1]]
    if wrong:
        sys.exit('number, found, known: %s' % wrong)
    print('%d pictures, judged as they are' % len(CASES))


if __name__ == '__main__':
    main()

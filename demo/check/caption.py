#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `sfumato caption` says of pictures nobody trained on: which fields are right, and whether PyTorch said the same.

./dev run demo/check/caption.py FOLDER [--jobs N] [--only N] [--least X] [ARGUMENT of caption…]

FOLDER is what `./dev train describe --folder FOLDER` wrote: pictures, and in said.jsonl what PyTorch said and what is true. --least: fail
when fewer answers are the same to the letter, in per cent. What differs is told.
"""
import argparse
import collections
import json
import os
import sys

import runs

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'train'))
from telling import read  # noqa: E402

FIELDS = {'type': 'Image Type', 'style': 'Image Style', 'watermarks': 'Watermark List', 'words': 'Text List'}  # of the event, of the answer


def asked(picture, further):
    """The event of a picture."""
    events = [json.loads(line) for line in runs.sfumato('caption', '--json', '--image', picture, *further).splitlines()]
    for event in events:
        if event['event'] == 'caption':
            return event
    raise SystemExit('%s: no caption among %s' % (picture, events))


def report(lines, said):
    """Two tables: the fields of the answer, and the facts of the caption."""
    right = collections.Counter(key for line, event in zip(lines, said) for key, name in FIELDS.items() if event[key] == line['fields'][name])
    print('| %s |\n|%s\n| %s |\n' % (' | '.join(FIELDS), ' --- |' * len(FIELDS), ' | '.join('%d of %d' % (right[key], len(lines)) for key in FIELDS)))
    told, true = collections.Counter(), collections.Counter()
    for line, event in zip(lines, said):
        for field, values in read(event['caption']).items():
            known = {tuple(v) if isinstance(v, list) else v for v in line['told'][field]}
            told[field] += len(values)
            true[field] += len(values & known)
    print('| %s | all |\n|%s\n| %s | %d of %d (%.0f %%) |\n' % (
        ' | '.join(told), ' --- |' * (len(told) + 1), ' | '.join('%d of %d' % (true[f], told[f]) for f in told), true.total(), told.total(),
        100 * true.total() / max(told.total(), 1)))


def main():
    options = argparse.ArgumentParser()
    options.add_argument('folder')
    runs.add_options(options, 'pictures')
    options.add_argument('--least', type=float, default=0.)
    o, further = options.parse_known_args()
    with open(os.path.join(o.folder, 'said.jsonl'), encoding='utf-8') as file:
        lines = [json.loads(line) for line in file][:o.only]
    said = list(runs.each(lambda i: asked(os.path.join(o.folder, '%04d.png' % i), further), len(lines), o.jobs))
    report(lines, said)
    same = 0
    for i, (line, event) in enumerate(zip(lines, said)):
        same += event['reply'] == line['said']
        if event['reply'] != line['said']:
            print('%04d\n  PyTorch  %s\n  Vulkan   %s' % (i, line['said'], event['reply']))
    print('%d of %d answers are those of PyTorch to the letter' % (same, len(lines)))
    if 100 * same < o.least * len(lines):
        sys.exit('%g %% are wanted' % o.least)


if __name__ == '__main__':
    main()

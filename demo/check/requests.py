#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo model on requests nobody trained it on: `sfumato` does what each asks for, demo-check says what is right.

./dev run demo/check/requests.py FOLDER [--pictures FOLDER] [--seed N] [--jobs N] [--only N] [--task NAME] [--least X]
                                     [ARGUMENT of the command…]

FOLDER is what `./dev train requests FOLDER` wrote: requests.jsonl, and the pictures it names. A request is right when all its
facts hold and what should have stayed differs by less than 4 of 255 on average; a removal, of which only one picture is right,
when what has changed looks as it should too. What is not right is told at the end, with what is wrong.
"""
import argparse
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import time

import runs

HERE = os.path.dirname(os.path.abspath(__file__))
AIMS = {'edit': 80, 'fill': 80, 'personal': 70}  # per cent
SIDES = ('left', 'right', 'top', 'bottom')


def command(folder, request):
    """The arguments of sfumato that do it."""
    pictures = [word for name in request['pictures'] for word in ('--image', os.path.join(folder, name))]
    task = request['task']
    if task in ('fill', 'remove'):
        return ['fill', *pictures, '--mask', os.path.join(folder, request['mask']), '--prompt', request['prompt'] if task == 'fill' else '']
    if task == 'expand':
        return ['expand', *pictures, *(word for side in SIDES if request.get(side) for word in ('--' + side, str(request[side]))),
                '--prompt', request['prompt']]
    return [{'personal': 'generate'}.get(task, 'edit'), *pictures, '--prompt', request['prompt']]


def facts_of(request):
    """As demo-check reads them, by task and kind; of a removal one picture only is right."""
    gone = request['task'] == 'remove' or request['kind'] == 'remove'
    return {'exact': request.get('exact', gone), **request['facts'], 'prompt': request['prompt'], 'kind': '%s %s' % (request['task'], request['kind'])}


def prepare(folder, requests, pictures):
    """Facts and the pictures to compare with, under the names that demo-check looks for."""
    shutil.rmtree(pictures, ignore_errors=True)
    for part in ('made', 'wanted', 'changed'):
        os.makedirs(os.path.join(pictures, part))
    for i, request in enumerate(requests):
        for part, name in (('wanted', request.get('target')), ('changed', request.get('changed'))):
            if name and request['task'] != 'personal':
                os.symlink(os.path.abspath(os.path.join(folder, name)), os.path.join(pictures, part, '%04d.png' % i))
    with open(os.path.join(pictures, 'facts.jsonl'), 'w', encoding='utf-8') as file:
        for request in requests:
            print(json.dumps(facts_of(request), ensure_ascii=False), file=file)


def judge(pictures):
    """What is wrong with each picture that is not right: {number: [category…]}."""
    told = subprocess.run([runs.demo_check(), '-v', '--wanted', os.path.join(pictures, 'wanted'), '--changed', os.path.join(pictures, 'changed'),
                           os.path.join(pictures, 'made'), os.path.join(pictures, 'facts.jsonl')], stdout=subprocess.PIPE, text=True, check=True)
    return {int(m[1]): m[2].split() for m in re.finditer(r'^(\d{4})((?: [a-z]+)+): ', told.stdout, re.M)}


def report(requests, wrong):
    """A table by task and kind, and the share of right ones by task."""
    rows = collections.defaultdict(list)
    for i, request in enumerate(requests):
        rows[request['task'], request['kind']].append(wrong.get(i, []))
        rows[request['task'], 'all'].append(wrong.get(i, []))
    print('| task | kind | right | what is wrong in others |\n| --- | --- | ---: | --- |')
    shares = {}
    for task, kind in sorted(rows, key=lambda row: (row[0], row[1] == 'all', row[1])):
        judged = rows[task, kind]
        right = sum(not categories for categories in judged)
        faults = collections.Counter(c for categories in judged for c in categories).most_common()
        print('| %s | %s | %d of %d (%.0f %%) | %s |' % (task, kind, right, len(judged), 100 * right / len(judged), ', '.join('%s %d' % f for f in faults)))
        if kind == 'all':
            shares[task] = 100 * right / len(judged)
    return shares


def main():
    options = argparse.ArgumentParser()
    options.add_argument('folder')
    options.add_argument('--pictures', default=os.path.join(HERE, '..', '..', '_build', 'demo', 'requests'))
    options.add_argument('--seed', type=int, default=1, help='of the first request; each further one has the next')
    runs.add_options(options, 'requests')
    options.add_argument('--task', help='requests of one task')
    options.add_argument('--least', type=float, help='fail when fewer of a task are right, in per cent; default: only tell')
    o, further = options.parse_known_args()
    with open(os.path.join(o.folder, 'requests.jsonl'), encoding='utf-8') as file:
        requests = [r for r in map(json.loads, file) if o.task in (None, r['task'])][:o.only]
    prepare(o.folder, requests, o.pictures)

    def work(i):
        runs.sfumato(*command(o.folder, requests[i]), '--quiet', '--seed', str(o.seed + i), '--output',
                     os.path.join(o.pictures, 'made', '%04d.png' % i), *further)

    began = time.time()
    made = sum(1 for _ in runs.each(work, len(requests), o.jobs))
    print('%d requests in %.0f s\n' % (made, time.time() - began), flush=True)
    wrong = judge(o.pictures)
    shares = report(requests, wrong)
    print()
    for i, categories in sorted(wrong.items()):
        print('%04d %s %s: %s: %s' % (i, requests[i]['task'], requests[i]['kind'], requests[i]['prompt'] or '(no words)', ' '.join(categories)))
    for task, aim in AIMS.items():
        if task in shares:
            print('%s: %.0f %%, %d %% are aimed at' % (task, shares[task], aim))
    if o.least is not None and min(shares.values(), default=0) < o.least:
        sys.exit('%g %% of each task are wanted' % o.least)


if __name__ == '__main__':
    main()

#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo model on prompts nobody trained it on: `sfumato generate` makes a picture of each, demo-check says what is right.

./dev run demo/check/evaluate.py [--prompts FILE.jsonl] [--pictures FOLDER] [--seed N] [--jobs N] [--only N] [--least X]
                                     [ARGUMENT of generate…]
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import time

import runs

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--prompts', default=os.path.join(HERE, '..', 'prompts.jsonl'))
    options.add_argument('--pictures', default=os.path.join(HERE, '..', '..', '_build', 'demo', 'evaluate'))
    options.add_argument('--seed', type=int, default=1, help='of the first picture; each further prompt has the next')
    options.add_argument('--least', default='0', help='fail when fewer are right in all that is said, in per cent')
    runs.add_options(options, 'prompts')
    o, further = options.parse_known_args()
    lines = open(o.prompts, encoding='utf-8').read().splitlines()[:o.only]
    shutil.rmtree(o.pictures, ignore_errors=True)
    os.makedirs(o.pictures)
    facts = os.path.join(o.pictures, 'facts.jsonl')
    with open(facts, 'w', encoding='utf-8') as file:
        file.write('\n'.join(lines) + '\n')

    def generate(i):
        runs.sfumato('generate', '--quiet', '--seed', str(o.seed + i), '--prompt', json.loads(lines[i])['prompt'],
                     '--output', os.path.join(o.pictures, '%04d.png' % i), *further)

    began = time.time()
    made = sum(1 for _ in runs.each(generate, len(lines), o.jobs))
    print('%d pictures in %.0f s' % (made, time.time() - began), flush=True)
    sys.exit(subprocess.run([runs.demo_check(), '-v', '--least', o.least, o.pictures, facts]).returncode)


if __name__ == '__main__':
    main()

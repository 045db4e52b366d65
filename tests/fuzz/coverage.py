#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fuzz targets reach: coverage.py [SECONDS]

Runs each target for SECONDS (25) from its corpus, keeps the inputs that reach something new, replays those in a build
that counts, and prints the parsers' files: lines reached of lines, and every line not reached. Run inside ./dev shell,
after ./dev test has built _build/fuzz.
"""
import gzip, json, os, shutil, subprocess, sys, tempfile
from concurrent.futures import ThreadPoolExecutor
from glob import glob

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
COVER = os.path.join(ROOT, '_build', 'cover')
PARSERS = ['models/%s/%s.c' % (folder, f) for folder, files in (
    ('checkpoint', 'file gguf safetensors checkpoint names scales values'),
    ('config', 'json mmdit scheduler source text vae vision'),
    ('set', 'check expected'),
    ('text', 'tokenizer-load vocabulary')) for f in files.split()] + ['models/report.c']


def grow(program, seconds, temp):
    """A folder of the inputs that a run of program found to reach something new."""
    name = os.path.basename(program)[len('fuzz-'):]
    grown, few = os.path.join(temp, 'grown-' + name), os.path.join(temp, name)
    shutil.copytree(os.path.join(HERE, 'corpus', name), grown)
    os.mkdir(few)
    for options in ['-max_total_time=%d' % seconds, '-timeout=20', grown], ['-merge=1', few, grown]:
        subprocess.run([program, *options], check=True, cwd=temp, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return name, few


def count_lines(temp):
    """{file: {line: executions}} of the parsers, from what the counting build wrote."""
    lines = {}
    notes = [p for p in glob(COVER + '/models/**/*.gcno', recursive=True)]
    subprocess.run(['gcov', '--json-format', *notes], cwd=temp, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for path in glob(temp + '/*.gcov.json.gz'):
        for source in json.load(gzip.open(path))['files']:
            name = os.path.relpath(os.path.join(COVER, source['file']), ROOT)
            for line in source['lines'] if name in PARSERS else []:
                found = lines.setdefault(name, {})
                found[line['line_number']] = found.get(line['line_number'], 0) + line['count']
    return lines


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    programs = [p for p in sorted(glob(os.path.join(ROOT, '_build', 'fuzz', 'tests', 'fuzz', 'fuzz-*'))) if os.path.isfile(p)]
    shutil.rmtree(COVER, ignore_errors=True)
    subprocess.check_call(['meson', 'setup', COVER, ROOT, '-Db_coverage=true', '-Doptimization=0'], stdout=subprocess.DEVNULL)
    subprocess.check_call(['ninja', '-C', COVER, '--quiet'])
    with tempfile.TemporaryDirectory() as temp, ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, folder in pool.map(lambda p: grow(p, seconds, temp), programs):
            print('%s: %d inputs' % (name, len(os.listdir(folder))))
            subprocess.check_call([os.path.join(COVER, 'tests', 'fuzz', 'replay-' + name), folder], stdout=subprocess.DEVNULL)
        lines = count_lines(temp)
    for name in PARSERS:
        text = open(os.path.join(ROOT, name)).read().split('\n')
        left = sorted(n for n, count in lines[name].items() if not count)
        print('\n%s: %d of %d lines' % (name, len(lines[name]) - len(left), len(lines[name])))
        for n in left:
            print('  %4d %s' % (n, text[n - 1].strip()))


main()

#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ./dev test runs: run.py [SUITE…]

With suites: those of the ordinary build. Without: all of them, then unit and op under the sanitizers, the
golden cases that lie beside the project (if any), and every fuzz target for a while. The suite golden-rows
is these golden cases on every row of the kernel table, which takes minutes.
The last line is 'N passed, N failed, N skipped'; where CI=true a skip is a failure.
"""
import os, re, shutil, subprocess, sys, tempfile, time
from concurrent.futures import ThreadPoolExecutor
from glob import glob

from count import count, explain

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FUZZ_SECONDS = 20

os.environ.update(
    QI_REQUIRE_VULKAN='1',
    # Unloaded, a driver's own memory would count as leaked, with no name to forgive it by.
    VK_LOADER_DISABLE_DYNAMIC_LIBRARY_UNLOADING='1',
    ASAN_SYMBOLIZER_PATH='/usr/bin/addr2line',
    UBSAN_OPTIONS='halt_on_error=1:print_stacktrace=1')


FAULTS = [] # what failed tests said; repeated at the end, where people look


def say(*words):
    print(*words, flush=True)


def build(name, target, *options, env=None):
    """The folder of a build of that name without the plug-in, its target up to date; None where it failed."""
    folder = os.path.join(ROOT, '_build', name)
    env = dict(os.environ, **(env or {}))
    if not os.path.exists(os.path.join(folder, 'build.ninja')):
        if subprocess.call(['meson', 'setup', folder, ROOT, '-Dplugin=disabled', '-Dstubs=true', '-Dwerror=true', *options], env=env):
            return None
    return None if subprocess.call(['ninja', '-C', folder, '--quiet', target], env=env) else folder


def meson_tests(folder, suites, *options):
    if folder is None:
        return 0, 1, 0
    log = os.path.join(folder, 'meson-logs', 'testlog.json')
    if os.path.exists(log):
        os.remove(log)
    status = subprocess.call(['meson', 'test', '-C', folder, '--no-rebuild', '--print-errorlogs', *options,
                              *[word for s in suites for word in ('--suite', s)]])
    passed, failed, skipped = count(log) if os.path.exists(log) else (0, 0, 0)
    if failed:
        FAULTS.extend(explain(log))
    if passed + failed + skipped == 0:
        say('test: there is no such test')
        failed = 1
    return passed, max(failed, status != 0), skipped


def ordinary(suites):
    return meson_tests(os.path.join(ROOT, '_build', 'dev'), suites)


def sanitized():
    folder = build('asan', 'all', '-Db_sanitize=address,undefined', '-Doptimization=1')
    return meson_tests(folder, ['unit', 'op', 'golden', 'cli'], '--timeout-multiplier', '4')


def golden(*options):
    """The cases beside the project, where they are."""
    folder = os.path.join(os.path.dirname(ROOT), 'shared', 'golden')
    if not os.path.exists(os.path.join(folder, 'judge.py')):
        say('golden: no cases lie beside the project')
        return 0, 0, 0
    run = subprocess.run([sys.executable, os.path.join(ROOT, 'tests', 'golden', 'shared.py'), *options,
                          os.path.join(ROOT, '_build', 'dev', 'tests', 'golden', 'qi-golden'), folder],
                         stdout=subprocess.PIPE, text=True)
    *lines, last = run.stdout.splitlines() or ['']
    say('\n'.join(lines))
    total = re.fullmatch(r'(\d+) passed, (\d+) failed, (\d+) skipped', last)
    return tuple(map(int, total.groups())) if total else (0, 1, 0)


def fuzz_one(program, temp):
    name = os.path.basename(program)
    corpus, seeds = os.path.join(temp, name), os.path.join(ROOT, 'tests', 'fuzz', 'corpus', name[len('fuzz-'):])
    shutil.copytree(seeds, corpus) if os.path.isdir(seeds) else os.makedirs(corpus)
    n_seeds = len(os.listdir(corpus))
    run = subprocess.run([program, '-max_total_time=%d' % FUZZ_SECONDS, '-timeout=20', '-rss_limit_mb=4096',
                          '-print_final_stats=1', '-artifact_prefix=%s/' % os.path.join(ROOT, '_build', 'fuzz'), corpus],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace')
    done = re.search(r'stat::number_of_executed_units: *(\d+)', run.stdout)
    executed = int(done[1]) if done else 0
    good = run.returncode == 0 and executed > 0 and n_seeds > 0
    say('%s: %s, %d executions from %d seeds' % (name, 'ok' if good else 'FAILED', executed, n_seeds))
    if not good:
        say(run.stdout[-4000:] if n_seeds else 'its corpus, tests/fuzz/corpus/%s, is empty' % name[len('fuzz-'):])
    return good


def fuzz():
    folder = build('fuzz', 'fuzz-programs', '-Dfuzz=true', '-Db_sanitize=address,undefined', '-Db_lundef=false', '-Doptimization=1',
                   env={'CC': 'clang', 'CXX': 'clang++'})
    # A target is a program; its folder of objects (fuzz-NAME.p) is not.
    programs = [p for p in sorted(glob(os.path.join(folder or '', 'tests', 'fuzz', 'fuzz-*')))
                if os.path.isfile(p) and os.access(p, os.X_OK)] if folder else []
    if not programs:
        say('fuzz: no target was built')
        return 0, 1, 0
    with tempfile.TemporaryDirectory() as temp, ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda p: fuzz_one(p, temp), programs))
    return sum(results), len(results) - sum(results), 0


def main():
    suites = sys.argv[1:]
    parts = {}
    if 'golden-rows' in suites:
        suites.remove('golden-rows')
        parts['golden-rows'] = lambda: golden('--rows')
    if suites or not parts:
        parts['suites'] = lambda: ordinary(suites)
    if len(sys.argv) == 1:
        parts.update(sanitizers=sanitized)
        # The parts of the tree that have their programs; a folder that names one must build it.
        if os.path.exists(os.path.join(ROOT, 'tests', 'golden', 'qi-golden.c')):
            parts.update(golden=golden)
        if glob(os.path.join(ROOT, 'tests', 'fuzz', '*.c')):
            parts.update(fuzz=fuzz)
    total = [0, 0, 0]
    for name, part in parts.items():
        began = time.monotonic()
        result = part()
        total = [a + b for a, b in zip(total, result)]
        say('%s: %d passed, %d failed, %d skipped (%.0f s)' % (name, *result, time.monotonic() - began))
    for text in FAULTS:
        say(text)
    say('%d passed, %d failed, %d skipped' % tuple(total))
    return total[1] > 0 or total[0] == 0 or (total[2] > 0 and os.environ.get('CI') == 'true')


if __name__ == '__main__':
    sys.exit(main())

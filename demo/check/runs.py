# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checks of the demo model share: options, and `sfumato` at work on several pictures at a time."""
import concurrent.futures
import os
import shutil
import subprocess


def add_options(options, things):
    options.add_argument('--jobs', type=int, default=2, help='programs at a time')
    options.add_argument('--only', type=int, help='the first N ' + things)


def sfumato(*arguments):
    """What it says on standard output. Where it fails the whole check ends with what it says of that."""
    done = subprocess.run(['sfumato', *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit('sfumato %s: %s' % (' '.join(arguments), done.stderr.strip() or 'it ended with %d' % done.returncode))
    return done.stdout


def each(work, count, jobs):
    """work (i) of every number in its order, so many at a time."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(work, range(count))


def demo_check():
    """Its path: beside the command that is built."""
    return os.path.join(os.path.dirname(shutil.which('sfumato')), '..', 'demo', 'check', 'demo-check')

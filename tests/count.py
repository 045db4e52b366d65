#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Count the cases of a meson test run, one by one: count.py BUILD/meson-logs/testlog.json"""
import json, re, sys

POINT = re.compile(r'(not )?ok\b[^#]*(#\s*(skip|todo))?', re.IGNORECASE)


def count(path):
    """(passed, failed, skipped). A program which died counts as one more failure than its lines say."""
    passed = failed = skipped = 0
    with open(path, encoding='utf-8') as log:
        for line in log:
            test = json.loads(line)
            before, points = failed, 0
            for text in (test.get('stdout') or '').splitlines():
                point = POINT.match(text)
                if not point:
                    continue
                points += 1
                if (point[3] or '').lower() == 'skip':
                    skipped += 1
                elif point[1]:
                    failed += 1
                else:
                    passed += 1
            good = test['result'] in ('OK', 'EXPECTEDFAIL')
            if points == 0:
                # No TAP: the program is its own and only case. (A plan of "1..0" is a skip.)
                passed, skipped = passed + good, skipped + (test['result'] == 'SKIP')
            if not good and test['result'] != 'SKIP' and failed == before:
                failed += 1
    return passed, failed, skipped


def explain(path):
    """Of each test that failed, what it said from its first bad line on: for the end of a log, where people look."""
    with open(path, encoding='utf-8') as log:
        for test in map(json.loads, log):
            if test['result'] in ('OK', 'EXPECTEDFAIL', 'SKIP'):
                continue
            lines = (test.get('stdout') or '').splitlines()
            bad = [i for i, text in enumerate(lines) if text.startswith(('not ok', 'Bail out'))]
            # Why a point failed stands before it.
            first = max(0, bad[0] - 12) if bad else max(0, len(lines) - 12)
            yield '\n'.join(['--- ' + test['name'] + ': ' + test['result'], *lines[first:first + 40],
                             *(test.get('stderr') or '').splitlines()[-12:]])


if __name__ == '__main__':
    print('%d passed, %d failed, %d skipped' % count(sys.argv[1]))

#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every language says everything: catalogues.py ROOT, TAP on standard output."""
import os, re, subprocess, sys

from catalogue import entries, template

ROOT = os.path.abspath(sys.argv[1])
# The same in other languages: names, signs, units, keys as they are printed.
SAME = {'1:1', '–', '…', '%d × %d px', '%d × %d px, worked on at %u × %u px', 'Sfumato – %s', '%s · %s', '%s, %s', ', %s', '%s, %s, %s',
        '%d s', '%d min', '%d min %d s', '%d h %d min', '%.0f MB', '%.0f GB', '%.1f GB', '%.0f B', 'Esc', 'Neon', 'Sfumato', 'Text', 'S',
        'Ctrl+1 … 5', 'Te_xt',
        'Add-on…', 'Add-on', '%s · %.1f of %s', 'Balanced', 'image', 'Image', 'Position', 'Style', 'Message', 'Options',
        'Enter', 'Ctrl+Enter', 'Shift+Enter', 'Del', 'Ctrl+↑, Ctrl+↓', '←, →, Home, End', 'Ctrl+W, F1, F10',
        'Prompt', 'Menu', '_Options'}
n_points = n_failed = 0


def point(name, faults):
    global n_points, n_failed
    n_points += 1
    n_failed += bool(faults)
    for fault in faults[:40]:
        print('# ' + fault.replace('\n', '\\n'))
    print('%sok %d - /ui/catalogues/%s' % ('not ' if faults else '', n_points, name))


def formats(text):
    return sorted(re.findall(r'%(?:\d\$)?[-+ 0#]*\d*(?:\.\d+)?(?:l|ll)?[a-zA-Z]|%" PRI|%<\w+>', text))


def main():
    wanted = list(entries(template(ROOT)))
    for language in open(os.path.join(ROOT, 'po', 'LINGUAS')).read().split():
        path = os.path.join(ROOT, 'po', language + '.po')
        if not os.path.exists(path):
            point(language + '/there', ['po/%s.po is missing' % language])
            continue
        check = subprocess.run(['msgfmt', '--check', '-o', '/dev/null', path], stderr=subprocess.PIPE, text=True)
        point(language + '/sound', check.stderr.splitlines() if check.returncode else [])
        have = {one: (many, said, flags) for one, many, said, flags in entries(open(path).read())}
        point(language + '/complete', ['not translated: “%s”' % one for one, many, _, _ in wanted
                                       if one not in have or not all(have[one][1]) or 'fuzzy' in have[one][2]])
        point(language + '/not-the-same', ['“%s” is said as it is in English' % one for one, _, _, _ in wanted
                                           if one not in SAME and one in have and one in have[one][1]])
        point(language + '/mnemonics', ['“%s” has %s mnemonic' % (said, 'no' if '_' in one else 'a') for one, _, _, _ in wanted
                                        for said in have.get(one, (None, [], ''))[1] if said and ('_' in one) != ('_' in said)])
    print('1..%d' % n_points)
    return n_failed > 0


if __name__ == '__main__':
    sys.exit(main())

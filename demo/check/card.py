#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""card.py FOLDER: the files of the demo model are those that its card names, byte for byte, and 40 MB at most. --write brings the
card's table up to date."""
import hashlib
import os
import re
import sys

BEGIN, END = '| file | bytes | sha256 |\n| --- | ---: | --- |\n', '\n\n'


def main():
    folder = sys.argv[1]
    path = os.path.join(folder, 'README.md')
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            file = os.path.relpath(os.path.join(place, name), folder)
            if file != 'README.md':
                data = open(os.path.join(folder, file), 'rb').read()
                found[file] = (len(data), hashlib.sha256(data).hexdigest())
    card = open(path, encoding='utf-8').read()
    at = card.index(BEGIN) + len(BEGIN)
    end = card.index(END, at)
    if '--write' in sys.argv:
        rows = '\n'.join('| %s | %d | %s |' % (f, *found[f]) for f in sorted(found))
        open(path, 'w', encoding='utf-8').write(card[:at] + rows + card[end:])
        return
    named = {m[0]: (int(m[1]), m[2]) for m in re.findall(r'\| (\S+) \| (\d+) \| (\w+) \|', card[at:end])}
    wrong = sorted(f for f in {*found, *named} if found.get(f) != named.get(f))
    total = sum(n for n, _ in found.values())
    if wrong or total > 40e6:
        sys.exit('%s: %s; %.1f MB in all' % (path, 'not as the card says: ' + ', '.join(wrong) if wrong else 'too large', total / 1e6))
    print('%d files, %.1f MB, as the card says' % (len(found), total / 1e6))


if __name__ == '__main__':
    main()

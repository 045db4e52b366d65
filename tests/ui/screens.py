#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every state of the window on a virtual screen: screens.py PROGRAM PO [OUT] [RUN…], TAP on standard output.

PO: the folder of catalogues. OUT: pictures are written there, as docs/screens wants them. A warning of GTK ends the program and so the test.
"""
import os, re, subprocess, sys, tempfile

import catalogue
from screen import Screen

PROGRAM, PO = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
OUT = os.path.abspath(sys.argv[3]) if len(sys.argv) > 3 else None
THEMES = '/usr/share/gimp/3.0/themes/Default/'
ALL = ['a', 'b', 'c', 'd', 'e', 'f', 'f2', 'i', 'l', 'l2', 'l3', 'n', 'r', 'x', 'x2', 'models']

SOME = ['a', 'c', 'd', 'e', 'f', 'l', 'l2', 'l3', 'n', 'x', 'x2', 'models']  # in which mnemonics meet

# name: (states, theme, language, font)
RUNS = {
    'dark': (ALL + ['walk', 'stretch'], 'gimp-dark.css', None, None),
    'light': (['g', 'c=light-c', 'd=light-d', 'e=light-e', 'f=light-f', 'x=light-x', 'l=light-l'], 'gimp-light.css', None, None),
    'gray': (['a=gray', 'e=gray-e'], 'gimp-gray.css', None, None),
    'system': (['a=system'], None, None, None),
    'pseudo': ([a + '=xx-' + a for a in ALL], 'gimp-dark.css', 'xx', None),
    'rtl': (['a=rtl-a', 'c=rtl-c', 'f=rtl-f', 'x=rtl-x', 'l=rtl-l'], 'gimp-dark.css', None, None),
    'german': (['h'] + [a + '=de-' + a for a in SOME], 'gimp-dark.css', 'de', None),
    'french': ([a + '=fr-' + a for a in SOME], 'gimp-dark.css', 'fr', None),
    'russian': ([a + '=ru-' + a for a in SOME], 'gimp-dark.css', 'ru', None),
    'chinese': ([a + '=zh-' + a for a in SOME], 'gimp-dark.css', 'zh_CN', None),
    'german-200': (['h2'], 'gimp-dark.css', 'de', 'Liberation Sans 22'),
}
n_points = n_failed = 0


def catalogues(folder):
    """The catalogues there are, compiled."""
    for name in open(os.path.join(PO, 'LINGUAS')).read().split():
        if os.path.exists(os.path.join(PO, name + '.po')):
            at = os.path.join(folder, name, 'LC_MESSAGES')
            os.makedirs(at)
            subprocess.run(['msgfmt', '-o', os.path.join(at, 'sfumato.mo'), os.path.join(PO, name + '.po')], check=True)


def run(name, screen, folder):
    global n_points, n_failed
    states, theme, language, font = RUNS[name]
    args = [PROGRAM, '--catalogue', folder] + (['--css', THEMES + theme] if theme else []) + (['--font', font] if font else [])
    # GIMP's Gray cannot reach 4.5 on a button that is filled, whatever one does.
    args += ['--contrast', '3.4' if theme == 'gimp-gray.css' else '4.5'] if theme and not language else []
    args += ['--rtl'] if name == 'rtl' else []
    args += ['--pseudo', catalogue.MARK] if language == 'xx' else []
    args += (['--out', OUT] if OUT and language != 'xx' else []) + states
    env = dict(screen.env, G_DEBUG='fatal-warnings', NO_AT_BRIDGE='1', GTK_THEME='', LC_ALL='en_US.UTF-8', LANGUAGE=language or 'en')
    del env['GTK_THEME']
    job = subprocess.run(args, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in job.stdout.splitlines():
        if line.startswith(('ok', 'not ok')):
            n_points += 1
            n_failed += line.startswith('not')
            print(re.sub(r'(ok) \d+ - ', r'\1 %d - %s' % (n_points, name), line))
        elif line.startswith('#'):
            print(line)
    n_points += 1
    clean = job.returncode in (0, 1) and not job.stderr.strip()
    n_failed += not clean
    for line in job.stderr.splitlines()[-20:]:
        print('# ' + line)
    print('%sok %d - %s/ends without a word' % ('' if clean else 'not ', n_points, name))


def main():
    with tempfile.TemporaryDirectory() as folder, Screen() as screen:
        catalogues(folder)
        catalogue.pseudo(os.path.dirname(PO), folder)
        for name in sys.argv[4:] or RUNS:
            run(name, screen, folder)
    if OUT:  # small enough to be kept
        for name in os.listdir(OUT):
            if name.endswith('.png'):
                subprocess.run(['mogrify', '-strip', '-colors', '96', os.path.join(OUT, name)], check=True)
    print('1..%d' % n_points)
    return n_failed > 0


if __name__ == '__main__':
    sys.exit(main())

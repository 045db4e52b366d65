# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What training on a CPU does in C, compiled for this processor when it is first wanted."""
import ctypes
import functools
import os
import subprocess

from place import PLACE, ROOT

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = [os.path.join(HERE, name) for name in ('attention.c', 'block.c', 'panels.h', 'tiles.h', 'vectors.h')]
FLAGS = ['-O3', '-march=native', '-ffast-math', '-mprefer-vector-width=512', '-shared', '-fPIC', '-I', ROOT]


@functools.lru_cache
def library():
    path = os.path.join(PLACE, 'compiled.so')
    if not os.path.exists(path) or os.path.getmtime(path) < max(map(os.path.getmtime, SOURCES)):
        part = '%s.%d' % (path, os.getpid())
        subprocess.run(['cc', *FLAGS, '-o', part, *(s for s in SOURCES if s.endswith('.c')), '-lm'], check=True)
        os.replace(part, path)
    return ctypes.CDLL(path)

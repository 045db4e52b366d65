# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where training keeps what it makes, and what it computes on."""
import ctypes
import math
import os

import torch

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLACE = os.path.join(ROOT, '_build', 'train')  # never committed
os.makedirs(PLACE, exist_ok=True)


# Tensors come and go at every step: memory that is given back to the system each time costs a seventh of it.
LIBC = ctypes.CDLL(None)
LIBC.mallopt(-4, 0)  # M_MMAP_MAX
LIBC.mallopt(-1, -1)  # M_TRIM_THRESHOLD: never
LIBC.mallopt(-2, 64 << 20)  # M_TOP_PAD: more is taken at a time, so that the system can give huge pages

# As many threads as this process may use CPUs (taskset), however many there are.
torch.set_num_threads(len(os.sched_getaffinity(0)))


def device():
    return torch.device('cuda' if torch.cuda.is_available() else 'cpu')


def falling(rate, step, warm, done):
    """The rate at a step: it rises for so many of them, and falls as a cosine to a fiftieth; done is the share of the time that is over."""
    return rate * min(1, (step + 1) / warm) * (.02 + .98 * (.5 + .5 * math.cos(math.pi * done)))


def save(path, **what):
    """A checkpoint, whole or not at all."""
    torch.save(what, path + '.part')
    os.replace(path + '.part', path)

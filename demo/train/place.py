# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where training keeps what it makes, and what it computes on."""
import ctypes
import os

import torch

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLACE = os.path.join(ROOT, '_build', 'train')  # never committed
os.makedirs(PLACE, exist_ok=True)


# Tensors come and go at every step: memory that is given back to the system each time costs a seventh of it.
LIBC = ctypes.CDLL(None)
LIBC.mallopt(-4, 0)  # M_MMAP_MAX
LIBC.mallopt(-1, 1 << 30)  # M_TRIM_THRESHOLD

# As many threads as this process may use CPUs (taskset), however many there are.
torch.set_num_threads(len(os.sched_getaffinity(0)))


def device():
    return torch.device('cuda' if torch.cuda.is_available() else 'cpu')

# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage mix: a checkpoint of the transformer between two others, of which one began with the other: ONE OTHER SHARE TO. SHARE of the weights
of ONE, the rest of OTHER. What either knows is for the most part still there, and comes back fast; optimisers begin anew."""
import os
import sys

import torch

from place import PLACE, save


def main():
    one, other, share, to = sys.argv[1:5]
    a, b = (torch.load(os.path.join(PLACE, name + '.pt'), weights_only=True)['mean'] for name in (one, other))
    net = {k: b[k].lerp(a[k], float(share)) for k in a}
    save(os.path.join(PLACE, to + '.pt'), net=net, mean=net, optimizer=None, spent=0., step=0, size=192)

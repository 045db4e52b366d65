# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage keep: checkpoints of what is not finished, small enough to lie in the sources (demo/train/kept) until it is and becomes part of
demo/model: keep NAME…. Matrices in bytes, a scale for each row; everything else as half floats. `resume --kept` makes checkpoints of them."""
import os
import sys

import torch

import files
from place import PLACE, ROOT

FOLDER = os.path.join(ROOT, 'demo', 'train', 'kept')


def packed(tensors):
    out = {}
    for name, t in tensors.items():
        if t.dim() < 2:
            out[name] = t.half()
            continue
        scale = t.flatten(1).abs().amax(1).clamp_min(1e-12) / 127
        out[name + '.bytes'] = ((t / scale.view(-1, *[1] * (t.dim() - 1))).round() + 128).to(torch.uint8)
        out[name + '.scale'] = scale
    return out


def unpacked(tensors):
    out = {}
    for name, t in tensors.items():
        if name.endswith('.bytes'):
            scale = tensors[name[:-len('bytes')] + 'scale']
            out[name[:-len('.bytes')]] = (t.float() - 128) * scale.view(-1, *[1] * (t.dim() - 1))
        elif not name.endswith('.scale') or name[:-len('scale')] + 'bytes' not in tensors:
            out[name] = t.float()
    return out


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for name in sys.argv[1:]:
        saved = torch.load(os.path.join(PLACE, name + '.pt'), map_location='cpu', weights_only=True)
        path = os.path.join(FOLDER, name + '.safetensors')
        files.write(path, packed({n: t.float().contiguous() for n, t in saved.get('mean', saved['net']).items()}))
        print('%s: %.2f MB' % (path, os.path.getsize(path) / 1e6))


def checkpoints():
    """Of all that is kept: file name, and what a stage goes on from."""
    for file in sorted(os.listdir(FOLDER)) if os.path.isdir(FOLDER) else []:
        if file.endswith('.safetensors'):
            net = unpacked(files.read(os.path.join(FOLDER, file)))
            yield file[:-len('.safetensors')] + '.pt', dict(net=net, mean=net, optimizer=None, spent=0., step=0, size=0)

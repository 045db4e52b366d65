# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Safetensors in and out, as PyTorch tensors."""
import json
import os
import struct

import torch

TYPES = {'F32': torch.float32, 'F16': torch.float16, 'BF16': torch.bfloat16, 'I64': torch.int64, 'I32': torch.int32, 'U8': torch.uint8}


def read(path):
    """{name: tensor}"""
    with open(path, 'rb') as file:
        length = struct.unpack('<Q', file.read(8))[0]
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    header.pop('__metadata__', None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry['data_offsets']
        empty = begin == end
        flat = torch.empty(0, dtype=TYPES[entry['dtype']]) if empty else torch.frombuffer(data[begin:end], dtype=TYPES[entry['dtype']])
        tensors[name] = flat.reshape(entry['shape'])
    return tensors


def write(path, tensors):
    """Tensors as they are; their order is the file's."""
    names = {t: n for n, t in TYPES.items()}
    header, at = {'__metadata__': {'format': 'pt'}}, 0
    for name, t in tensors.items():
        size = t.numel() * t.element_size()
        header[name] = {'dtype': names[t.dtype], 'shape': list(t.shape), 'data_offsets': [at, at + size]}
        at += size
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + '.part', 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text)
        for t in tensors.values():
            file.write(bytes(t.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()) if t.numel() else b'')
    os.replace(path + '.part', path)


def write_json(path, value):
    with open(path, 'w', encoding='utf-8') as file:
        json.dump(value, file, indent=1)
        file.write('\n')

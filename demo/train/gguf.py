# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transformer as a GGUF file of Q8_0, as people have it: matrices in blocks of 32 bytes with one scale, the rest in F32."""
import os
import struct

import torch

F32, Q8_0 = 0, 8


def string(text):
    raw = text.encode()
    return struct.pack('<Q', len(raw)) + raw


def blocks(matrix):
    """Bytes of Q8_0: of each 32 values a half-float scale and signed bytes."""
    x = matrix.float().reshape(-1, 32)
    d = x.abs().amax(1, keepdim=True) / 127
    q = torch.where(d > 0, x / d, 0).round().to(torch.int8)
    return torch.cat([d.to(torch.float16).view(torch.uint8).reshape(-1, 2), q.view(torch.uint8)], 1).numpy().tobytes()


def write(path, tensors, name):
    head = b'GGUF' + struct.pack('<IQQ', 3, len(tensors), 4)
    for key, kind, raw in (('general.architecture', 8, string('qwen_image')), ('general.name', 8, string(name)),
                           ('general.quantization_version', 4, struct.pack('<I', 2)), ('general.file_type', 4, struct.pack('<I', 7))):
        head += string(key) + struct.pack('<I', kind) + raw
    data, at = [], 0
    for key, t in tensors.items():
        quantise = t.dim() == 2 and t.shape[1] % 32 == 0 and 'addition_t_embedding' not in key  # as files of the published one have it
        raw = blocks(t) if quantise else t.float().contiguous().numpy().tobytes()
        shape = list(reversed(t.shape))
        head += string(key) + struct.pack(f'<I{len(shape)}QIQ', len(shape), *shape, Q8_0 if quantise else F32, at)
        data.append(raw + bytes(-len(raw) % 32))
        at += len(data[-1])
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + '.part', 'wb') as file:
        file.write(head + bytes(-len(head) % 32))
        file.writelines(data)
    os.replace(path + '.part', path)

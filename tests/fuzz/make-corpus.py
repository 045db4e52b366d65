#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the seeds of tests/fuzz/corpus: one sound input a feature, and one a check that is hard to reach by chance."""
import json
import os
import struct

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'corpus')


def put(target, name, data):
    folder = os.path.join(HERE, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), 'wb') as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def entry(dtype, shape, begin, end):
    return {'dtype': dtype, 'shape': shape, 'data_offsets': [begin, end]}


def safetensors():
    two = {'__metadata__': {'format': 'pt'}, 'a': entry('F32', [16, 32], 0, 2048), 'b': entry('BF16', [1024], 2048, 4096)}
    put('safetensors', 'sound', json.dumps(two))
    put('safetensors', 'empty-tensor', json.dumps({'m': entry('F32', [0], 0, 0), 'a': entry('U8', [4096], 0, 4096)}))
    put('safetensors', 'scalar', json.dumps({'s': entry('F32', [], 0, 4), 'a': entry('F8_E4M3', [4092], 4, 4096)}))
    put('safetensors', 'overlap', json.dumps({'a': entry('F32', [16, 32], 0, 2048), 'b': entry('BF16', [1025], 2046, 4096)}))
    put('safetensors', 'gap', json.dumps({'a': entry('F32', [16, 32], 0, 2048), 'b': entry('BF16', [1023], 2050, 4096)}))
    put('safetensors', 'trailing', json.dumps({'a': entry('F32', [16, 32], 0, 2048)}))
    put('safetensors', 'absurd', json.dumps({'a': entry('F32', [2147483647, 2147483647], 0, 2048)}))
    put('safetensors', 'deep', '{"__metadata__":' + '[' * 20 + ']' * 20 + '}')
    put('safetensors', 'twice', '{"a":%s,"a":%s}' % ((json.dumps(entry('U8', [0], 0, 0)),) * 2))
    put('safetensors', 'type', json.dumps({'a': entry('F4', [16], 0, 8)}))
    put('safetensors', 'padded', json.dumps(two) + '        ')


def index():
    put('safetensors-index', 'sound', json.dumps({'metadata': {'total_size': 8}, 'weight_map': {'a': 'm-1.safetensors', 'b': 'm-2.safetensors'}}))
    put('safetensors-index', 'up', json.dumps({'weight_map': {'a': '../m'}}))
    put('safetensors-index', 'nul', json.dumps({'weight_map': {'a': 'm\0x'}}))
    put('safetensors-index', 'none', '{}')
    put('safetensors-index', 'twice', '{"weight_map":{"a":"x","a":"y"}}')


def comfy():
    put('comfy-quant', 'fp8', json.dumps({'format': 'float8_e4m3fn'}))
    put('comfy-quant', 'int8', json.dumps({'format': 'int8_tensorwise', 'convrot': True, 'convrot_groupsize': 256}))
    put('comfy-quant', 'none', '{"format":1}')


def text(s):
    s = s if isinstance(s, bytes) else s.encode()
    return struct.pack('<Q', len(s)) + s


def pair(key, kind, value):
    return text(key) + struct.pack('<I', kind) + value


def gguf_file(pairs, tensors, align=32, data=1024, version=3):
    head = b'GGUF' + struct.pack('<IQQ', version, len(tensors), len(pairs)) + b''.join(pairs)
    for name, ne, kind, offset in tensors:
        head += text(name) + struct.pack('<I', len(ne)) + struct.pack('<%dQ' % len(ne), *ne) + struct.pack('<IQ', kind, offset)
    return head + b'\0' * (-len(head) % align) + b'\1' * data


def gguf():
    every = [pair('k.%d' % i, i, struct.pack(f, v)) for i, (f, v) in enumerate(
        [('<B', 1), ('<b', -1), ('<H', 2), ('<h', -2), ('<I', 3), ('<i', -3), ('<f', 1.5), ('<B', 1)])]
    every += [pair('text', 8, text('qwen_image')), pair('words', 9, struct.pack('<IQ', 8, 2) + text('a') + text('')),
              pair('numbers', 9, struct.pack('<IQ', 5, 3) + struct.pack('<3i', 16, -24, 24)), pair('u64', 10, struct.pack('<Q', 2 ** 63)),
              pair('i64', 11, struct.pack('<q', -5)), pair('f64', 12, struct.pack('<d', .1)),
              pair('reals', 9, struct.pack('<IQ', 6, 2) + struct.pack('<2f', 1, 1e30))]
    put('gguf', 'fields', gguf_file(every, []))
    put('gguf', 'types', gguf_file([], [('f32', (8, 2), 0, 0), ('q4_0', (32, 2), 2, 64), ('q4_k', (256,), 12, 128), ('i32', (4,), 26, 288)]))
    put('gguf', 'aligned', gguf_file([pair('general.alignment', 4, struct.pack('<I', 64))], [('a', (16,), 1, 0), ('b', (16,), 1, 64)], 64))
    put('gguf', 'bad-alignment', gguf_file([pair('general.alignment', 4, struct.pack('<I', 48))], [('a', (16,), 1, 0)], 48))
    shape = pair('comfy.gguf.orig_shape.a', 9, struct.pack('<IQ', 5, 2) + struct.pack('<2i', 4, 8))
    put('gguf', 'shape', gguf_file([shape], [('a', (32,), 0, 0)]))
    put('gguf', 'bad-shape', gguf_file([shape], [('a', (33,), 0, 0)]))
    put('gguf', 'overlap', gguf_file([], [('a', (32,), 0, 0), ('b', (32,), 0, 64)]))
    put('gguf', 'outside', gguf_file([], [('a', (4096,), 0, 0)]))
    put('gguf', 'misaligned', gguf_file([], [('a', (4,), 0, 8)]))
    put('gguf', 'part-block', gguf_file([], [('a', (33,), 8, 0)]))
    put('gguf', 'unknown-type', gguf_file([], [('a', (32,), 40, 0)]))
    put('gguf', 'absurd', gguf_file([], [('a', (2 ** 31 - 1, 2 ** 31 - 1), 0, 0)]))
    put('gguf', 'no-dims', gguf_file([], [('a', (), 0, 0)]))
    put('gguf', 'name', gguf_file([], [('', (4,), 0, 0)]))
    put('gguf', 'twice', gguf_file([pair('a', 7, b'\1')] * 2, []))
    put('gguf', 'bool', gguf_file([pair('a', 7, b'\2')], []))
    put('gguf', 'nested', gguf_file([pair('a', 9, struct.pack('<IQ', 9, 1))], []))
    put('gguf', 'count', gguf_file([pair('a', 9, struct.pack('<IQ', 8, 2 ** 60))], []))
    put('gguf', 'big-endian', gguf_file([], [], version=3 << 24))


PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|" \
          r"\s+(?!\S)|\s+"


def symbols():
    """The character of each byte, in the order of their ids."""
    same = [*range(0x21, 0x7f), *range(0xa1, 0xad), *range(0xae, 0x100)]
    rest = [b for b in range(256) if b not in same]
    return [chr(b) for b in same] + [chr(0x100 + i) for i in range(len(rest))]


def vocabulary(**more):
    return {**{s: i for i, s in enumerate(symbols())}, 'ab': 256, 'abc': 257, **more}


def tokenizer(**change):
    model = {'type': 'BPE', 'vocab': vocabulary(), 'merges': [['a', 'b'], ['ab', 'c']], **change.pop('model', {})}
    added = [{'id': 258, 'content': '<|x|>', 'special': True, 'normalized': False, 'lstrip': False, 'rstrip': False, 'single_word': False}]
    split = {'type': 'Split', 'pattern': {'Regex': PATTERN}, 'behavior': 'Isolated', 'invert': False}
    byte = {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': False, 'use_regex': False}
    return json.dumps({'added_tokens': added, 'normalizer': {'type': 'NFC'},
                       'pre_tokenizer': {'type': 'Sequence', 'pretokenizers': [split, byte]}, 'model': model, **change}, ensure_ascii=False)


def tokenizers():
    put('tokenizer-json', 'sound', tokenizer())
    put('tokenizer-json', 'strings', tokenizer(model={'merges': ['a b', 'ab c']}))
    put('tokenizer-json', 'unigram', tokenizer(model={'type': 'Unigram'}))
    put('tokenizer-json', 'nfkc', tokenizer(normalizer={'type': 'NFKC'}))
    put('tokenizer-json', 'pattern', tokenizer().replace('isolated', 'removed').replace('(?i:', '(?x:'))
    put('tokenizer-json', 'merge', tokenizer(model={'merges': [['a', 'c']]}))
    put('tokenizer-json', 'ids', tokenizer(model={'vocab': vocabulary(q=0)}))
    put('tokenizer-json', 'no-byte', tokenizer(model={'vocab': {'a': 0}, 'merges': []}))
    put('tokenizer-json', 'added', tokenizer(added_tokens=[{'id': 3, 'content': '<|x|>'}, {'id': 2 ** 40, 'content': ''}]))
    put('tokenizer-json', 'not', '[]')
    vocab = json.dumps(vocabulary(), ensure_ascii=False)
    merges = '#version: 0.2\na b\nab c\n'
    config = json.dumps({'added_tokens_decoder': {'258': {'content': '<|x|>', 'normalized': False}}})
    put('vocab-merges', 'sound', '\0'.join([vocab, merges, json.dumps({'<|x|>': 258}), config]))
    put('vocab-merges', 'two', '\0'.join([vocab, merges]))
    put('vocab-merges', 'crlf', '\0'.join([vocab, merges.replace('\n', '\r\n')]))
    put('vocab-merges', 'no-space', '\0'.join([vocab, 'ab\n']))
    put('vocab-merges', 'no-part', '\0'.join([vocab, 'a zz\n']))
    put('vocab-merges', 'no-result', '\0'.join([vocab, 'a c\n']))
    put('vocab-merges', 'twice', '\0'.join([vocab, 'a b\na b\n']))
    put('vocab-merges', 'added-differs', '\0'.join([vocab, merges, json.dumps({'<|x|>': 259}), config]))
    put('vocab-merges', 'added-number', '\0'.join([vocab, merges, json.dumps({'<|x|>': 1.5}), '{}']))
    put('vocab-merges', 'decoder-key', '\0'.join([vocab, merges, '{}', json.dumps({'added_tokens_decoder': {'x': {'content': 'y'}}})]))
    put('vocab-merges', 'long', '\0'.join([json.dumps({'a' * 2000: 1}), merges]))


if __name__ == '__main__':
    tokenizers()
    safetensors()
    index()
    comfy()
    gguf()

#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the seeds of tests/fuzz/corpus: one sound input a feature, and one a check that is hard to reach by chance."""
import importlib.util
import json
import os
import pathlib
import struct

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'corpus')
DATA = pathlib.Path(__file__).resolve().parent.parent / 'data'
spec = importlib.util.spec_from_file_location('variants', DATA / 'make-variants.py')
variants = importlib.util.module_from_spec(spec)
spec.loader.exec_module(variants)


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
    put('safetensors', 'metadata', '{"__metadata__":[]}')
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
    put('tokenizer-json', 'merge-number', tokenizer(model={'merges': [1]}))
    put('tokenizer-json', 'flag', tokenizer(added_tokens=[{'id': 258, 'content': '<|x|>', 'lstrip': True}]))
    put('tokenizer-json', 'dropout', tokenizer(model={'dropout': 0.5}))
    put('tokenizer-json', 'nul', tokenizer(model={'vocab': vocabulary(**{'a\0': 300})}))
    put('tokenizer-json', 'many', tokenizer(added_tokens=[{'id': 1000 + i, 'content': 'z%d' % i} for i in range(5000)]))
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
    two = json.dumps({'added_tokens_decoder': {'97': {'content': 'a'}}})
    put('vocab-merges', 'added-two-ids', '\0'.join([vocab, merges, json.dumps({'a': 300}), two.replace('97', str(vocabulary()['a']))]))
    put('vocab-merges', 'added-number', '\0'.join([vocab, merges, json.dumps({'<|x|>': 1.5}), '{}']))
    put('vocab-merges', 'decoder-key', '\0'.join([vocab, merges, '{}', json.dumps({'added_tokens_decoder': {'x': {'content': 'y'}}})]))
    put('vocab-merges', 'long', '\0'.join([json.dumps({'a' * 2000: 1}), merges]))


# --- whole files, as models/set opens them -------------------------------------------------------------------------

TRANSFORMER, TEXT, VISION, VAE, MODEL = range(5)
BYTES = {'BF16': 2, 'F16': 2, 'F32': 4, 'F8_E4M3': 1, 'F8_E5M2': 1, 'U8': 1, 'I64': 8}


def base(part):
    """Shapes of the tiny model's tensors, of its first layer alone."""
    path = {TRANSFORMER: 'transformer/diffusion_pytorch_model', VAE: 'vae/diffusion_pytorch_model'}.get(part, 'text_encoder/model')
    data = (DATA / 'models' / 'base' / (path + '.safetensors')).read_bytes()
    header = json.loads(data[8:8 + struct.unpack_from('<Q', data)[0]])
    wanted = {TEXT: lambda n: not n.startswith('visual.'), VISION: lambda n: n.startswith('visual.')}.get(part, lambda n: True)
    layer = lambda n: part == VAE or not any('.%d.' % i in n.split('attn')[0].split('mlp')[0] for i in (1, 2, 3))
    return {n: ('BF16', t['shape']) for n, t in header.items() if n != '__metadata__' and wanted(n) and layer(n)}


def config(part, **change):
    folder = {TRANSFORMER: 'transformer', VAE: 'vae'}.get(part, 'text_encoder')
    c = json.loads((DATA / 'models' / 'base' / folder / 'config.json').read_text())
    if part == TRANSFORMER:
        c['num_layers'] = 1
    elif part != VAE:
        c['text_config'].update(num_hidden_layers=1, layer_types=['full_attention'])
        c['vision_config'].update(depth=1, fullatt_block_indexes=[0])
    return {**c, **change}


def product(shape):
    n = 1
    for d in shape:
        n *= d
    return n


def model(part, name, file, zeros, c=None):
    c = json.dumps(c, separators=(',', ':')).encode() if c else b''
    put('model', name, struct.pack('<BH', part, len(c)) + struct.pack('<I', zeros)[:3] + c + file)


def as_safetensors(part, name, tensors, c=None, values=()):
    """Weights are zeros that follow, except values, {name: bytes}, which come first."""
    values = dict(values)
    order = sorted(tensors, key=lambda n: n not in values)
    header, at = {}, 0
    for n in order:
        dtype, shape = tensors[n]
        size = BYTES[dtype] * product(shape)
        header[n] = {'dtype': dtype, 'shape': shape, 'data_offsets': [at, at + size]}
        at += size
    data = b''.join(values[n] for n in order if n in values)
    text = json.dumps(header, separators=(',', ':')).encode()
    model(part, name, struct.pack('<Q', len(text)) + text + data, at - len(data), c)


def as_gguf(part, name, tensors, metadata, start=b''):
    """start: the first bytes of the data; zeros follow. ### in a text becomes what is no UTF-8."""
    head, at = b'', 0
    for n, (dtype, shape) in tensors.items():
        head += text(n) + struct.pack('<I%dQIQ' % len(shape), len(shape), *reversed(shape), variants.GGML[dtype], at)
        at += -(-4 * product(shape) // 32) * 32
    fields = b''.join(text(k) + struct.pack('<I', kind) + raw for k, (kind, raw) in
                      ((k, variants.gguf_value(v)) for k, v in metadata.items())).replace(b'###', b'\xff\xfe\xfd')
    head = b'GGUF' + struct.pack('<IQQ', 3, len(tensors), len(metadata)) + fields + head
    model(part, name, head + bytes(-len(head) % 32) + start, at - len(start))


def transformers():
    sound, c = base(TRANSFORMER), config(TRANSFORMER)
    first = 'transformer_blocks.0.attn.to_q'
    few = {n: t for n, t in sound.items() if 'transformer_blocks' not in n or 'norm_q' in n}
    as_safetensors(TRANSFORMER, 'transformer', sound, c)
    as_safetensors(MODEL, 'transformer-prefixed', {'model.diffusion_model.' + n: t for n, t in sound.items()})
    as_safetensors(TRANSFORMER, 'transformer-extra', {**sound, 'lora_a': ('F32', [2]), 'x' * 60: ('I64', [])}, c)
    as_safetensors(TRANSFORMER, 'transformer-shape', {**sound, first + '.weight': ('BF16', [32, 128])}, c)
    as_safetensors(TRANSFORMER, 'transformer-wide', {**few, 'img_in.weight': ('BF16', [64, 128])}, c)
    as_safetensors(TRANSFORMER, 'transformer-gap', {**few, 'transformer_blocks.2.attn.to_q.bias': ('BF16', [64])}, c)
    as_safetensors(TRANSFORMER, 'transformer-layers', few, {**c, 'num_layers': 2})
    as_safetensors(TRANSFORMER, 'transformer-heads', few, {**c, 'num_attention_heads': 2000, 'attention_head_dim': 128, 'axes_dims_rope': [32, 48, 48]})
    as_safetensors(TRANSFORMER, 'transformer-guidance', few, {**c, 'guidance_embeds': True})
    as_safetensors(TRANSFORMER, 'transformer-table', {**few, 'time_text_embed.addition_t_embedding.weight': ('BF16', [2, 64])}, c)
    as_safetensors(TRANSFORMER, 'transformer-marker', {**few, '__index_timestep_zero__': ('BF16', [0])}, c)
    as_safetensors(TRANSFORMER, 'transformer-second', {**few, 'modulation.1.weight': ('BF16', [64, 64])}, c)
    as_safetensors(TRANSFORMER, 'transformer-nunchaku', {**few, 'transformer_blocks.0.attn.to_qkv.weight': ('BF16', [192, 64])}, c)
    as_safetensors(TRANSFORMER, 'transformer-deep', {**few, 'transformer_blocks.900.attn.to_q.bias': ('BF16', [64])}, c)
    as_safetensors(TRANSFORMER, 'transformer-twice', {**few, 'model.diffusion_model.img_in.bias': ('BF16', [64])}, c)
    as_safetensors(TRANSFORMER, 'transformer-nan', few, c, {'img_in.bias': b'\xc0\x7f' * 64})
    as_safetensors(TRANSFORMER, 'transformer-control', {**few, 'controlnet_x_embedder.weight': ('BF16', [64, 64])}, c)
    fp8 = {n: ('F8_E4M3' if len(t[1]) == 2 else 'BF16', t[1]) for n, t in few.items()}
    scales = {n.replace('.weight', '.scale_weight'): ('F32', []) for n, t in fp8.items() if t[0] == 'F8_E4M3'}
    ones = {n: struct.pack('<f', 1) for n in scales}
    first = next(iter(scales))
    as_safetensors(TRANSFORMER, 'fp8-scaled', {**fp8, **scales, 'scaled_fp8': ('F8_E4M3', [0])}, c, ones)
    as_safetensors(TRANSFORMER, 'fp8-no-scale', {**fp8, 'scaled_fp8': ('F8_E4M3', [0])}, c)
    as_safetensors(TRANSFORMER, 'fp8-zero', {**fp8, **scales}, c)
    as_safetensors(TRANSFORMER, 'fp8-shape', {**fp8, **scales, first: ('F32', [2])}, c, ones | {first: bytes(8)})
    as_safetensors(TRANSFORMER, 'fp8-inverse', {**fp8, 'img_in.weight_scale_inv': ('F32', [])}, c)
    for name, said in ('fp8-mixed', b'{"format":"float8_e4m3fn"}'), ('fp8-int8', b'{"format":"int8_tensorwise"}'), ('fp8-words', b'fp8'):
        new = {**fp8, 'img_in.comfy_quant': ('U8', [len(said)])}
        as_safetensors(TRANSFORMER, name, new, c, {'img_in.comfy_quant': said})
    as_safetensors(TRANSFORMER, 'fp8-empty', {**fp8, 'img_in.comfy_quant': ('U8', [0])}, c)
    kind = {'general.architecture': 'qwen_image'}
    as_gguf(MODEL, 'transformer-gguf', {n: ('F32', t[1]) for n, t in few.items()}, kind)
    blocks = {n: ('Q8_0' if len(t[1]) == 2 else 'F32', t[1]) for n, t in sorted(few.items(), key=lambda item: -len(item[1][1]))}
    as_gguf(MODEL, 'transformer-q8-infinite', blocks, kind, bytes(34) + b'\0\x7c')
    as_safetensors(TRANSFORMER, 'fp8-e5m2', {n: ('F8_E5M2' if len(t[1]) == 2 else 'BF16', t[1]) for n, t in few.items()}, c)


def encoders():
    sound, c = base(TEXT), config(TEXT)
    tower = base(VISION)
    as_safetensors(TEXT, 'text', {**sound, **tower}, c)
    as_safetensors(TEXT, 'text-window', sound, {**c, 'text_config': {**c['text_config'], 'use_sliding_window': True}})
    as_safetensors(TEXT, 'text-qwen3', {**sound, 'model.layers.0.self_attn.q_norm.weight': ('BF16', [16])}, c)
    as_safetensors(TEXT, 'text-no-config', sound)
    vocab = vocabulary()
    tokens = sorted(vocab, key=vocab.get) + ['<|x|>', '[PAD]']
    words = {'tokenizer.ggml.model': 'gpt2', 'tokenizer.ggml.pre': 'qwen2', 'tokenizer.ggml.tokens': tokens,
             'tokenizer.ggml.token_type': [1] * len(vocab) + [3, 5], 'tokenizer.ggml.merges': ['a b', 'ab c']}
    numbers = {'general.architecture': 'qwen2vl', 'qwen2vl.block_count': 1, 'qwen2vl.embedding_length': 64,
               'qwen2vl.feed_forward_length': 144, 'qwen2vl.attention.head_count': 4, 'qwen2vl.attention.head_count_kv': 2,
               'qwen2vl.attention.layer_norm_rms_epsilon': 1e-6, 'qwen2vl.rope.freq_base': 1e6,
               'qwen2vl.rope.dimension_sections': [2, 3, 3, 0]}
    llama = {variants.replaced(n, variants.LLAMA_TEXT): ('F32', t[1]) for n, t in sound.items()}
    for name, change in (('sound', {}), ('sections', {'qwen2vl.rope.dimension_sections': [2, 3, 4]}),
                         ('heads', {'qwen2vl.attention.head_count': 0}), ('negative', {'qwen2vl.rope.dimension_sections': [2, -3, 3]}),
                         ('layers', {'qwen2vl.block_count': 2}), ('other', {'general.architecture': 'llama'})):
        as_gguf(TEXT, 'text-gguf-' + name, llama, {**numbers, **change})
    for name, change in (('sound', {}), ('model', {'tokenizer.ggml.model': 'llama'}), ('pre', {'tokenizer.ggml.pre': 'gpt-2'}),
                         ('types', {'tokenizer.ggml.token_type': [1]}), ('merge', {'tokenizer.ggml.merges': ['a c']}),
                         ('no-merges', {'tokenizer.ggml.merges': 1}), ('empty', {'tokenizer.ggml.tokens': [''] + tokens[1:]}),
                         ('added', {'tokenizer.ggml.tokens': tokens[:-2] + ['a' * 2000, 'b']}), ('twice', {'tokenizer.ggml.tokens': ['a', 'a'] + tokens[2:]}),
                         ('utf8', {'tokenizer.ggml.tokens': tokens[:-2] + ['###', 'b']})):
        as_gguf(TEXT, 'words-' + name, {'token_embd.weight': ('F32', [544, 64])}, {**words, **change})
    parts = {}
    for n, (_, shape) in tower.items():
        if n == 'visual.patch_embed.proj.weight':
            parts['v.patch_embd.weight'] = parts['v.patch_embd.weight.1'] = ('F32', shape[:2] + shape[3:])
        elif '.attn.qkv.' in n:
            for q in 'qkv':
                parts[variants.replaced(n.replace('attn.qkv', 'attn_' + q), variants.LLAMA_VISION)] = ('F32', [shape[0] // 3] + shape[1:])
        else:
            parts[variants.replaced(n, variants.LLAMA_VISION)] = ('F32', shape)
    clip = {'general.architecture': 'clip', 'clip.projector_type': 'qwen2.5vl_merger', 'clip.vision.block_count': 1,
            'clip.vision.embedding_length': 32, 'clip.vision.feed_forward_length': 72, 'clip.vision.patch_size': 14,
            'clip.vision.attention.head_count': 2, 'clip.vision.n_wa_pattern': 1, 'clip.vision.window_size': 112}
    for name, change in (('sound', {}), ('window', {'clip.vision.window_size': 113}), ('no-window', {'clip.vision.window_size': 0}),
                         ('heads', {'clip.vision.attention.head_count': 3}), ('layers', {'clip.vision.block_count': 3})):
        as_gguf(VISION, 'vision-' + name, parts, {**clip, **change})
    as_safetensors(VISION, 'vision', tower, c)


def vaes():
    sound, c = base(VAE), config(VAE)
    few = {n: t for n, t in sound.items() if n.startswith(('decoder.conv', 'decoder.norm', 'post')) or 'decoder.up_blocks' in n and 'conv1.bias' in n}
    as_safetensors(VAE, 'vae', sound, c)
    as_safetensors(VAE, 'vae-wan', {variants.wan_name(n): t for n, t in few.items()}, c)
    as_safetensors(VAE, 'vae-no-config', few)
    as_safetensors(VAE, 'vae-next', {**few, 'post_quant_conv.bias': ('BF16', [48])}, c)
    as_safetensors(VAE, 'vae-odd', few, {**c, 'base_dim': 7, 'dim_mult': [1, 1, 1, 1]})
    as_safetensors(VAE, 'vae-kernel', {**sound, 'decoder.conv_in.weight': ('BF16', [32, 16, 3, 9, 1])}, c)
    as_safetensors(VAE, 'vae-less', {n: t for n, t in sound.items() if 'decoder' in n}, c)


def configs():
    put('config-json', 'scheduler-lengths.json', json.dumps({'use_dynamic_shifting': True, 'base_image_seq_len': 4096, 'max_image_seq_len': 256}))
    put('config-json', 'scheduler-karras.json', json.dumps({'use_karras_sigmas': True}))
    put('config-json', 'transformer-wide.json', json.dumps(config(TRANSFORMER, num_attention_heads=4096)))
    put('config-json', 'vae-odd.json', json.dumps(config(VAE, base_dim=7)))
    put('config-json', 'vision-blocks.json', json.dumps(config(TEXT, vision_config={**config(TEXT)['vision_config'], 'fullatt_block_indexes': 1})))


def wire():
    picture, mask = '(uint32 8, uint32 4, uint32 3, handle 0)', '(uint32 12, uint32 8, uint32 1, handle 0)'
    put('wire', 'inputs', "i{'pictures': <[%s, %s]>, 'mask': <%s>, 'control': <%s>}" % (picture, picture, mask, picture))
    put('wire', 'inputs-latents', "i{'latents': <(uint64 1, uint64 2, uint64 3, uint64 4, handle 0)>}")
    put('wire', 'inputs-latents-absurd', "i{'latents': <(uint64 4294967296, uint64 4294967296, uint64 1, uint64 1, handle 0)>}")
    put('wire', 'inputs-unsealed', "i{'mask': <(uint32 12, uint32 8, uint32 1, handle 1)>}")
    put('wire', 'inputs-pipe', "i{'mask': <(uint32 12, uint32 8, uint32 1, handle 2)>}")
    put('wire', 'inputs-absurd', "i{'pictures': <[(uint32 32768, uint32 32768, uint32 4, handle 0)]>}")
    put('wire', 'inputs-nine', "i{'pictures': <[%s]>}" % ', '.join([picture] * 9))
    put('wire', 'result', "r{'images': <[%s]>, 'seed': <int64 7>, 'steps': <uint32 20>, 'width': <uint32 8>, 'height': <uint32 4>, "
        "'guidance': <2.5>, 'prompt': <'a fox'>, 'note': <'smaller tiles'>, 'seconds': <{'load': 1.5, 'never': 2.0}>}" % picture)
    put('wire', 'result-empty', "r{'images': <@a(uuuh) []>}")
    put('wire', 'progress', "p{'stage': <'denoise'>, 'step': <uint32 3>, 'n-steps': <uint32 20>, 'result': <uint32 0>, "
        "'n-results': <uint32 1>, 'seconds-left': <12.5>, 'preview': <%s>}" % picture)
    put('wire', 'progress-stage', "p{'stage': <'never'>}")
    put('wire', 'info', "e{'device': <'GPU'>, 'software': <true>, 'memory-bytes': <uint64 8589934592>, 'width': <uint32 1328>, "
        "'problem-code': <-1>, 'load-seconds': <3.0>, 'seconds': <[1.0, 2.0, 3.0, -1.0]>, 'steps': <[uint32 4, 8, 20, 50]>, "
        "'guidance': <[1.0, 1.0]>}")
    put('wire', 'request', "q{'task': <'fill'>, 'prompt': <'a fox'>, 'steps': <int64 20>, 'guidance': <2.5>, 'seed': <int64 -1>, "
        "'quality': <'best'>, 'results': <int64 8>, 'strength': <0.5>, 'lettering': <'top, bold: SALE'>}")
    put('wire', 'request-range', "q{'seed': <int64 -9223372036854775808>}")


if __name__ == '__main__':
    wire()
    configs()
    transformers()
    encoders()
    vaes()
    tokenizers()
    safetensors()
    index()
    comfy()
    gguf()

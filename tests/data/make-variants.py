#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tiny model of models/base in the other spellings, types and containers that people have.

    make-variants.py OUT [--base DIR]

OUT must not exist, be empty, or be of this program's own making: then it is made anew. Values are those of the base model unless the type cannot hold them; for such a file NAME
there is as-f32/NAME.safetensors with the values it holds, in f32 and under the base model's names.

    transformer/NAME.safetensors    bf16, f32, f16, prefixed (model.diffusion_model.), marker-2511 (with its marker),
                                    fp8-plain, fp8-e5m2, fp8-scaled (ComfyUI's old keys), fp8-mixed (its new keys)
    transformer/NAME.gguf           f32, f16, bf16, q8_0, q4_0: what ComfyUI-GGUF writes, one-dimensional tensors in f32
    text/NAME.gguf, mmproj-NAME     llama.cpp names and metadata, with the tokenizer: f32, bf16, q8_0; f32, f32-no-window, f32-swapped
    text/fp8-scaled.safetensors     as ComfyUI has it; bf16, f32 beside it; language-model (newer module paths)
    vae/wan.safetensors, wan-f32    names of Wan; wan-2d: only the last temporal tap; folded.gguf: [O I, t, h, w]
    vae/rgba/                       with a fourth channel, transparency, which changes nothing in the others
    all-in-one.safetensors          transformer, text encoder and VAE in one file
    sharded/                        the diffusers layout with transformer and text encoder in several files
    comfyui/                        diffusion_models, text_encoders, vae, tokenizer side by side
    config/                         the configuration of all of them, without weights, for --config
"""
import argparse
import array
import bisect
import json
import pathlib
import re
import shutil
import struct

HERE = pathlib.Path(__file__).resolve().parent
STAMP = 'made-by-make-variants'


# --- numbers -------------------------------------------------------------------------------------------------------

def to_f32(raw):
    """bf16 bytes → f32 bytes, exactly."""
    out = bytearray(2 * len(raw))
    out[2::4], out[3::4] = raw[0::2], raw[1::2]
    return bytes(out)


def floats(raw):
    """bf16 bytes → f32 values."""
    return array.array('f', to_f32(raw))


def to_f16(raw):
    values = floats(raw)
    return struct.pack(f'<{len(values)}e', *values)


def f32(value):
    return struct.unpack('<f', struct.pack('<f', value))[0]


def f16(value):
    return struct.unpack('<e', struct.pack('<e', value))[0]


def fp8_table(exponent_bits):
    """Value of each non-negative finite code."""
    mantissa_bits = 7 - exponent_bits
    bias, steps = (1 << (exponent_bits - 1)) - 1, 1 << mantissa_bits
    last = 0x7e if exponent_bits == 4 else 0x7b
    return [(m / steps) * 2.0 ** (1 - bias) if e == 0 else (1 + m / steps) * 2.0 ** (e - bias)
            for e, m in ((code >> mantissa_bits, code & (steps - 1)) for code in range(last + 1))]


E4M3, E5M2 = fp8_table(4), fp8_table(5)


def to_fp8(values, table):
    """Nearest code, ties to even, saturating; and the values the codes stand for."""
    known = {}
    codes, back = bytearray(), array.array('f')
    for value in values:
        pair = known.get(value)
        if pair is None:
            magnitude = abs(value)
            at = min(bisect.bisect_left(table, magnitude), len(table) - 1)
            if at > 0 and magnitude < table[at]:
                low, high = magnitude - table[at - 1], table[at] - magnitude
                at -= low < high or (low == high and at % 2 == 1)
            negative = value < 0
            pair = known[value] = (at | (0x80 if negative else 0), -table[at] if negative else table[at])
        codes.append(pair[0])
        back.append(pair[1])
    return bytes(codes), back


def to_q8_0(values):
    """Blocks of 32: f16 scale, 32 signed bytes."""
    out, back = bytearray(), array.array('f')
    for at in range(0, len(values), 32):
        block = values[at:at + 32]
        d = f16(max(map(abs, block)) / 127)
        q = [max(-127, min(127, round(v / d))) if d else 0 for v in block]
        out += struct.pack('<e32b', d, *q)
        back.extend(d * n for n in q)
    return bytes(out), back


def to_q4_0(values):
    """Blocks of 32: f16 scale, 16 bytes of nibbles; element i and i + 16 share one."""
    out, back = bytearray(), array.array('f')
    for at in range(0, len(values), 32):
        block = values[at:at + 32]
        d = f16(max(block, key=abs) / -8)
        q = [max(0, min(15, int(v / d + 8.5))) if d else 8 for v in block]
        out += struct.pack('<e', d) + bytes(q[i] | q[i + 16] << 4 for i in range(16))
        back.extend(d * (n - 8) for n in q)
    return bytes(out), back


# --- safetensors ---------------------------------------------------------------------------------------------------

def read_safetensors(path):
    """{name: (dtype, shape, bytes)}"""
    data = path.read_bytes()
    length = struct.unpack_from('<Q', data)[0]
    header = json.loads(data[8:8 + length])
    header.pop('__metadata__', None)
    return {name: (entry['dtype'], entry['shape'], data[8 + length + entry['data_offsets'][0]:8 + length + entry['data_offsets'][1]])
            for name, entry in header.items()}


def write_safetensors(path, tensors, metadata=None):
    header, at = {}, 0
    if metadata:
        header['__metadata__'] = metadata
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {'dtype': dtype, 'shape': shape, 'data_offsets': [at, at + len(raw)]}
        at += len(raw)
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('wb') as file:
        file.write(struct.pack('<Q', len(text)) + text)
        file.writelines(raw for _, _, raw in tensors.values())


def cast(tensors, dtype):
    convert = {'BF16': lambda raw: raw, 'F32': to_f32, 'F16': to_f16}[dtype]
    return {name: (dtype, shape, convert(raw)) for name, (_, shape, raw) in tensors.items()}


def prefixed(tensors, prefix):
    return {prefix + name: tensor for name, tensor in tensors.items()}


# --- GGUF ----------------------------------------------------------------------------------------------------------

GGML = {'F32': 0, 'F16': 1, 'Q4_0': 2, 'Q8_0': 8, 'BF16': 30}


def gguf_string(text):
    raw = text.encode()
    return struct.pack('<Q', len(raw)) + raw


def gguf_value(value):
    """Type id and bytes: bool, int (u32), float (f32), string, or a list of one of the last three (ints as i32)."""
    if isinstance(value, bool):
        return 7, struct.pack('<B', value)
    if isinstance(value, int):
        return 4, struct.pack('<I', value)
    if isinstance(value, float):
        return 6, struct.pack('<f', value)
    if isinstance(value, str):
        return 8, gguf_string(value)
    kind, pack = (8, gguf_string) if isinstance(value[0], str) else (5, lambda n: struct.pack('<i', n))
    return 9, struct.pack('<IQ', kind, len(value)) + b''.join(map(pack, value))


def write_gguf(path, tensors, metadata):
    """tensors: {name: (type, torch shape, bytes)}"""
    head = b'GGUF' + struct.pack('<IQQ', 3, len(tensors), len(metadata))
    for key, value in metadata.items():
        kind, raw = gguf_value(value)
        head += gguf_string(key) + struct.pack('<I', kind) + raw
    at = 0
    for name, (dtype, shape, raw) in tensors.items():
        head += gguf_string(name) + struct.pack(f'<I{len(shape)}QIQ', len(shape), *reversed(shape), GGML[dtype], at)
        at += len(raw) + -len(raw) % 32
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('wb') as file:
        file.write(head + bytes(-len(head) % 32))
        for _, _, raw in tensors.values():
            file.write(raw + bytes(-len(raw) % 32))


def quantised(tensors, dtype):
    """Matrices as dtype where their rows are whole blocks (else f16), the rest in f32; and the values held, in f32."""
    out, held = {}, {}
    for name, (_, shape, raw) in tensors.items():
        blocks = {'Q8_0': to_q8_0, 'Q4_0': to_q4_0}.get(dtype)
        if len(shape) < 2:
            out[name] = ('F32', shape, to_f32(raw))
            back = out[name][2]
        elif blocks and shape[-1] % 32 == 0 and len(shape) == 2:
            data, values = blocks(floats(raw))
            out[name] = (dtype, shape, data)
            back = values.tobytes()
        else:
            plain = 'F16' if blocks else dtype
            out[name] = cast({name: ('BF16', shape, raw)}, plain)[name]
            data = out[name][2]
            back = (array.array('f', struct.unpack(f'<{len(data) // 2}e', data)).tobytes() if plain == 'F16' else to_f32(raw))
        held[name] = ('F32', shape, back)
    return out, held


# --- names ---------------------------------------------------------------------------------------------------------

LLAMA_TEXT = [('model.embed_tokens.', 'token_embd.'), ('model.norm.', 'output_norm.'), ('lm_head.', 'output.'),
              ('model.layers.', 'blk.'), ('input_layernorm', 'attn_norm'), ('post_attention_layernorm', 'ffn_norm'),
              ('self_attn.q_proj', 'attn_q'), ('self_attn.k_proj', 'attn_k'), ('self_attn.v_proj', 'attn_v'),
              ('self_attn.o_proj', 'attn_output'), ('mlp.gate_proj', 'ffn_gate'), ('mlp.up_proj', 'ffn_up'),
              ('mlp.down_proj', 'ffn_down')]
LLAMA_VISION = [('visual.blocks.', 'v.blk.'), ('norm1', 'ln1'), ('norm2', 'ln2'), ('attn.proj', 'attn_out'),
                ('mlp.gate_proj', 'ffn_gate'), ('mlp.up_proj', 'ffn_up'), ('mlp.down_proj', 'ffn_down'),
                ('visual.merger.ln_q', 'v.post_ln'), ('visual.merger.mlp.', 'mm.')]
WAN_INSIDE = {'norm1': 'residual.0', 'conv1': 'residual.2', 'norm2': 'residual.3', 'conv2': 'residual.6',
              'conv_shortcut': 'shortcut'}


def replaced(name, table):
    for old, new in table:
        name = name.replace(old, new)
    return name


def wan_name(name):
    parts = name.split('.')
    if parts[0] in ('quant_conv', 'post_quant_conv'):
        return '.'.join([{'quant_conv': 'conv1', 'post_quant_conv': 'conv2'}[parts[0]]] + parts[1:])
    side, block, rest = parts[0], parts[1], parts[2:]
    if block in ('conv_in', 'norm_out', 'conv_out'):
        return '.'.join([side, {'conv_in': 'conv1', 'norm_out': 'head.0', 'conv_out': 'head.2'}[block]] + rest)
    if block == 'mid_block':
        number = 1 if rest[0] == 'attentions' else 2 * int(rest[1])
        inside = rest[2:]
        head = f'{side}.middle.{number}'
    elif block == 'down_blocks':
        inside = rest[1:]
        head = f'encoder.downsamples.{rest[0]}'
    else:
        number = 4 * int(rest[0]) + (3 if rest[1] == 'upsamplers' else int(rest[2]))
        inside = rest[3:]
        head = f'decoder.upsamples.{number}'
    return '.'.join([head, WAN_INSIDE.get(inside[0], inside[0])] + inside[1:])


# --- the variants --------------------------------------------------------------------------------------------------

def write_fp8(out, name, tensors, table, style):
    """style: plain (every tensor, no scale), scaled (one scale a matrix), mixed (one scale a row and ComfyUI's JSON)."""
    kind = 'F8_E5M2' if table is E5M2 else 'F8_E4M3'
    held, files = {}, {}
    if style == 'scaled':
        files['scaled_fp8'] = ('F8_E4M3', [0], b'')
    for key, (dtype, shape, raw) in tensors.items():
        values = floats(raw)
        if style == 'plain':
            codes, back = to_fp8(values, table)
            files[key] = (kind, shape, codes)
            held[key] = ('F32', shape, back.tobytes())
            continue
        if len(shape) != 2 or key.startswith('model.embed_tokens'):
            files[key] = (dtype, shape, raw)
            held[key] = ('F32', shape, to_f32(raw))
            continue
        layer = key.removesuffix('.weight')
        rows = [values] if style == 'scaled' else [values[i * shape[1]:(i + 1) * shape[1]] for i in range(shape[0])]
        scales = [f32(max(map(abs, row)) / table[-1]) or 1.0 for row in rows]
        codes, back = b'', array.array('f')
        for row, scale in zip(rows, scales):
            part, values_back = to_fp8([v / scale for v in row], table)
            codes += part
            back.extend(f32(v * scale) for v in values_back)
        files[key] = (kind, shape, codes)
        held[key] = ('F32', shape, back.tobytes())
        packed = struct.pack(f'<{len(scales)}f', *scales)
        if style == 'scaled':
            files[f'{layer}.scale_weight'] = ('F32', [], packed)
            files[f'{layer}.scale_input'] = ('F32', [], struct.pack('<f', 1.0))
        else:
            text = b'{"format": "float8_e4m3fn"}'
            files[f'{layer}.weight_scale'] = ('F32', [shape[0], 1], packed)
            files[f'{layer}.comfy_quant'] = ('U8', [len(text)], text)
    write_safetensors(out / f'{name}.safetensors', files)
    write_safetensors(out / 'as-f32' / f'{name}.safetensors', held)


def make_transformers(out, tensors):
    for dtype in ('BF16', 'F32', 'F16'):
        write_safetensors(out / f'{dtype.lower()}.safetensors', cast(tensors, dtype))
        write_gguf(out / f'{dtype.lower()}.gguf', quantised(tensors, dtype)[0],
                   {'general.architecture': 'qwen_image', 'general.quantization_version': 2})
    write_safetensors(out / 'prefixed.safetensors', prefixed(tensors, 'model.diffusion_model.'))
    write_safetensors(out / 'marker-2511.safetensors', tensors | {'__index_timestep_zero__': ('BF16', [0], b'')})
    for dtype in ('Q8_0', 'Q4_0'):
        data, held = quantised(tensors, dtype)
        write_gguf(out / f'{dtype.lower()}.gguf', data, {'general.architecture': 'qwen_image'})
        write_safetensors(out / 'as-f32' / f'{dtype.lower()}.safetensors', held)
    write_fp8(out, 'fp8-plain', tensors, E4M3, 'plain')
    write_fp8(out, 'fp8-e5m2', tensors, E5M2, 'plain')
    write_fp8(out, 'fp8-scaled', tensors, E4M3, 'scaled')
    write_fp8(out, 'fp8-mixed', tensors, E4M3, 'mixed')


def tokenizer_metadata(folder, vocabulary):
    """As llama.cpp's converter writes it: rows without a token are called [PADn]."""
    data = json.loads((folder / 'tokenizer.json').read_text())
    tokens, kinds = [f'[PAD{i}]' for i in range(vocabulary)], [5] * vocabulary
    for token, number in data['model']['vocab'].items():
        tokens[number], kinds[number] = token, 1
    for token in data['added_tokens']:
        tokens[token['id']], kinds[token['id']] = token['content'], 3 if token['special'] else 4
    merges = [merge if isinstance(merge, str) else ' '.join(merge) for merge in data['model']['merges']]
    end = next(token['id'] for token in data['added_tokens'] if token['content'] == '<|im_end|>')
    pad = next(token['id'] for token in data['added_tokens'] if token['content'] == '<|endoftext|>')
    return {'tokenizer.ggml.model': 'gpt2', 'tokenizer.ggml.pre': 'qwen2', 'tokenizer.ggml.tokens': tokens,
            'tokenizer.ggml.token_type': kinds, 'tokenizer.ggml.merges': merges, 'tokenizer.ggml.eos_token_id': end,
            'tokenizer.ggml.padding_token_id': pad, 'tokenizer.ggml.add_bos_token': False}


def make_text(out, base, tensors):
    config = json.loads((base / 'text_encoder' / 'config.transformers4.json').read_text())
    text = {name: t for name, t in tensors.items() if not name.startswith('visual.')}
    metadata = {
        'general.architecture': 'qwen2vl', 'general.name': 'Tiny', 'qwen2vl.block_count': config['num_hidden_layers'],
        'qwen2vl.context_length': 128000, 'qwen2vl.embedding_length': config['hidden_size'],
        'qwen2vl.feed_forward_length': config['intermediate_size'],
        'qwen2vl.attention.head_count': config['num_attention_heads'],
        'qwen2vl.attention.head_count_kv': config['num_key_value_heads'],
        'qwen2vl.attention.layer_norm_rms_epsilon': config['rms_norm_eps'], 'qwen2vl.rope.freq_base': config['rope_theta'],
        'qwen2vl.rope.dimension_sections': config['rope_scaling']['mrope_section'] + [0],
    } | tokenizer_metadata(base / 'tokenizer', config['vocab_size'])
    for dtype in ('F32', 'BF16', 'Q8_0'):
        data, held = quantised(text, dtype)
        write_gguf(out / f'{dtype.lower()}.gguf', {replaced(n, LLAMA_TEXT): t for n, t in data.items()}, metadata)
        if dtype == 'Q8_0':
            write_safetensors(out / 'as-f32' / 'q8_0.safetensors', held)
    write_safetensors(out / 'bf16.safetensors', tensors)
    write_safetensors(out / 'f32.safetensors', cast(tensors, 'F32'))
    newer = [('model.', 'model.language_model.'), ('visual.', 'model.visual.')]
    write_safetensors(out / 'language-model.safetensors',
                      {next((new + n[len(old):] for old, new in newer if n.startswith(old)), n): t for n, t in tensors.items()})
    write_fp8(out, 'fp8-scaled', {n: t for n, t in tensors.items() if not n.startswith('lm_head')}, E4M3, 'scaled')


def make_vision(out, base, tensors):
    """The tower alone, as llama.cpp's mmproj: q, k and v apart, the patch kernel in two halves."""
    c = json.loads((base / 'text_encoder' / 'config.transformers4.json').read_text())['vision_config']
    data = {}
    for name, (_, shape, raw) in tensors.items():
        if not name.startswith('visual.'):
            continue
        raw = to_f32(raw)
        if name == 'visual.patch_embed.proj.weight':  # [out, 3, 2, p, p] → two of [out, 3, p, p]
            cut = 4 * shape[3] * shape[4]
            for half in range(2):
                parts = [raw[(2 * i + half) * cut:(2 * i + half + 1) * cut] for i in range(shape[0] * shape[1])]
                data['v.patch_embd.weight' + ('.1' if half else '')] = ('F32', shape[:2] + shape[3:], b''.join(parts))
        elif '.attn.qkv.' in name:
            third = len(raw) // 3
            for i, part in enumerate('qkv'):
                new = replaced(name.replace('attn.qkv', f'attn_{part}'), LLAMA_VISION)
                data[new] = ('F32', [shape[0] // 3] + shape[1:], raw[i * third:(i + 1) * third])
        else:
            data[replaced(name, LLAMA_VISION)] = ('F32', shape, raw)
    blocks = c['fullatt_block_indexes']
    metadata = {
        'general.architecture': 'clip', 'clip.has_vision_encoder': True, 'clip.projector_type': 'qwen2.5vl_merger',
        'clip.use_silu': True, 'clip.vision.block_count': c['depth'], 'clip.vision.embedding_length': c['hidden_size'],
        'clip.vision.feed_forward_length': c['intermediate_size'], 'clip.vision.patch_size': c['patch_size'],
        'clip.vision.attention.head_count': c['num_heads'], 'clip.vision.attention.layer_norm_epsilon': 1e-6,
        'clip.vision.projection_dim': c['out_hidden_size'], 'clip.vision.n_wa_pattern': blocks[0] + 1,
    }
    write_gguf(out / 'mmproj-f32-no-window.gguf', data, metadata)
    metadata |= {'clip.vision.window_size': c['window_size']}
    write_gguf(out / 'mmproj-f32.gguf', data, metadata)
    other = {'ffn_up': 'ffn_down', 'ffn_down': 'ffn_up'}  # as old converters called them
    write_gguf(out / 'mmproj-f32-swapped.gguf',
               {re.sub('ffn_(up|down)', lambda m: other[m[0]], n): t for n, t in data.items()}, metadata)


def make_rgba(out, base, tensors):
    """The VAE with a fourth picture channel whose weights are those of the first."""
    rgba = dict(tensors)
    for name in ('decoder.conv_out.weight', 'decoder.conv_out.bias'):
        dtype, shape, raw = tensors[name]
        rgba[name] = (dtype, [4] + shape[1:], raw + raw[:len(raw) // 3])
    dtype, shape, raw = tensors['encoder.conv_in.weight']
    tap = len(raw) // (shape[0] * 3)
    filters = [raw[3 * i * tap:3 * (i + 1) * tap] for i in range(shape[0])]
    rgba['encoder.conv_in.weight'] = (dtype, [shape[0], 4] + shape[2:], b''.join(f + f[:tap] for f in filters))
    write_safetensors(out / 'diffusion_pytorch_model.safetensors', rgba)
    config = json.loads((base / 'vae' / 'config.json').read_text()) | {'input_channels': 4}
    (out / 'config.json').write_text(json.dumps(config))


def make_vae(out, tensors):
    wan = {wan_name(name): t for name, t in tensors.items()}
    write_safetensors(out / 'wan.safetensors', wan)
    write_safetensors(out / 'wan-f32.safetensors', cast(wan, 'F32'))
    flat, folded = {}, {}
    for name, (dtype, shape, raw) in wan.items():
        if 'time_conv' in name:
            continue
        if len(shape) == 5:  # [O, I, t, h, w]: one frame meets the last t only
            cut = len(raw) // (shape[0] * shape[1] * shape[2])
            taps = [raw[((i + 1) * shape[2] - 1) * cut:(i + 1) * shape[2] * cut] for i in range(shape[0] * shape[1])]
            flat[name] = (dtype, shape[:2] + shape[3:], b''.join(taps))
            folded[name] = ('F32', [shape[0] * shape[1]] + shape[2:], to_f32(raw))
        else:
            flat[name] = (dtype, shape, raw)
            folded[name] = ('F32', shape, to_f32(raw))
    write_safetensors(out / 'wan-2d.safetensors', flat)
    write_gguf(out / 'folded.gguf', folded, {'general.architecture': 'wan-vae'})


def make_shards(folder, stem, tensors, n):
    names = sorted(tensors)
    groups = [names[i::n] for i in range(n)]
    weight_map = {}
    for i, group in enumerate(groups):
        shard = f'{stem}-{i + 1:05}-of-{n:05}.safetensors'
        write_safetensors(folder / shard, {name: tensors[name] for name in group}, {'format': 'pt'})
        weight_map |= dict.fromkeys(group, shard)
    total = sum(len(raw) for _, _, raw in tensors.values())
    (folder / f'{stem}.safetensors.index.json').write_text(
        json.dumps({'metadata': {'total_size': total}, 'weight_map': dict(sorted(weight_map.items()))}, indent=2) + '\n')


def copy_configs(base, out):
    for name in ('model_index.json', 'transformer/config.json', 'text_encoder/config.json', 'vae/config.json',
                 'scheduler/scheduler_config.json'):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(base / name, out / name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', type=pathlib.Path)
    parser.add_argument('--base', type=pathlib.Path, default=HERE / 'models' / 'base')
    args = parser.parse_args()
    base, out = args.base, args.out
    if (out / STAMP).exists():
        shutil.rmtree(out)
    elif out.exists() and any(out.iterdir()):
        parser.error(f'{out} is not empty')

    net = read_safetensors(base / 'transformer' / 'diffusion_pytorch_model.safetensors')
    text = read_safetensors(base / 'text_encoder' / 'model.safetensors')
    vae = read_safetensors(base / 'vae' / 'diffusion_pytorch_model.safetensors')
    wan = {wan_name(name): t for name, t in vae.items()}
    lean = {name: t for name, t in text.items() if not name.startswith('lm_head')}

    make_transformers(out / 'transformer', net)
    make_text(out / 'text', base, text)
    make_vision(out / 'text', base, text)
    make_vae(out / 'vae', vae)
    make_rgba(out / 'vae' / 'rgba', base, vae)
    write_safetensors(out / 'all-in-one.safetensors',
                      prefixed(net, 'model.diffusion_model.') | prefixed(wan, 'vae.')
                      | prefixed(lean, 'text_encoders.qwen25_7b.transformer.'))
    copy_configs(base, out / 'config')

    copy_configs(base, out / 'sharded')
    make_shards(out / 'sharded' / 'transformer', 'diffusion_pytorch_model', net, 3)
    make_shards(out / 'sharded' / 'text_encoder', 'model', text, 2)
    shutil.copyfile(base / 'vae' / 'diffusion_pytorch_model.safetensors',
                    out / 'sharded' / 'vae' / 'diffusion_pytorch_model.safetensors')
    shutil.copytree(base / 'tokenizer', out / 'sharded' / 'tokenizer')

    write_safetensors(out / 'comfyui' / 'diffusion_models' / 'qwen_image_bf16.safetensors', net)
    write_safetensors(out / 'comfyui' / 'text_encoders' / 'qwen_2.5_vl_7b.safetensors', lean)
    write_safetensors(out / 'comfyui' / 'vae' / 'qwen_image_vae.safetensors', wan)
    shutil.copytree(base / 'tokenizer', out / 'comfyui' / 'tokenizer')
    (out / STAMP).touch()


if __name__ == '__main__':
    main()

#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files with the geometry of the released 20 B model and nothing in them: headers, then a hole. For plans, which read headers only.

    make-giant.py OUT [--type Q4_K|Q8_0|BF16] [--blocks 60] [--layers 28]

    OUT/transformer.gguf, OUT/text.gguf     60 blocks of 24 heads of 128; 28 layers of the 7 B text encoder. With few of each
                                            the parts can be run for their seconds: docs/performance.md
    OUT/vae/                                the VAE, base width 96
    OUT/tokenizer, OUT/scheduler            those of the tiny model
"""
import argparse
import importlib.util
import json
import pathlib
import shutil
import struct

HERE = pathlib.Path(__file__).resolve().parent
BASE = HERE / 'models' / 'base'
spec = importlib.util.spec_from_file_location('variants', HERE / 'make-variants.py')
variants = importlib.util.module_from_spec(spec)
spec.loader.exec_module(variants)

TYPES = {'F32': (0, 1, 4), 'Q8_0': (8, 32, 34), 'Q4_K': (12, 256, 144), 'BF16': (30, 1, 2)}  # GGML's number, block, bytes


def write_gguf(path, shapes, kind, metadata):
    """shapes: {name: torch shape}; matrices as kind where their rows are whole blocks, the rest in f32."""
    head = b'GGUF' + struct.pack('<IQQ', 3, len(shapes), len(metadata))
    for key, value in metadata.items():
        number, raw = variants.gguf_value(value)
        head += variants.gguf_string(key) + struct.pack('<I', number) + raw
    at = 0
    for name, shape in shapes.items():
        number, block, size = TYPES[kind if len(shape) > 1 and shape[-1] % TYPES[kind][1] == 0 else 'F32']
        n = 1
        for dim in shape:
            n *= dim
        head += variants.gguf_string(name) + struct.pack(f'<I{len(shape)}QIQ', len(shape), *reversed(shape), number, at)
        at += n // block * size
        at += -at % 32
    head += bytes(-len(head) % 32)
    with path.open('wb') as file:
        file.write(head)
        file.truncate(len(head) + at)


def linear(shapes, name, n_out, n_in, bias=True):
    shapes[f'{name}.weight'] = [n_out, n_in]
    if bias:
        shapes[f'{name}.bias'] = [n_out]


def transformer(blocks):
    d, shapes = 3072, {}
    linear(shapes, 'img_in', d, 64)
    linear(shapes, 'txt_in', d, 3584)
    shapes['txt_norm.weight'] = [3584]
    linear(shapes, 'time_text_embed.timestep_embedder.linear_1', d, 256)
    linear(shapes, 'time_text_embed.timestep_embedder.linear_2', d, d)
    linear(shapes, 'norm_out.linear', 2 * d, d)
    linear(shapes, 'proj_out', 64, d)
    for i in range(blocks):
        block = f'transformer_blocks.{i}'
        for name in ('to_q', 'to_k', 'to_v', 'to_out.0', 'add_q_proj', 'add_k_proj', 'add_v_proj', 'to_add_out'):
            linear(shapes, f'{block}.attn.{name}', d, d)
        for name in ('norm_q', 'norm_k', 'norm_added_q', 'norm_added_k'):
            shapes[f'{block}.attn.{name}.weight'] = [128]
        for stream in ('img', 'txt'):
            linear(shapes, f'{block}.{stream}_mod.1', 6 * d, d)
            linear(shapes, f'{block}.{stream}_mlp.net.0.proj', 4 * d, d)
            linear(shapes, f'{block}.{stream}_mlp.net.2', d, 4 * d)
    return shapes


def text_encoder(layers):
    d, ffn, kv = 3584, 18944, 512
    shapes = {'token_embd.weight': [152064, d], 'output_norm.weight': [d], 'output.weight': [152064, d]}
    for i in range(layers):
        block = f'blk.{i}'
        shapes[f'{block}.attn_norm.weight'] = shapes[f'{block}.ffn_norm.weight'] = [d]
        linear(shapes, f'{block}.attn_q', d, d)
        linear(shapes, f'{block}.attn_k', kv, d)
        linear(shapes, f'{block}.attn_v', kv, d)
        linear(shapes, f'{block}.attn_output', d, d, False)
        linear(shapes, f'{block}.ffn_gate', ffn, d, False)
        linear(shapes, f'{block}.ffn_up', ffn, d, False)
        linear(shapes, f'{block}.ffn_down', d, ffn, False)
    return shapes


def write_vae(folder):
    """The tiny model's, twelve times as wide; latents and pictures have the channels they have."""
    fixed = {'quant_conv': (0, 1), 'post_quant_conv': (0, 1), 'encoder.conv_in': (1,), 'encoder.conv_out': (0,),
             'decoder.conv_in': (1,), 'decoder.conv_out': (0,)}
    header, at = {}, 0
    for name, (_, shape, _) in variants.read_safetensors(BASE / 'vae' / 'diffusion_pytorch_model.safetensors').items():
        still = fixed.get(name.rpartition('.')[0], ())
        channels = 2 if name.endswith('.weight') else 1
        wide = [dim * 12 if i < channels and i not in still else dim for i, dim in enumerate(shape)]
        size = 2
        for dim in wide:
            size *= dim
        header[name] = {'dtype': 'BF16', 'shape': wide, 'data_offsets': [at, at + size]}
        at += size
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    folder.mkdir()
    with (folder / 'diffusion_pytorch_model.safetensors').open('wb') as file:
        file.write(struct.pack('<Q', len(text)) + text)
        file.truncate(8 + len(text) + at)
    config = json.loads((BASE / 'vae' / 'config.json').read_text())
    (folder / 'config.json').write_text(json.dumps(config | {'base_dim': 96}))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('out', type=pathlib.Path)
    parser.add_argument('--type', default='Q4_K', choices=['Q4_K', 'Q8_0', 'BF16'])
    parser.add_argument('--blocks', type=int, default=60)
    parser.add_argument('--layers', type=int, default=28)
    options = parser.parse_args()
    out = options.out
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    write_gguf(out / 'transformer.gguf', transformer(options.blocks), options.type, {'general.architecture': 'qwen_image'})
    write_gguf(out / 'text.gguf', text_encoder(options.layers), options.type, {
        'general.architecture': 'qwen2vl', 'qwen2vl.block_count': options.layers, 'qwen2vl.embedding_length': 3584,
        'qwen2vl.feed_forward_length': 18944, 'qwen2vl.attention.head_count': 28, 'qwen2vl.attention.head_count_kv': 4,
        'qwen2vl.attention.layer_norm_rms_epsilon': 1e-6, 'qwen2vl.rope.freq_base': 1e6,
        'qwen2vl.rope.dimension_sections': [16, 24, 24, 0]})
    write_vae(out / 'vae')
    for part in ('tokenizer', 'scheduler'):
        shutil.copytree(BASE / part, out / part)


if __name__ == '__main__':
    main()

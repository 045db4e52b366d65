#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""LoRA files of every spelling for two tiny transformers, and the second of the two.

    make-loras.py OUT

OUT must not exist, be empty, or be of this program's own making: then it is made anew. Values are pseudo-random, the same each time.

    wide/transformer.gguf       one block of width 256, whose matrices are Q4_K; wide/config: its configuration
    base/, wide/                for models/base and for that:
        diffusers.safetensors   transformer.…lora_A/lora_B, every layer, rank 3, alpha in the metadata
        kohya.safetensors       lora_unet_…, bf16, ranks 1 to 5, alpha tensors
        Qwen-Image-Lightning-4steps-V1.0.safetensors   as lightx2v writes them
        lokr.safetensors        lycoris_…lokr_*, f16: whole factors and products of two
        fused.safetensors       diffusion_model.…to_qkv
        second.safetensors      as diffusers, of other layers and values
    base/ only:
        extra.safetensors       as second, with five keys that are for nothing in this model
        few-match.safetensors   2 of 12 parts are of this family
        other-width.safetensors layers of another width
        style-2511.safetensors, metadata-2509.safetensors   made for one edition
        dora.safetensors, loha.safetensors
"""
import argparse
import array
import json
import pathlib
import random
import shutil
import struct

STAMP = 'made-by-make-loras'
TIME_DIM, CHANNELS = 256, 64
ATTENTION = ['attn.to_q', 'attn.to_k', 'attn.to_v', 'attn.to_out.0',
             'attn.add_q_proj', 'attn.add_k_proj', 'attn.add_v_proj', 'attn.to_add_out']
MLP = ['img_mlp.net.0.proj', 'img_mlp.net.2', 'txt_mlp.net.0.proj', 'txt_mlp.net.2']
MODULATION = ['img_mod.1', 'txt_mod.1']


class Model:
    def __init__(self, width, text, layers):
        self.width, self.text, self.layers = width, text, layers

    def shape(self, module):
        """[n_out, n_in]"""
        d = self.width
        tops = {'img_in': (d, CHANNELS), 'txt_in': (d, self.text), 'norm_out.linear': (2 * d, d), 'proj_out': (CHANNELS, d),
                'time_text_embed.timestep_embedder.linear_1': (d, TIME_DIM),
                'time_text_embed.timestep_embedder.linear_2': (d, d)}
        if module in tops:
            return tops[module]
        ends = {'img_mod.1': (6 * d, d), 'txt_mod.1': (6 * d, d), 'net.0.proj': (4 * d, d), 'net.2': (d, 4 * d),
                'to_qkv': (3 * d, d), 'add_qkv_proj': (3 * d, d)}
        return next((shape for end, shape in ends.items() if module.endswith(end)), (d, d))

    def tops(self):
        return ['img_in', 'txt_in', 'norm_out.linear', 'proj_out', 'time_text_embed.timestep_embedder.linear_1',
                'time_text_embed.timestep_embedder.linear_2']

    def inside(self, names):
        return [f'transformer_blocks.{i}.{name}' for i in range(self.layers) for name in names]


BASE, WIDE = Model(64, 64, 3), Model(256, 64, 1)


# --- files ---------------------------------------------------------------------------------------------------------

def pack(values, dtype):
    if dtype == 'F16':
        return struct.pack(f'<{len(values)}e', *values)
    raw = array.array('f', values).tobytes()
    if dtype == 'F32':
        return raw
    out = bytearray(len(raw) // 2)
    out[0::2], out[1::2] = raw[2::4], raw[3::4]
    return bytes(out)


def write_safetensors(path, tensors, metadata=None):
    """tensors: {name: (dtype, shape, bytes)}"""
    header, at = {}, 0
    if metadata:
        header['__metadata__'] = metadata
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {'dtype': dtype, 'shape': shape, 'data_offsets': [at, at + len(raw)]}
        at += len(raw)
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack('<Q', len(text)) + text + b''.join(raw for _, _, raw in tensors.values()))


class Random:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def matrix(self, rows, columns, scale, dtype='F32'):
        return dtype, [rows, columns], pack([self.random.gauss(0, scale) for _ in range(rows * columns)], dtype)


def number(value):
    return 'F32', [], struct.pack('<f', value)


# --- the spellings -------------------------------------------------------------------------------------------------

def low_rank(rng, model, module, rank, dtype='F32'):
    """A and B whose product is about as large as a weight."""
    n_out, n_in = model.shape(module)
    return rng.matrix(rank, n_in, n_in ** -0.5, dtype), rng.matrix(n_out, rank, 0.15, dtype)


def diffusers(model, seed, modules, prefix='transformer.'):
    rng, out = Random(seed), {}
    for module in modules:
        a, b = low_rank(rng, model, module, 3)
        out[f'{prefix}{module}.lora_A.weight'], out[f'{prefix}{module}.lora_B.weight'] = a, b
    return out


def kohya(model):
    rng, out = Random(2), {}
    for i, module in enumerate(model.inside(ATTENTION + MLP + MODULATION)):
        stem, rank = 'lora_unet_' + module.replace('.', '_'), 1 + i % 5
        a, b = low_rank(rng, model, module, rank, 'BF16')
        out[f'{stem}.alpha'] = ('I64', [], struct.pack('<q', rank)) if i == 3 else number(rank / 2)
        out[f'{stem}.lora_down.weight'], out[f'{stem}.lora_up.weight'] = a, b
    return out


def lightning(model):
    rng, out = Random(3), {}
    for module in model.inside(ATTENTION + MLP):
        a, b = low_rank(rng, model, module, 4, 'BF16')
        out[f'{module}.alpha'] = ('BF16', [], pack([2.0], 'BF16'))
        out[f'{module}.lora_down.weight'], out[f'{module}.lora_up.weight'] = a, b
    return out


def lokr(model):
    rng, out = Random(4), {}
    for i, module in enumerate(model.inside(ATTENTION + MLP) + ['img_in']):
        stem, (n_out, n_in) = 'lycoris_' + module.replace('.', '_'), model.shape(module)
        a, b = 8, 4
        p, q = n_out // a, n_in // b
        kind = i % 4
        if kind & 1:
            out[f'{stem}.lokr_w1_a'], out[f'{stem}.lokr_w1_b'] = rng.matrix(a, 2, 0.5, 'F16'), rng.matrix(2, b, 0.5, 'F16')
        else:
            out[f'{stem}.lokr_w1'] = rng.matrix(a, b, 0.5, 'F16')
        if kind & 2:
            out[f'{stem}.lokr_w2_a'], out[f'{stem}.lokr_w2_b'] = rng.matrix(p, 3, 0.2, 'F16'), rng.matrix(3, q, 0.2, 'F16')
        else:
            out[f'{stem}.lokr_w2'] = rng.matrix(p, q, 0.1, 'F16')
        # With whole factors alpha is to be ignored; files have absurd ones there.
        out[f'{stem}.alpha'] = number(1.5 if kind else 9999999.0)
    return out


def fused(model):
    return diffusers(model, 5, model.inside(['attn.to_qkv', 'attn.add_qkv_proj']), 'diffusion_model.')


def make_formats(out, model):
    write_safetensors(out / 'diffusers.safetensors',
                      diffusers(model, 1, model.tops() + model.inside(ATTENTION + MLP + MODULATION)),
                      {'format': 'pt', 'lora_adapter_metadata': json.dumps({
                          'transformer.r': 3, 'transformer.lora_alpha': 6, 'transformer.alpha_pattern': {'to_k': 1.5}})})
    write_safetensors(out / 'kohya.safetensors', kohya(model))
    write_safetensors(out / 'Qwen-Image-Lightning-4steps-V1.0.safetensors', lightning(model))
    write_safetensors(out / 'lokr.safetensors', lokr(model))
    write_safetensors(out / 'fused.safetensors', fused(model))
    write_safetensors(out / 'second.safetensors', second(model))


def second(model):
    return diffusers(model, 6, model.inside(ATTENTION[2:6] + MLP[:1]))


def make_misfits(out):
    rng, text = Random(7), {}
    for i in range(2):
        stem = f'lora_te_text_model_encoder_layers_{i}_self_attn_q_proj'
        text[f'{stem}.lora_down.weight'], text[f'{stem}.lora_up.weight'] = rng.matrix(2, 8, 1), rng.matrix(8, 2, 1)
    text['transformer.transformer_blocks.0.attn.to_q.diff_b'] = rng.matrix(1, 64, 1)
    write_safetensors(out / 'extra.safetensors', second(BASE) | text)

    few = {}
    for i in range(12):
        module = f'transformer_blocks.{i}.attn.to_k' if i < 2 else f'down_blocks.{i}.attentions.0.to_k'
        few[f'{module}.lora_A.weight'], few[f'{module}.lora_B.weight'] = rng.matrix(2, 64, 1), rng.matrix(64, 2, 1)
    write_safetensors(out / 'few-match.safetensors', few)
    write_safetensors(out / 'other-width.safetensors', diffusers(Model(96, 64, 3), 8, BASE.inside(ATTENTION)))
    write_safetensors(out / 'style-2511.safetensors', second(BASE))
    write_safetensors(out / 'metadata-2509.safetensors', second(BASE), {'ss_base_model_version': 'qwen_image_edit_2509'})
    module = 'transformer_blocks.0.attn.to_q'
    write_safetensors(out / 'dora.safetensors', second(BASE) | {f'{module}.dora_scale': rng.matrix(64, 1, 1)})
    write_safetensors(out / 'loha.safetensors',
                      {f'{module}.hada_w{i}_{side}': rng.matrix(*((64, 2) if side == 'a' else (2, 64)), 1)
                       for i in (1, 2) for side in 'ab'})


# --- the wide model ------------------------------------------------------------------------------------------------

def gguf_string(text):
    raw = text.encode()
    return struct.pack('<Q', len(raw)) + raw


def q4_k(rng, n):
    """Random blocks of 256: two f16 scales, twelve bytes of 6-bit scales and minima, 128 of nibbles. Values within 0.05."""
    return b''.join(struct.pack('<ee', 5e-5, 3.75e-4) + rng.random.randbytes(140) for _ in range(n // 256))


def make_wide(out):
    rng, d, tensors = Random(9), WIDE.width, {}
    for module in WIDE.tops() + WIDE.inside(ATTENTION + MLP + MODULATION):
        n_out, n_in = WIDE.shape(module)
        if n_in % 256:
            tensors[f'{module}.weight'] = (0, [n_out, n_in], rng.matrix(n_out, n_in, 0.05)[2])
        else:
            tensors[f'{module}.weight'] = (12, [n_out, n_in], q4_k(rng, n_out * n_in))
        # Gates of about 1, so that the block counts.
        tensors[f'{module}.bias'] = (0, [n_out], rng.matrix(1, n_out, 1 if '_mod' in module else 0.05)[2])
    for name in ('norm_q', 'norm_k', 'norm_added_q', 'norm_added_k'):
        tensors[f'transformer_blocks.0.attn.{name}.weight'] = (0, [128], pack([1.0] * 128, 'F32'))
    tensors['txt_norm.weight'] = (0, [WIDE.text], pack([1.0] * WIDE.text, 'F32'))

    head = b'GGUF' + struct.pack('<IQQ', 3, len(tensors), 1)
    head += gguf_string('general.architecture') + struct.pack('<I', 8) + gguf_string('qwen_image')
    at = 0
    for name, (kind, shape, raw) in tensors.items():
        head += gguf_string(name) + struct.pack(f'<I{len(shape)}QIQ', len(shape), *reversed(shape), kind, at)
        at += len(raw) + -len(raw) % 32
    with (out / 'transformer.gguf').open('wb') as file:
        file.write(head + bytes(-len(head) % 32))
        for _, _, raw in tensors.values():
            file.write(raw + bytes(-len(raw) % 32))

    config = out / 'config' / 'transformer' / 'config.json'
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({
        '_class_name': 'QwenImageTransformer2DModel', 'attention_head_dim': 128, 'axes_dims_rope': [16, 56, 56],
        'guidance_embeds': False, 'in_channels': CHANNELS, 'joint_attention_dim': WIDE.text, 'num_attention_heads': d // 128,
        'num_layers': WIDE.layers, 'out_channels': CHANNELS // 4, 'patch_size': 2, 'zero_cond_t': False}, indent=2))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('out', type=pathlib.Path)
    out = parser.parse_args().out
    if out.exists() and any(out.iterdir()):
        if not (out / STAMP).exists():
            raise SystemExit(f'{out} holds other things; choose a folder that does not exist or is empty.')
        shutil.rmtree(out)
    make_formats(out / 'base', BASE)
    make_misfits(out / 'base')
    make_formats(out / 'wide', WIDE)
    make_wide(out / 'wide')
    (out / STAMP).touch()


if __name__ == '__main__':
    main()

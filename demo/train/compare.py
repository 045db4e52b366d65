# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The training code's networks against stored tensors of the original implementation: compare FOLDER, which holds golden cases.
What is trained here runs in the engine only because both compute the same."""
import json
import os
import sys

import torch

import files
import mmdit
import qwen
import vae


def difference(name, got, want):
    want = want.reshape(got.shape)
    error = ((got - want).norm() / want.norm()).item()
    print('%-28s rel_l2 %.2e %s' % (name, error, 'PASS' if error < 1e-5 else 'FAIL'))
    return error < 1e-5


def load(network, tensors, strict=True):
    network.load_state_dict({n: t.float() for n, t in tensors.items()}, strict=strict)
    return network.float().eval()


def check_mmdit(folder):
    case = json.load(open(os.path.join(folder, 'case.json')))
    model = os.path.normpath(os.path.join(folder, case.get('model', 'model')))
    net = load(mmdit.Mmdit(case['config']), files.read(os.path.join(model, 'diffusion_pytorch_model.safetensors')))
    inputs, want = (files.read(os.path.join(folder, f + '.safetensors')) for f in ('inputs', 'outputs'))
    shapes = case['img_shapes'][0] if isinstance(case['img_shapes'][0][0], list) else case['img_shapes']
    latents, *others = inputs['hidden_states'].split([h * w for _, h, w in shapes], 1)
    (_, h, w), *rest = shapes
    got = net(latents, h, w, inputs['encoder_hidden_states'], inputs['timestep'], references=[(r, *s[1:]) for r, s in zip(others, rest)])
    return difference(os.path.basename(folder), got, want['output'][:, :h * w])


def check_layered(folder, row):
    case = json.load(open(os.path.join(folder, 'case.json')))
    model = os.path.join(folder, case['model'], 'diffusion_pytorch_model.safetensors')
    net = load(mmdit.LayeredMmdit(case['config'], row), files.read(model))
    inputs, want = (files.read(os.path.join(folder, f + '.safetensors')) for f in ('inputs', 'outputs'))
    _, h, w = case['img_shapes'][0]
    got = net(inputs['hidden_states'], h, w, inputs['encoder_hidden_states'], inputs['timestep'])
    return difference('layers, row %d' % row, got, want['output'])


def check_vae(folder):
    config = json.load(open(os.path.join(folder, 'model', 'config.json')))
    net = vae.Vae(config['base_dim'], config['dim_mult'], config['num_res_blocks'], config['z_dim'], config.get('input_channels', 3))
    tensors = files.read(os.path.join(folder, 'model', 'diffusion_pytorch_model.safetensors'))
    flat = {n: t[:, :, -1] if t.dim() == 5 else t for n, t in tensors.items() if 'time_conv' not in n}
    load(net, flat)
    inputs, want = (files.read(os.path.join(folder, f + '-48x80.safetensors')) for f in ('inputs', 'outputs'))
    mean, _ = net.encode(inputs['image'])
    return (difference('vae encode', mean, want['enc.mean'])
            & difference('vae decode', net.decode(inputs['latents'][:, :, 0]).clamp(-1, 1), want['dec.image'].clamp(-1, 1)))


def check_text(folder):
    case = json.load(open(os.path.join(folder, 'case.json')))
    model = os.path.normpath(os.path.join(folder, case.get('model_folder', case.get('model'))))
    if not os.path.exists(os.path.join(model, 'config.json')):
        model = os.path.join(model, 'text_encoder')
    c = json.load(open(os.path.join(model, 'config.json')))
    text = {**c['text_config'], 'rope_theta': c['text_config']['rope_parameters']['rope_theta'],
            'mrope_section': c['text_config']['rope_parameters']['mrope_section']}
    net = load(qwen.QwenVl(text, c['vision_config']), files.read(os.path.join(model, 'model.safetensors')))
    inputs, want = (files.read(os.path.join(folder, f + '.safetensors')) for f in ('inputs', 'outputs'))
    ids = inputs['input_ids']
    if 'pixel_values' not in inputs:
        return difference('text', net(ids), want['last_hidden_state'])
    _, h, w = inputs['image_grid_thw'][0].tolist()
    at = (ids[0] == c['image_token_id']).nonzero()[0].item()
    patches = inputs['pixel_values'][None]
    return (difference('vision', net.visual(patches, h, w)[0], want['vis.embeds'])
            & difference('text with a picture', net(ids, patches, (h, w), at), want['last_hidden_state']))


def main():
    root = sys.argv[1]
    with torch.no_grad():
        good = [check(os.path.join(root, case)) for check, case in (
            (check_mmdit, 'mmdit-square'), (check_mmdit, 'mmdit-head128'), (check_mmdit, 'mmdit-edit'),
            (lambda folder: check_layered(folder, 0), 'mmdit-layered'), (lambda folder: check_layered(folder, 1), 'mmdit-layered-cond1'),
            (check_vae, 'vae-b8-z4'), (check_text, 'text-plain'),
            (check_text, 'text-one-image'))]
    sys.exit(not all(good))

# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage case: what the training code makes of a prompt with the files of a model, as a case that qi-golden compares the engine
with: case MODEL FOLDER [--width W] [--height H] [--steps N]. Noise, prompt and weights are the same; all in float32."""
import argparse
import json
import os

import torch

import files
import vocabulary
from mmdit import Mmdit, pack, unpack
from qwen import QwenVl
from train_mmdit import guided, schedule
from vae import Vae

TOLERANCE = {'fp32': {'prompt_embeds rel_l2': 1e-4, 'step latents rel_l2': 2e-4, 'image max_abs': 4e-3, 'image mean_abs': 4e-4},
             'fp16': {'prompt_embeds rel_l2': 6e-3, 'step latents rel_l2': 2e-2, 'image mean_abs': 6e-3}}


def load(network, path):
    network.load_state_dict({n: t.float() for n, t in files.read(path).items()})
    return network.eval()


def embed(encoder, tokenizer, prompt):
    ids, cut = tokenizer.prompt(prompt)
    return encoder(torch.tensor([ids]))[:, cut:]


def main():
    options = argparse.ArgumentParser()
    options.add_argument('model')
    options.add_argument('folder')
    options.add_argument('--width', type=int, default=128)
    options.add_argument('--height', type=int, default=128)
    options.add_argument('--steps', type=int, default=4)
    options.add_argument('--guidance', type=float, default=2.5)
    options.add_argument('--prompt', default='a large red circle at the top left and a small blue star on the right on white')
    o = options.parse_args()
    part = lambda *names: os.path.join(o.model, *names)
    config = json.load(open(part('vae', 'config.json')))
    vae = load(Vae(*(config[k] for k in ('base_dim', 'dim_mult', 'num_res_blocks', 'z_dim', 'input_channels'))),
               part('vae', 'diffusion_pytorch_model.safetensors'))
    encoder = load(QwenVl(), part('text_encoder', 'model.safetensors'))
    net = load(Mmdit(json.load(open(part('transformer', 'config.json')))), part('transformer', 'diffusion_pytorch_model.safetensors'))
    tokenizer = vocabulary.Tokenizer(part('tokenizer'))
    h, w = o.height // 16, o.width // 16
    noise = torch.randn(1, 1, config['z_dim'], 2 * h, 2 * w, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        out = {'prompt_embeds': embed(encoder, tokenizer, o.prompt), 'negative_embeds': embed(encoder, tokenizer, ' ')}
        x = out['initial_latents'] = pack(noise[:, 0])
        s = schedule(o.steps, h * w)
        for k, (a, b) in enumerate(zip(s, s[1:])):
            velocity = lambda text: net(x, h, w, text, torch.full((1,), a.item()))
            v = guided(velocity(out['prompt_embeds']), velocity(out['negative_embeds']), o.guidance)
            x = out[f'step{k}.latents'] = x + (b - a).item() * v
        mean, std = (torch.tensor(config[k])[None, :, None, None] for k in ('latents_mean', 'latents_std'))
        z = unpack(x, h, w) * std + mean
        out['vae_decode.input'] = z[:, :, None]
        out['image'] = (vae.decode(z)[:, :3] / 2 + .5).clamp(0, 1)
    files.write(os.path.join(o.folder, 'inputs.safetensors'), {'noise': noise})
    files.write(os.path.join(o.folder, 'outputs.safetensors'), {n: t.float().contiguous() for n, t in out.items()})
    files.write_json(os.path.join(o.folder, 'case.json'), {
        'case': os.path.basename(o.folder), 'kind': 'pipeline', 'reference': 'demo/train, PyTorch, float32', 'pipeline': 'QwenImagePipeline',
        'model_folder': os.path.relpath(o.model, o.folder), 'scheduler': os.path.relpath(part('scheduler'), o.folder),
        'args': {'prompt': o.prompt, 'negative_prompt': ' ', 'height': o.height, 'width': o.width, 'num_inference_steps': o.steps,
                 'true_cfg_scale': o.guidance},
        'seed': 7, 'cfg': o.guidance > 1, 'noise_order': ['noise'],
        'inputs': {'file': 'inputs.safetensors', 'tensors': {'noise': {'shape': list(noise.shape), 'dtype': 'float32'}}},
        'outputs': {'file': 'outputs.safetensors', 'tensors': {n: {'shape': list(t.shape), 'dtype': 'float32'} for n, t in out.items()}},
        'tolerance': TOLERANCE})

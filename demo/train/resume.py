# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage resume: checkpoints made from an exported model, so that training goes on where only the model was kept.
resume [FOLDER], else demo/model. Optimisers begin anew; checkpoints that are there are left alone."""
import json
import os
import shutil
import sys

import torch

import files
from place import PLACE, ROOT


def weights(folder, *name):
    return {n: t.float() for n, t in files.read(os.path.join(folder, *name)).items()}


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, 'demo', 'model')
    with open(os.path.join(folder, 'vae', 'config.json'), encoding='utf-8') as file:
        vae = json.load(file)
    config = {k: vae[k] for k in ('base_dim', 'dim_mult', 'num_res_blocks', 'z_dim', 'input_channels')}
    mean = weights(folder, 'vae', 'diffusion_pytorch_model.safetensors')
    net = weights(folder, 'transformer', 'diffusion_pytorch_model.safetensors')
    made = {
        'vae.pt': dict(vae=mean, mean=mean, optimizer=None, spent=0., step=0, config=config),
        'encoder.pt': dict(net=weights(folder, 'text_encoder', 'model.safetensors'), optimizer=None, spent=0., step=0),
        'mmdit.pt': dict(net=net, mean=net, optimizer=None, spent=0., step=0, size=0)}
    for name, saved in made.items():
        path = os.path.join(PLACE, name)
        print('%s: %s' % (name, 'is there' if os.path.exists(path) else 'made from ' + folder))
        if not os.path.exists(path):
            torch.save(saved, path + '.part')
            os.replace(path + '.part', path)
    figures = os.path.join(PLACE, 'latents.json')
    if not os.path.exists(figures):
        files.write_json(figures, [vae['latents_mean'], vae['latents_std']])
    shutil.copytree(os.path.join(folder, 'tokenizer'), os.path.join(PLACE, 'model', 'tokenizer'), dirs_exist_ok=True)

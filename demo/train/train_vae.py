# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage vae: the VAE, on crops of scenes. train_vae.py [--minutes M]; goes on from its last checkpoint. Its decoder alone is then
tuned by the stage decoder."""
import argparse
import math
import os
import time

import numpy as np
import torch
from PIL import Image

import crops
import files
import scenes
from crops import to_signed
from losses import WHOLE, Pair, psnr, weighted
from muon import Muon
from place import PLACE, device
from vae import Vae

SIZE = 128
KL = 2e-5
CONFIG = dict(base_dim=16, dim_mult=(1, 2, 4, 8), num_res_blocks=1, z_dim=16, input_channels=4)


def to_adam(name, p):
    """What is no matrix in the middle of the network."""
    return 'conv_in' in name or 'conv_out' in name or p.numel() < 256


def evaluate(vae, where, sheet):
    """Whole scenes nobody trained on; a sheet of originals above what came back."""
    rng = np.random.default_rng(7)
    made = [scenes.make(rng, kind) for kind in ['word'] * 24 + ['one', 'many', 'related', 'two', 'label', 'slide'] * 4]
    x = np.stack([np.dstack([scenes.paint(s, SIZE, i), np.full((SIZE, SIZE, 1), 255, np.uint8)]) for i, s in enumerate(made)])
    x = to_signed(x.transpose(0, 3, 1, 2), where)
    vae.eval()
    with torch.no_grad():
        mean, log_variance = vae.encode(x)
        y = vae.decode(mean).float()
    vae.train()
    rows = [torch.cat(list(t[8:40].clamp(-1, 1)), 2)[:3] for t in (x, y)]
    picture = torch.cat([torch.cat([r[:, :, i * 1024:(i + 1) * 1024] for r in rows], 1) for i in range(4)], 1)
    Image.fromarray(((picture.permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()).save(sheet)
    p = psnr(y, x)
    return dict(words=p[:24].mean().item(), others=p[24:].mean().item(), std=mean.std().item(),
                noise=log_variance.mul(.5).exp().mean().item())


def latent_figures(vae, size=SIZE, n=512):
    """Mean and standard deviation of the latents of unseen scenes, by channel."""
    where = next(vae.parameters()).device
    rng, found = np.random.default_rng(13), []
    for _ in range(n // 32):
        pictures = np.stack([np.dstack([scenes.paint(scenes.make(rng), size, 1), np.full((size, size, 1), 255, np.uint8)]) for _ in range(32)])
        with torch.no_grad(), torch.autocast(where.type, torch.bfloat16):
            found.append(vae.encode(to_signed(pictures.transpose(0, 3, 1, 2), where))[0].cpu())
    z = torch.cat(found)
    return z.mean((0, 2, 3)), z.std((0, 2, 3))


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--minutes', type=float, default=120)
    options.add_argument('--name', default='vae')
    options.add_argument('--base', type=int, default=CONFIG['base_dim'])
    options.add_argument('--mult', default=','.join(map(str, CONFIG['dim_mult'])))
    options.add_argument('--rate', type=float, default=2e-3)
    options.add_argument('--start', help='folder of an exported VAE to begin with, where there is no checkpoint')
    options.add_argument('--every', type=float, default=180, help='seconds between checkpoints')
    o = options.parse_args()
    where = device()
    torch.manual_seed(1)
    vae = Vae(**{**CONFIG, 'base_dim': o.base, 'dim_mult': tuple(map(int, o.mult.split(',')))}).to(where)
    mean_vae = Vae(**vae.config).to(where)
    mean_vae.load_state_dict(vae.state_dict())
    optimizer = Muon(vae.named_parameters(), o.rate, to_adam)
    path, spent, step = os.path.join(PLACE, o.name + '.pt'), 0., 0
    if os.path.exists(path):
        saved = torch.load(path, map_location=where, weights_only=True)
        vae.load_state_dict(saved['vae'])
        mean_vae.load_state_dict(saved['mean'])
        if saved['optimizer']:
            optimizer.load_state_dict(saved['optimizer'])
        spent, step = saved['spent'], saved['step']
    elif o.start:
        for net in vae, mean_vae:
            net.load_state_dict(files.read(os.path.join(o.start, 'diffusion_pytorch_model.safetensors')))
    queue = crops.producer(1000 + step)
    last = began = time.time()
    print('%.2f M parameters, step %d, %.1f min spent' % (sum(p.numel() for p in vae.parameters()) / 1e6, step, spent / 60), flush=True)
    while spent < o.minutes * 60:
        share = spent / (o.minutes * 60)
        for group in optimizer.param_groups:
            group['lr'] = o.rate * min(1, (step + 1) / 200) * (.02 + .98 * (.5 + .5 * math.cos(math.pi * share)))
        x = to_signed(queue.get(), where)
        with torch.autocast(where.type, torch.bfloat16):
            mean, log_variance = vae.encode(x)
            log_variance = log_variance.clamp(-20, 5)
            y = vae.decode(mean + torch.randn_like(mean) * (.5 * log_variance).exp()).float()
        kl = .5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        loss = weighted(Pair(y, x), WHOLE)[0] + KL * kl
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(list(mean_vae.parameters()), list(vae.parameters()), 1 - min(.999, (step + 1) / (step + 20)))
        step += 1
        now = time.time()
        spent, began = spent + now - began, now
        if now - last > o.every or spent >= o.minutes * 60:
            torch.save(dict(vae=vae.state_dict(), mean=mean_vae.state_dict(), optimizer=optimizer.state_dict(), spent=spent,
                            step=step, config=vae.config), path + '.part')
            os.replace(path + '.part', path)
            figures = evaluate(mean_vae, where, os.path.join(PLACE, o.name + '.png'))
            print('%5.1f min  step %d  loss %.4f  kl %.2f  %s' % (
                spent / 60, step, loss.item(), kl.item(), '  '.join('%s %.2f' % f for f in figures.items())), flush=True)
            last = began = time.time()

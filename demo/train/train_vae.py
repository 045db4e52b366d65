# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage vae: the VAE, on crops of scenes. train_vae.py [--minutes M]; goes on from its last checkpoint.

The VAE looks at neighbourhoods, so 64 px crops of 128 px scenes teach it as much as whole ones and cost a quarter;
half of them are cut around lettering. One picture in six is a layer with transparency.

With --decoder the encoder stays as it is, so that latents which are kept stay right; the decoder then also meets latents
with a little noise, as the transformer's are.
"""
import argparse
import math
import multiprocessing
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

import files
import scenes
from muon import Muon
from place import PLACE, device
from vae import Vae

CROP, SIZE, BATCH = 64, 128, 24
KL = 2e-5
NOISE = .15  # on latents, at most, in deviations
CONFIG = dict(base_dim=16, dim_mult=(1, 2, 4, 8), num_res_blocks=1, z_dim=16, input_channels=4)


def crops(rng, n):
    """[n 4 64 64] bytes."""
    out = np.empty((n, CROP, CROP, 4), np.uint8)
    for i in range(0, n, 3):
        scene = scenes.make(rng)
        layer = rng.random() < 1 / 6
        # Now and then twice the size, so that strokes of other widths are seen too.
        size = int(rng.choice([64, 96, 128, 192], p=[.05, .1, .35, .5]))
        picture = scenes.paint(scene, size, int(rng.integers(1 << 30)), layer)
        for j in range(i, min(i + 3, n)):
            x, y = rng.integers(0, size - CROP + 1, 2)
            if scene['words'] and rng.random() < .75:
                w = scene['words'][0]
                at = (w['x'] + rng.uniform(-.5, .5) * w['width'], w['y'])
                x, y = (int(np.clip(p * size - CROP / 2 + rng.integers(-12, 13), 0, size - CROP)) for p in at)
            out[j, ..., :picture.shape[2]] = picture[y:y + CROP, x:x + CROP]
            if not layer:
                out[j, ..., 3] = 255
    return out.transpose(0, 3, 1, 2)


def produce(queue, seed):
    rng = np.random.default_rng(seed)
    while True:
        queue.put(crops(rng, BATCH))


def of_decoder(name):
    return name.startswith(('decoder.', 'post_quant_conv.'))


def to_signed(batch, where):
    x = torch.from_numpy(np.ascontiguousarray(batch)).to(where, torch.float32) / 127.5 - 1
    return x.contiguous(memory_format=torch.channels_last)


def reconstruction(y, x):
    """Nearly L1 of pixels, of differences between neighbours and of halved pictures; colour counts where it can be seen.
    Near zero it is round: what bfloat16 makes of the sign of a small difference would be two thirds of the gradient."""
    seen = torch.cat([(x[:, 3:] + 1).mul(.5).clamp_min(.02).expand(-1, 3, -1, -1), torch.ones_like(x[:, 3:])], 1)
    e = (y - x) * seen
    size = lambda d: F.smooth_l1_loss(d, torch.zeros_like(d), beta=.03)
    edges = size(e[..., 1:] - e[..., :-1]) + size(e[..., 1:, :] - e[..., :-1, :])
    return size(e) + .5 * edges + .5 * size(F.avg_pool2d(e, 2)) + .5 * e.square().mean()


def psnr(y, x):
    """Of colours on black, 8 bits."""
    on_black = lambda p: (p[:, :3] + 1) * (p[:, 3:] + 1) / 4
    return -10 * torch.log10((on_black(y.clamp(-1, 1)) - on_black(x)).square().mean((1, 2, 3)).clamp_min(1e-9))


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
    options.add_argument('--decoder', action='store_true', help='the decoder alone')
    options.add_argument('--every', type=float, default=180, help='seconds between checkpoints')
    o = options.parse_args()
    where = device()
    torch.manual_seed(1)
    vae = Vae(**{**CONFIG, 'base_dim': o.base, 'dim_mult': tuple(map(int, o.mult.split(',')))}).to(where)
    mean_vae = Vae(**vae.config).to(where)
    mean_vae.load_state_dict(vae.state_dict())
    optimizer = Muon(((n, p) for n, p in vae.named_parameters() if of_decoder(n) or not o.decoder), o.rate, lambda name, p: 'conv_in' in name or 'conv_out' in name or p.numel() < 256)
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
    if o.decoder:
        for net in vae, mean_vae:
            net.load_state_dict({**mean_vae.state_dict(), **{n: t for n, t in net.state_dict().items() if of_decoder(n)}})
        for name, p in vae.named_parameters():
            p.requires_grad_(of_decoder(name))
        spread = latent_figures(mean_vae)[1].to(where)[:, None, None]
    queue = multiprocessing.Queue(8)
    multiprocessing.Process(target=produce, args=(queue, 1000 + step), daemon=True).start()
    last, total, began = time.time(), 0., time.time()
    print('%.2f M parameters, step %d, %.1f min spent' % (sum(p.numel() for p in vae.parameters()) / 1e6, step, spent / 60), flush=True)
    while spent < o.minutes * 60:
        share = spent / (o.minutes * 60)
        for group in optimizer.param_groups:
            group['lr'] = o.rate * min(1, (step + 1) / 200) * (.02 + .98 * (.5 + .5 * math.cos(math.pi * share)))
        x = to_signed(queue.get(), where)
        with torch.autocast(where.type, torch.bfloat16):
            with torch.set_grad_enabled(not o.decoder):
                mean, log_variance = vae.encode(x)
                log_variance = log_variance.clamp(-20, 5)
            noise = (.5 * log_variance).exp() if not o.decoder else NOISE * torch.rand(len(x), 1, 1, 1, device=where) * spread
            y = vae.decode(mean + torch.randn_like(mean) * noise).float()
        kl = .5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        loss = reconstruction(y, x) + KL * kl * (not o.decoder)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(list(mean_vae.parameters()), list(vae.parameters()), 1 - min(.999, (step + 1) / (step + 20)))
        step += 1
        total += loss.item()
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

# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stages encode and mmdit: the transformer, by plain flow matching on latents and prompt embeddings that are made once.

    encode --size S [--scenes N]            scenes of S px as latents, with two prompts each as embeddings of the frozen encoder
    mmdit --size S [--minutes M]            goes on from its last checkpoint, whatever size that was trained at

x(sigma) = (1 - sigma) x0 + sigma noise; the network learns noise - x0. Sigmas are drawn logit-normal and shifted like the
schedule that pictures are later made with. One prompt in ten is empty, for guidance.
"""
import argparse
import json
import math
import os
import time

import numpy as np
import torch

import captions
import scenes
import vocabulary
from mmdit import Mmdit, pack, unpack
from place import PLACE, device
from qwen import QwenVl
from train_vae import to_signed
from vae import Vae

WORDS, BATCH, RATE = 48, 64, 1e-3  # rows of a prompt's embedding that are kept; longer prompts are cut


def paths(size):
    return {k: os.path.join(PLACE, f'{k}-{size}.npy') for k in ('latents', 'words', 'lengths')}


def load_frozen(where):
    """The VAE (mean weights) and the encoder, as their stages left them."""
    saved = torch.load(os.path.join(PLACE, 'vae.pt'), map_location=where, weights_only=True)
    vae = Vae(**saved['config']).to(where)
    vae.load_state_dict(saved['mean'])
    encoder = QwenVl().to(where)
    encoder.load_state_dict(torch.load(os.path.join(PLACE, 'encoder.pt'), map_location=where, weights_only=True)['net'])
    return vae.eval(), encoder.eval()


def embed(encoder, tokenizer, prompts, where):
    """[prompts WORDS width] and the rows that count: what the pipelines keep, from the cut on."""
    rows = [tokenizer.prompt(p) for p in prompts]
    cut, n = rows[0][1], max(len(ids) for ids, _ in rows)
    ids = torch.tensor([ids + [0] * (n - len(ids)) for ids, _ in rows], device=where)
    hidden = encoder(ids)[:, cut:cut + WORDS]
    lengths = [min(len(ids) - cut, WORDS) for ids, _ in rows]
    out = torch.zeros(len(prompts), WORDS, hidden.shape[2])
    for i, length in enumerate(lengths):
        out[i, :length] = hidden[i, :length].float().cpu()
    return out, lengths


def encode():
    options = argparse.ArgumentParser()
    options.add_argument('--size', type=int, required=True)
    options.add_argument('--scenes', type=int, default=60000)
    o = options.parse_args()
    where = device()
    vae, encoder = load_frozen(where)
    tokenizer = vocabulary.Tokenizer(os.path.join(PLACE, 'model', 'tokenizer'))
    side, z, width = o.size // 8, vae.config['z_dim'], encoder.model.config['hidden_size']
    names, done = paths(o.size), os.path.join(PLACE, f'encoded-{o.size}.json')
    at = json.load(open(done))['at'] if os.path.exists(done) else 0
    mode = 'r+' if at else 'w+'
    latents = np.lib.format.open_memmap(names['latents'], mode, np.float16, (o.scenes, z, side, side))
    words = np.lib.format.open_memmap(names['words'], mode, np.float16, (o.scenes, 2, WORDS, width))
    lengths = np.lib.format.open_memmap(names['lengths'], mode, np.int16, (o.scenes, 2))
    for begin in range(at, o.scenes, 64):
        n = min(64, o.scenes - begin)
        rngs = [np.random.default_rng([11, o.size, begin + i]) for i in range(n)]
        made = [scenes.make(rng) for rng in rngs]
        prompts = [captions.make(rng, s) for rng, s in zip(rngs, made) for _ in range(2)]
        pictures = np.stack([np.dstack([scenes.paint(s, o.size, begin + i), np.full((o.size, o.size, 1), 255, np.uint8)])
                             for i, s in enumerate(made)])
        with torch.no_grad(), torch.autocast(where.type, torch.bfloat16):
            mean, _ = vae.encode(to_signed(pictures.transpose(0, 3, 1, 2), where))
            rows, counts = embed(encoder, tokenizer, prompts, where)
        latents[begin:begin + n] = mean.float().cpu().numpy()
        words[begin:begin + n] = rows.numpy().reshape(n, 2, WORDS, width)
        lengths[begin:begin + n] = np.array(counts).reshape(n, 2)
        if begin // 64 % 32 == 31 or begin + n == o.scenes:
            for m in latents, words, lengths:
                m.flush()
            json.dump({'at': begin + n}, open(done, 'w'))
            print('%d of %d' % (begin + n, o.scenes), flush=True)


def latent_figures(latents):
    """Mean and standard deviation of each channel, over some thousands of scenes: latents_mean and latents_std."""
    sample = np.asarray(latents[:4096], np.float32)
    return sample.mean((0, 2, 3)), sample.std((0, 2, 3))


def shifted(sigma, tokens):
    mu = .5 + (.9 - .5) * (tokens - 256) / (8192 - 256)
    return math.exp(mu) / (math.exp(mu) + 1 / sigma - 1)


def sample(net, words, mask, empty, empty_mask, size, figures, steps=20, guidance=3., seed=0):
    """Latents for the VAE from noise, with guidance as the pipelines do it."""
    side = size // 16
    torch.manual_seed(seed)
    x = torch.randn(len(words), side * side, net.config['in_channels'], device=words.device)
    s = torch.linspace(1, 1 / steps, steps)
    s = torch.tensor([shifted(v.item(), side * side) for v in s])
    s = torch.cat([1 - (1 - s) * .98 / (1 - s[-1]), torch.zeros(1)])
    for a, b in zip(s, s[1:]):
        sigma = torch.full((len(words),), a.item(), device=words.device)
        v = net(x, side, side, words, sigma, mask)
        if guidance > 1:
            other = net(x, side, side, empty, sigma, empty_mask)
            both = other + guidance * (v - other)
            v = both * v.norm(dim=-1, keepdim=True) / both.norm(dim=-1, keepdim=True)
        x = x + (b - a).item() * v
    mean, std = (torch.from_numpy(f).to(x.device)[None, :, None, None] for f in figures)
    return unpack(x, side, side) * std + mean


def batches(size, where, seed):
    """Endless: packed normalised latents, embeddings and their mask."""
    latents, words, lengths = (np.load(paths(size)[k], mmap_mode='r') for k in ('latents', 'words', 'lengths'))
    mean, std = latent_figures(latents)
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(len(latents) // BATCH * BATCH).reshape(-1, BATCH)
        for rows in order:
            rows, which = np.sort(rows), rng.integers(0, 2, BATCH)
            x = torch.from_numpy((latents[rows].astype(np.float32) - mean[:, None, None]) / std[:, None, None]).to(where)
            n = int(lengths[rows, which].max())
            w = torch.from_numpy(words[rows, which, :n].astype(np.float32)).to(where)
            mask = torch.arange(n)[None] < torch.from_numpy(lengths[rows, which].astype(np.int64))[:, None]
            yield pack(x), w, mask.to(where)


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--size', type=int, required=True)
    options.add_argument('--minutes', type=float, default=120)
    options.add_argument('--every', type=float, default=240, help='seconds between checkpoints')
    o = options.parse_args()
    where, side = device(), o.size // 16
    torch.manual_seed(3)
    net, mean_net = Mmdit().to(where), Mmdit().to(where)
    optimizer = torch.optim.AdamW(net.parameters(), RATE, betas=(.9, .99), weight_decay=0.)
    path, spent, step = os.path.join(PLACE, 'mmdit.pt'), 0., 0
    mean_net.load_state_dict(net.state_dict())
    if os.path.exists(path):
        saved = torch.load(path, map_location=where, weights_only=True)
        net.load_state_dict(saved['net'])
        mean_net.load_state_dict(saved['mean'])
        optimizer.load_state_dict(saved['optimizer'])
        spent, step = (saved['spent'] if saved['size'] == o.size else 0.), saved['step']
    _, encoder = load_frozen(where)
    with torch.no_grad():
        empty, counts = embed(encoder, vocabulary.Tokenizer(os.path.join(PLACE, 'model', 'tokenizer')), [' '], where)
    empty = empty[0, :counts[0]].to(where)
    print('%.2f M parameters, step %d, %.1f min spent' % (sum(p.numel() for p in net.parameters()) / 1e6, step, spent / 60), flush=True)
    last, total, count, began = time.time(), 0., 0, time.time()
    for x0, words, mask in batches(o.size, where, step):
        if spent >= o.minutes * 60:
            break
        for group in optimizer.param_groups:
            group['lr'] = RATE * min(1, (step + 1) / 500) * (.05 + .95 * (.5 + .5 * math.cos(math.pi * spent / (o.minutes * 60))))
        nothing = torch.rand(len(x0), device=where) < .1
        words, mask = words.clone(), mask.clone()
        words[nothing], mask[nothing] = 0, False
        words[nothing, :len(empty)], mask[nothing, :len(empty)] = empty[None, :words.shape[1]], True
        u = torch.sigmoid(torch.randn(len(x0), device=where))
        sigma = math.exp(.5) / (math.exp(.5) + 1 / u - 1)
        noise = torch.randn_like(x0)
        x = x0 + sigma[:, None, None] * (noise - x0)
        with torch.autocast(where.type, torch.bfloat16):
            v = net(x, side, side, words, sigma, mask)
        loss = (v.float() - (noise - x0)).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(list(mean_net.parameters()), list(net.parameters()), 1 - min(.9995, (step + 1) / (step + 20)))
        step, total, count = step + 1, total + loss.item(), count + 1
        now = time.time()
        spent, began = spent + now - began, now
        if now - last > o.every or spent >= o.minutes * 60:
            torch.save(dict(net=net.state_dict(), mean=mean_net.state_dict(), optimizer=optimizer.state_dict(), spent=spent, step=step,
                            size=o.size), path + '.part')
            os.replace(path + '.part', path)
            print('%5.1f min  step %d  loss %.4f' % (spent / 60, step, total / count), flush=True)
            last, began, total, count = time.time(), time.time(), 0., 0

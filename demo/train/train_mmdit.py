# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stages encode and mmdit: the transformer, by plain flow matching on latents and prompt embeddings that are made once.

    encode --size S [--scenes N] [--banners T | --filtered]
        scenes of S px as latents, with three prompts each as embeddings of the frozen encoder
    mmdit --size S [--minutes M | --steps N] [--banners P P P] [--beside SET P] [--positions naive] [--to NAME]
        goes on from its last checkpoint (NAME.pt), whatever size that was trained at

x(sigma) = (1 - sigma) x0 + sigma noise; the network learns noise - x0. Sigmas are drawn logit-normal and shifted like the
schedule that pictures are later made with. One prompt in ten is empty, for guidance.
"""
import argparse
import glob
import json
import math
import os
import time

import numpy as np
import torch

import captions
import faults
import filters
import learner
import scenes
import vocabulary
from crops import to_signed
from mmdit import Mmdit, pack, unpack
from place import PLACE, ROOT, device
from qwen import QwenVl
from train_vae import latent_figures
from vae import Vae
from words import SHAPES

WORDS, SHARD, TOLD = 48, 1024, 3  # rows of a prompt's embedding that are kept at most; scenes of a file; prompts of a scene
FILTERED = 90000  # from this number on, files hold what came through the filters
BATCH, RATE = 64, 3e-3

# What scenes show. Pictures of 64 px hold little lettering, since nobody could read it.
FEW_WORDS = {'one': .34, 'many': .15, 'related': .17, 'two': .12, 'word': .11, 'word and shape': .06, 'label': .02, 'slide': .03}
MORE_WORDS = {'one': .22, 'many': .10, 'related': .08, 'two': .08, 'word': .22, 'word and shape': .15, 'label': .07, 'slide': .08}


def load_frozen(where):
    """The VAE (mean weights) and the encoder, as their stages left them."""
    saved = torch.load(os.path.join(PLACE, 'vae.pt'), map_location=where, weights_only=True)
    vae = Vae(**saved['config']).to(where)
    vae.load_state_dict(saved['mean'])
    encoder = QwenVl().to(where)
    encoder.load_state_dict(torch.load(os.path.join(PLACE, 'encoder.pt'), map_location=where, weights_only=True)['net'])
    return vae.eval(), encoder.eval()


def figures_of(vae):
    """Mean and deviation of each channel of the latents: taken once, the same at all sizes and in the files."""
    path = os.path.join(PLACE, 'latents.json')
    if not os.path.exists(path):
        mean, std = latent_figures(vae)
        with open(path, 'w') as file:
            json.dump([[round(v, 5) for v in t.tolist()] for t in (mean, std)], file)
    return [np.array(v, np.float32) for v in json.load(open(path))]


def embed(encoder, tokenizer, prompts, where):
    """Of each prompt [rows width] half floats: what the pipelines keep, from the cut on."""
    head = torch.tensor(tokenizer.encode(vocabulary.DRAW[0]), device=where)
    rows = [tokenizer.encode(p + vocabulary.END) for p in prompts]
    out, order = [None] * len(rows), sorted(range(len(rows)), key=lambda i: len(rows[i]))
    for some in (order[i:i + 64] for i in range(0, len(order), 64)):
        n = max(len(rows[i]) for i in some)
        ids = torch.tensor([rows[i] + [0] * (n - len(rows[i])) for i in some], device=where)
        for i, hidden in zip(some, encoder.prompts(head, ids).float().cpu().numpy().astype(np.float16)):
            out[i] = hidden[:min(len(rows[i]), WORDS)]
    return out


def told(rng, scene, kept_back):
    """A caption that is none of those that are kept for tests."""
    while True:
        text = captions.make(rng, scene)
        if text not in kept_back:
            return text


def prompts_kept_back():
    return {json.loads(line)['prompt'] for line in open(os.path.join(ROOT, 'demo', 'prompts.jsonl'), encoding='utf-8')}


def folder_of(size, part=''):
    """Of the scenes of a size, or of another set of that size: banners-1 to banners-3, described, picked."""
    return os.path.join(PLACE, f'encoded-{size}' + (f'-{part}' if part else ''))


def part_of(banners):
    return f'banners-{banners}' if banners else ''


def clean_scene(size, banners, i):
    """Scene i, and the generator that goes on to draw its prompts."""
    rng = np.random.default_rng([11 + banners, size, i])
    scenes.DRAWN = SHAPES + ['star', 'cross']  # the hardest to draw
    return rng, scenes.banner(rng, banners) if banners else scenes.make(rng, scenes.pick(rng, FEW_WORDS if size <= 64 else MORE_WORDS))


def clean(size, banners, kept_back):
    """Of scene i: picture [height width 3] and prompts."""
    aside = size * (3 - banners) // 6

    def make(i):
        rng, scene = clean_scene(size, banners, i)
        picture = scenes.paint(scene, size, i)
        if banners:
            picture = picture[size // 3:-(size // 3), aside:size - aside]
        return picture, [told(rng, scene, kept_back) for _ in range(TOLD)]
    return make


def filtered(size, kept_back):
    """The same of what the filters let through at their last size, with the one prompt that came with it (none where it is kept for
    tests); and how many there are."""
    with open(os.path.join(PLACE, f'filter-{max(filters.LIMITS)}.json')) as file:
        numbers = json.load(file)['numbers']

    def make(i):
        raw = faults.raw(numbers[i], size)
        return filters.decode(raw['file']), [raw['prompt'] if raw['prompt'] not in kept_back else ' '] * TOLD
    return make, len(numbers)


def encode():
    options = argparse.ArgumentParser()
    options.add_argument('--size', type=int, required=True)
    options.add_argument('--scenes', type=int, default=60 * SHARD)
    options.add_argument('--banners', type=int, default=0, help='words alone, as many thirds of S px wide and one high')
    options.add_argument('--filtered', action='store_true', help='raw pictures that the stage filter let through; beside the clean ones')
    o = options.parse_args()
    where, size = device(), o.size
    vae, encoder = load_frozen(where)
    tokenizer = vocabulary.Tokenizer(os.path.join(PLACE, 'model', 'tokenizer'))
    figures_of(vae)
    folder, kept_back = folder_of(size, part_of(o.banners)), prompts_kept_back()
    first, make, n = 0, clean(size, o.banners, kept_back), o.scenes
    if o.filtered:
        first, (make, n) = FILTERED, filtered(size, kept_back)
    os.makedirs(folder, exist_ok=True)
    began, fresh = time.time(), 0
    for shard in range(n // SHARD if o.filtered else -(-n // SHARD)):
        path = os.path.join(folder, '%05d.npz' % (first + shard))
        if os.path.exists(path):
            continue
        latents, rows = [], []
        for begin in range(shard * SHARD, (shard + 1) * SHARD, 64):
            pictures, prompts = zip(*(make(i) for i in range(begin, begin + 64)))
            pictures = np.concatenate([np.stack(pictures), np.full((64, *pictures[0].shape[:2], 1), 255, np.uint8)], -1)
            with torch.no_grad(), torch.autocast(where.type, torch.bfloat16):
                latents.append(vae.encode(to_signed(pictures.transpose(0, 3, 1, 2), where))[0].cpu().numpy().astype(np.float16))
                rows += embed(encoder, tokenizer, [p for some in prompts for p in some], where)
        np.savez(path + '.part.npz', latents=np.concatenate(latents), rows=np.concatenate(rows), counts=np.array([len(r) for r in rows], np.int32))
        os.replace(path + '.part.npz', path)
        fresh += SHARD
        print('%d scenes, %.1f a second' % ((shard + 1) * SHARD, fresh / (time.time() - began)), flush=True)


def shifted(sigma, tokens):
    mu = .5 + (.9 - .5) * (tokens - 256) / (8192 - 256)
    return math.exp(mu) / (math.exp(mu) + 1 / sigma - 1)


def schedule(steps, tokens):
    """Sigmas as the pipelines take them, with the final zero."""
    s = torch.linspace(1, 1 / steps, steps)
    s = torch.tensor([shifted(v.item(), tokens) for v in s])
    return torch.cat([1 - (1 - s) * .98 / (1 - s[-1]), torch.zeros(1)])


def guided(v, other, guidance):
    both = other + guidance * (v - other)
    return both * v.norm(dim=-1, keepdim=True) / both.norm(dim=-1, keepdim=True)


def sample(net, words, mask, empty, empty_mask, size, figures, steps=20, guidance=3., seed=0, references=(), begin=None):
    """Latents for the VAE from noise, with guidance as the pipelines do it; references as the network takes them. begin: packed latents to
    begin with instead, and the sigma to which noise is added to them."""
    side = size // 16
    torch.manual_seed(seed)
    x = torch.randn(len(words), side * side, net.config['in_channels'], device=words.device)
    s = schedule(steps, side * side)
    if begin:
        x, s = begin[0] + begin[1] * (x - begin[0]), torch.cat([torch.tensor(begin[1:]), s[s < begin[1]]])
    for a, b in zip(s, s[1:]):
        sigma = torch.full((len(words),), a.item(), device=words.device)
        v = net(x, side, side, words, sigma, mask, references)
        if guidance > 1:
            v = guided(v, net(x, side, side, empty, sigma, empty_mask, references), guidance)
        x = x + (b - a).item() * v
    mean, std = (torch.from_numpy(f).to(x.device)[None, :, None, None] for f in figures)
    return unpack(x, side, side) * std + mean


def decoded(vae, z):
    """Of latents: [height width 3] bytes each."""
    seen = (vae.decode(z)[:, :3].float().clamp(-1, 1) + 1) * 127.5
    return list(seen.round().byte().permute(0, 2, 3, 1).cpu().numpy())


class Encoded:
    """What encode has made of one size, in memory; grows while encode is still at work."""

    def __init__(self, size, figures, part=''):
        self.folder, self.read = folder_of(size, part), set()
        self.mean, self.std = (f[:, None, None] for f in figures)
        self.latents, self.prompts = [], []

    def grow(self):
        for path in sorted(set(glob.glob(os.path.join(self.folder, '?????.npz'))) - self.read):
            self.read.add(path)
            with np.load(path) as file:
                self.latents += list(((file['latents'].astype(np.float32) - self.mean) / self.std).astype(np.float16))
                self.prompts += np.split(file['rows'], np.cumsum(file['counts'])[:-1])

    def batches(self, where, seed):
        """Endless: rows and columns of tokens, packed normalised latents, embeddings and their mask; prompts of like length come together."""
        rng = np.random.default_rng(seed)
        while True:
            self.grow()
            assert len(self.latents) >= 16 * BATCH, 'too little in %s: run the stage that makes it first' % self.folder
            told = len(self.prompts) // len(self.latents)
            order = rng.permutation(len(self.latents))
            for pool in (order[i:i + 16 * BATCH] for i in range(0, len(order) - 16 * BATCH + 1, 16 * BATCH)):
                which = pool * told + rng.integers(0, told, len(pool))
                alike = np.argsort([len(self.prompts[i]) for i in which], kind='stable').reshape(-1, BATCH)
                for some in rng.permutation(alike):
                    x = torch.from_numpy(np.stack([self.latents[i] for i in pool[some]]).astype(np.float32))
                    rows = [self.prompts[i] for i in which[some]]
                    words = np.zeros((BATCH, max(map(len, rows)), rows[0].shape[1]), np.float32)
                    for w, r in zip(words, rows):
                        w[:len(r)] = r
                    mask = torch.arange(words.shape[1])[None] < torch.tensor([len(r) for r in rows])[:, None]
                    yield x.shape[2] // 2, x.shape[3] // 2, pack(x).to(where), torch.from_numpy(words).to(where), mask.to(where)


def mixed(size, figures, shares, where, seed):
    """Batches of scenes, and at random in these shares of the steps of other sets {part: share}."""
    rng, shares = np.random.default_rng([5, seed]), {'': 1 - sum(shares.values()), **shares}
    sources = [Encoded(size, figures, part).batches(where, seed) for part in shares]
    while True:
        yield next(sources[rng.choice(len(sources), p=list(shares.values()))])


def noised(x0, words, mask, empty, dropped=.1, more=0., spread=1.):
    """What is learned of a batch: x at sigma, sigma, and the velocity there. A share of the prompts becomes the empty one, in place.
    more: noise, as the mean of the normal that sigmas are drawn from; spread: its deviation."""
    nothing = torch.rand(len(x0), device=x0.device) < dropped
    words[nothing], mask[nothing] = 0, False
    words[nothing, :len(empty)], mask[nothing, :len(empty)] = empty, True
    u = torch.sigmoid(spread * torch.randn(len(x0), device=x0.device) + more)
    sigma = math.exp(.5) / (math.exp(.5) + 1 / u - 1)
    velocity = torch.randn_like(x0) - x0
    return x0 + sigma[:, None, None] * velocity, sigma, velocity


def empty_prompt(encoder, where):
    """Its embedding [rows width]."""
    with torch.no_grad():
        empty, = embed(encoder, vocabulary.Tokenizer(os.path.join(PLACE, 'model', 'tokenizer')), [' '], where)
    return torch.from_numpy(empty.astype(np.float32)).to(where)


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--size', type=int, required=True)
    learner.options(options, minutes=120, rate=RATE, decay=.6, every=240, to='mmdit')
    options.add_argument('--banners', type=float, nargs=3, default=[0., 0., 0.], metavar='P',
                         help='the shares of the steps that learn from words alone, on one, two and three thirds of the width')
    options.add_argument('--beside', nargs=2, metavar=('SET', 'P'), help='the share of the steps that learn from another set: described, picked')
    options.add_argument('--steps', type=int, help='the end by steps instead of minutes, for runs that are compared')
    options.add_argument('--positions', choices=('msrope', 'naive'), default='msrope', help='the scheme; the engine knows only msrope')
    options.add_argument('--checkpointing', action='store_true', help='activations are computed again on the way back: less memory, more time')
    o = options.parse_args()
    where = device()
    torch.manual_seed(3)
    t = learner.Learner(lambda: Mmdit(positions=o.positions, checkpointing=o.checkpointing), o, 300, size=o.size, positions=o.positions)
    vae, encoder = load_frozen(where)
    figures = figures_of(vae)
    empty = empty_prompt(encoder, where)
    del vae, encoder
    print('%.2f M parameters, step %d, %.1f min spent' % (sum(p.numel() for p in t.net.parameters()) / 1e6, t.step, t.spent / 60), flush=True)
    shares = {part_of(b + 1): share for b, share in enumerate(o.banners) if share}
    if o.beside:
        shares[o.beside[0]] = float(o.beside[1])
    total = 0.
    for height, width, x0, words, mask in mixed(o.size, figures, shares, where, t.step):
        if t.over():
            break
        x, sigma, velocity = noised(x0, words, mask, empty)
        with torch.autocast(where.type, torch.bfloat16):
            v = t.net(x, height, width, words, sigma, mask)
        loss = (v.float() - velocity).square().mean()
        t.learn(loss)
        total += loss.item()
        if t.due():
            t.keep(BATCH, 'loss %.4f' % (total / (t.step - t.known)))
            total = 0.

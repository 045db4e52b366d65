# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stages encode-layers, layers and measure-layers: a second transformer, which splits a picture.

    encode-layers --size S [--scenes N]
        scenes of S px and their layers as latents, with two prompts each as embeddings of the frozen encoder
    layers --size S [--minutes M]
        goes on from its last checkpoint (layers.pt), else from the transformer that draws (mmdit.pt)
    measure-layers --size S [--scenes N] [--layers N] [--steps N] [--sheet FILE.png]
        splits unseen scenes and compares with what was painted

Frames of one sequence: the whole picture again, the background, one object each, empty layers; last the whole picture without
noise, the condition. Seven batches of ten have the empty prompt, and of the others three pictures of ten have another scene's: the prompt of a split
is what the encoder says of the picture, which is often wrong, so that nothing may hang on it.
"""
import argparse
import glob
import os
import sys
import time

import numpy as np
import torch
from PIL import Image

import captions
import layers
import learner
import vocabulary
from mmdit import LayeredMmdit, pack, unpack
from place import PLACE, ROOT, device
from train_mmdit import embed, empty_prompt, figures_of, load_frozen
from train_vae import to_signed

sys.path.append(os.path.join(ROOT, 'demo', 'check'))
from stack import judge

SHARD, TOLD, BATCH, RATE = 512, 2, 32, 2e-3
COUNTS = {2: .45, 3: .38, 4: .17}  # layers of a batch
FOREIGN, EMPTY, REPEATED = .3, .7, .2  # prompts of other scenes; batches without prompts; weight of frame 0, which nobody looks at


def folder_of(size):
    return os.path.join(PLACE, f'layers-{size}')


def frames_of(size, i):
    """Frames [n size size 4]: whole, background, objects, and where there are several, those in one layer; prompts."""
    rng = np.random.default_rng([21, size, i])
    scene, objects = layers.make(rng)
    painted = layers.paint(scene, objects, size, i)
    if len(objects) > 1:
        painted.append(layers.scenes.paint(scene, size, layer=True))
    return np.stack(painted), [captions.make(rng, scene) for _ in range(TOLD)]


def encode():
    options = argparse.ArgumentParser()
    options.add_argument('--size', type=int, required=True)
    options.add_argument('--scenes', type=int, default=8 * SHARD)
    o = options.parse_args()
    where = device()
    vae, encoder = load_frozen(where)
    tokenizer = vocabulary.Tokenizer(os.path.join(PLACE, 'model', 'tokenizer'))
    latent = lambda p: vae.encode(to_signed(p.transpose(0, 3, 1, 2), where))[0].cpu().numpy().astype(np.float16)
    os.makedirs(folder_of(o.size), exist_ok=True)
    began, fresh = time.time(), 0
    with torch.no_grad(), torch.autocast(where.type, torch.bfloat16):
        clear = latent(layers.clear(o.size)[None])[0]
        for shard in range(-(-o.scenes // SHARD)):
            path = os.path.join(folder_of(o.size), '%05d.npz' % shard)
            if os.path.exists(path):
                continue
            found, rows, counts = [], [], []
            for begin in range(shard * SHARD, (shard + 1) * SHARD, 32):
                pictures, prompts = zip(*(frames_of(o.size, i) for i in range(begin, begin + 32)))
                found.append(latent(np.concatenate(pictures)))
                counts += map(len, pictures)
                rows += embed(encoder, tokenizer, [p for some in prompts for p in some], where)
            np.savez(path + '.part.npz', latents=np.concatenate(found), frames=np.array(counts), clear=clear, rows=np.concatenate(rows),
                     counts=np.array([len(r) for r in rows], np.int32))
            os.replace(path + '.part.npz', path)
            fresh += SHARD
            print('%d scenes, %.1f a second' % ((shard + 1) * SHARD, fresh / (time.time() - began)), flush=True)


class Encoded:
    """What encode-layers has made of one size; grows while it is still at work."""

    def __init__(self, size, figures):
        self.folder, self.read = folder_of(size), set()
        self.mean, self.std = (f[:, None, None] for f in figures)
        self.frames, self.prompts, self.clear = [], [], None

    def grow(self):
        normal = lambda z: (z.astype(np.float32) - self.mean) / self.std
        for path in sorted(set(glob.glob(os.path.join(self.folder, '?????.npz'))) - self.read):
            self.read.add(path)
            with np.load(path) as file:
                self.clear = normal(file['clear'])
                self.frames += np.split(normal(file['latents']).astype(np.float16), np.cumsum(file['frames'])[:-1])
                self.prompts += np.split(file['rows'], np.cumsum(file['counts'])[:-1])
        assert self.frames, 'run the stage encode-layers of this size first'
        # Objects: 1 of 3 frames; 2 of 5, with both in one; 3 of 6.
        self.objects = np.array([len(f) - (2 if len(f) == 3 else 3) for f in self.frames])

    def frames_for(self, i, n):
        """Scene i in n layers: [n + 1 z h w]. Two layers of several objects: all of them in the second."""
        f, objects = self.frames[i], self.objects[i]
        if objects == 1 or n > 2:
            return np.concatenate([f[:2 + objects], np.broadcast_to(self.clear, (n - 1 - objects, *self.clear.shape))])
        return f[[0, 1, -1]]

    def batches(self, where, seed, empty):
        """Endless: height, width, packed latents [batch, n + 2 frames], embeddings, mask."""
        rng = np.random.default_rng([6, seed])
        while True:
            if rng.random() < .01 or not self.frames:
                self.grow()
            n = rng.choice(list(COUNTS), p=list(COUNTS.values()))
            fits = np.flatnonzero(self.objects <= (n - 1 if n > 2 else layers.MOST))
            some = rng.choice(fits, BATCH, replace=False)
            x = torch.from_numpy(np.stack([self.frames_for(i, n) for i in some]).astype(np.float32))
            x = torch.stack([pack(frame) for frame in x.unbind(1)], 1)
            rows = [self.prompts[(i if rng.random() > FOREIGN else rng.integers(len(self.frames))) * TOLD + rng.integers(TOLD)] for i in some]
            words = torch.zeros(BATCH, max(map(len, rows)), rows[0].shape[1])
            for w, r in zip(words, rows):
                w[:len(r)] = torch.from_numpy(r.astype(np.float32))
            mask = torch.arange(words.shape[1])[None] < torch.tensor([len(r) for r in rows])[:, None]
            if rng.random() < EMPTY:
                words, mask = empty[None].expand(BATCH, -1, -1), None
            yield self.clear.shape[1] // 2, self.clear.shape[2] // 2, x.to(where), words.to(where), mask


def loss_of(net, height, width, x0, words, mask):
    """Of a batch [batch frames tokens features]."""
    b, f, t, c = x0.shape
    sigma = torch.sigmoid(1.2 * torch.randn(b, device=x0.device) + 1)  # much noise: what goes where is settled there
    velocity = torch.randn_like(x0) - x0
    x = torch.cat([x0 + sigma[:, None, None, None] * velocity, x0[:, :1]], 1).reshape(b, -1, c)
    with torch.autocast(x0.device.type, torch.bfloat16):
        v = net(x, height, width, words, sigma, mask)
    e = (v[:, :f * t].reshape(x0.shape).float() - velocity).square().mean((0, 2, 3))
    return (REPEATED * e[0] + e[1:].sum()) / (f - 1 + REPEATED), e


def as_it_draws(*nets):
    """The weights of the transformer that draws, and what it has not as it is."""
    drawn = torch.load(os.path.join(PLACE, 'mmdit.pt'), map_location='cpu', weights_only=True)['mean']
    for n in nets:
        n.load_state_dict({**n.state_dict(), **drawn})


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--size', type=int, required=True)
    learner.options(options, minutes=60, rate=RATE, decay=.5, every=120, to='layers')
    o = options.parse_args()
    where = device()
    torch.manual_seed(4)
    t = learner.Learner(LayeredMmdit, o, 50, as_it_draws, size=o.size)
    vae, encoder = load_frozen(where)
    data, empty = Encoded(o.size, figures_of(vae)), empty_prompt(encoder, where)
    del vae, encoder
    torch.manual_seed(t.step)
    print('step %d, %.1f min spent' % (t.step, t.spent / 60), flush=True)
    total = 0.
    for height, width, x0, words, mask in data.batches(where, t.step, empty):
        if t.over():
            break
        loss, e = loss_of(t.net, height, width, x0, words, mask)
        t.learn(loss)
        total += e.detach()[1:3].cpu().numpy()
        if t.due():
            t.keep(BATCH, 'background %.4f, first object %.4f' % tuple(total / (t.step - t.known)))
            total = 0.


# --- measuring ---------------------------------------------------------------------------------------------------

def schedule(steps, tokens):
    """Sigmas as the pipeline takes them for layers, with the final zero."""
    s = torch.linspace(1, 0, steps + 1)[:-1]
    mu = (tokens / 256) ** .5
    return torch.cat([mu / (mu + 1 / s - 1), torch.zeros(1)])


def split(net, z, n, words, mask, steps, seed=0):
    """Normalised latents [batch n z h w] of the layers of normalised latents z [batch z h w]."""
    height, width = z.shape[2] // 2, z.shape[3] // 2
    given, tokens = pack(z), z.shape[2] * z.shape[3] // 4
    torch.manual_seed(seed)
    x = torch.randn(len(z), (n + 1) * tokens, given.shape[2], device=z.device)
    s = schedule(steps, tokens)
    for a, b in zip(s, s[1:]):
        v = net(torch.cat([x, given], 1), height, width, words, torch.full((len(z),), a.item(), device=z.device), mask)
        x = x + (b - a).item() * v[:, :x.shape[1]]
    frames = x.reshape(len(z), n + 1, tokens, -1)[:, 1:]
    return torch.stack([unpack(f, height, width) for f in frames.unbind(1)], 1)


def on_checks(picture):
    """[h w 4] on grey squares."""
    y, x = np.indices(picture.shape[:2]) // 8
    ground = np.where((x + y) % 2, 200, 230)[..., None]
    a = picture[..., 3:] / 255.
    return (picture[..., :3] * a + ground * (1 - a)).round().astype(np.uint8)


def sheet(rows, path):
    """Of each scene the picture, the painted layers' number and those made: [picture, layer…] in one row."""
    wide = max(map(len, rows))
    rows = [[on_checks(p) for p in row] + [np.full((*row[0].shape[:2], 3), 255, np.uint8)] * (wide - len(row)) for row in rows]
    framed = [np.concatenate([np.pad(p, ((2, 2), (2, 2), (0, 0)), constant_values=255) for p in row], 1) for row in rows]
    half = -(-len(framed) // 2)
    framed += [np.full_like(framed[0], 255)] * (2 * half - len(framed))
    Image.fromarray(np.concatenate([np.concatenate(framed[:half]), np.concatenate(framed[half:])], 1)).save(path)


def measure():
    options = argparse.ArgumentParser()
    options.add_argument('names', nargs='*', default=['layers'], help='checkpoints in _build/train, without .pt')
    options.add_argument('--size', type=int, required=True)
    options.add_argument('--scenes', type=int, default=48)
    options.add_argument('--layers', type=int, help='asked for; else one for each object and the background')
    options.add_argument('--steps', type=int, default=12)
    options.add_argument('--sheet')
    o = options.parse_args()
    where = device()
    vae, encoder = load_frozen(where)
    mean, std = (torch.from_numpy(f).to(where)[:, None, None] for f in figures_of(vae))
    empty = empty_prompt(encoder, where)
    for name in o.names:
        net = LayeredMmdit().to(where)
        net.load_state_dict(torch.load(os.path.join(PLACE, name + '.pt'), map_location=where, weights_only=True)['mean'])
        net.eval()
        by_count, faults, rows = {}, {}, []
        made = [layers.unseen(i) for i in range(o.scenes)]
        for n_objects in range(1, layers.MOST + 1):
            some = [(i, *m) for i, m in enumerate(made) if len(m[1]) == n_objects]
            if not some:
                continue
            painted = [layers.paint(scene, objects, o.size, i) for i, scene, objects in some]
            n = o.layers or n_objects + 1
            with torch.no_grad(), torch.autocast(where.type, torch.bfloat16):
                z = (vae.encode(to_signed(np.stack([p[0] for p in painted]).transpose(0, 3, 1, 2), where))[0] - mean) / std
                z = split(net, z, n, empty[None].expand(len(z), -1, -1), None, o.steps)
                seen = vae.decode((z * std + mean).flatten(0, 1)).float().clamp(-1, 1)
            seen = ((seen + 1) * 127.5).round().byte().permute(0, 2, 3, 1).reshape(len(some), n, o.size, o.size, 4).cpu().numpy()
            for (i, scene, objects), p, layer in zip(some, painted, seen):
                whole, ground, *wanted = (x.tobytes() for x in p)
                wrong = judge([x.tobytes() for x in layer], whole, ground, wanted, layers.is_lettering(objects))
                by_count.setdefault(n_objects, []).append(not wrong)
                for w in wrong:
                    faults[w] = faults.get(w, 0) + 1
                rows.append([p[0], *layer])
        right = sum(map(sum, by_count.values()))
        print('%s: %d of %d right (%.0f %%); by objects %s; wrong %s' % (name, right, o.scenes, 100 * right / o.scenes, {
            k: '%d of %d' % (sum(v), len(v)) for k, v in by_count.items()}, faults), flush=True)
        if o.sheet:
            sheet(rows[::max(1, len(rows) // 24)][:24], o.sheet)

# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage multi: the transformer learns all tasks together, from what `examples` and `rows` have made: text to image, edits, fills, removals,
larger canvases, and things of one picture in another. train_multi.py [--half] [--minutes M] [--to NAME].

Each CPU that it may use has a process of its own, with examples and steps of its own; every few seconds their weights are averaged. (Threads of one
process wait for each other at every layer, and processes that average gradients at every step.)

References stand behind the target, clean, a frame each; their latents are means. What a request changes is a small part of the picture, and
the rest is copying; what a prompt speaks of is a small part, and the rest is ground: where it matters the error counts CHANGED times as much. (The
velocity that is best at a place stays the same whatever its weight.)
"""
import argparse
import glob
import json
import os
import signal
import sys
import tempfile
import time

import numpy as np
import torch
import torch.distributed as dist

import examples
import learner
from mmdit import Mmdit, pack
from place import PLACE, device
from train_mmdit import empty_prompt, figures_of, load_frozen, noised

BATCH, RATE = 32, 2.5e-3  # of each process
CHANGED = 5.
MORE, SPREAD = .4, 1.4  # mean and deviation of the logit of sigma, but for its shift: all noise about alike, since outlines are settled in little
# of it and letters in much (README.md, `settled`)
SHARES = {'edits': .26, 'fills': .06, 'personal': .06, 'inserts': .06, 'scenes': .22, 'banners-3': .2, 'signs': .14}


class Files:
    """Those of a kind that have rows, in memory. Of several processes each has its share of the files."""

    def __init__(self, kind, half, figures, rank=0, world=1):
        self.kind, self.part, self.rank, self.world = kind, 'half' if half else 'latents', rank, world
        self.mean, self.std = (f[:, None, None] for f in figures)
        self.read, self.files = set(), []
        self.grow()

    def grow(self):
        for path in sorted(set(glob.glob(os.path.join(examples.FOLDER, self.kind + '-?????-rows.npz'))) - self.read):
            self.read.add(path)
            if int(path[-len('00000-rows.npz'):][:5]) % self.world == self.rank:
                with np.load(path.replace('-rows', '')) as file, np.load(path) as rows:
                    latents = ((file[self.part].astype(np.float32) - self.mean) / self.std).astype(np.float16)
                    self.files.append((latents, file['changed'], dict(rows)))


def one_by_one(rows, counts):
    return np.split(rows, np.cumsum(counts)[:-1])


class Examples:
    """What is learned of a kind: latents, what has changed, and rows of its prompt."""

    def __init__(self, files):
        self.files, self.taken = files, 0
        self.latents, self.changed, self.rows = [], [], []
        self.grow()

    def grow(self):
        self.files.grow()
        for latents, changed, rows in self.files.files[self.taken:]:
            self.take(latents, changed, rows)
        self.taken = len(self.files.files)

    def take(self, latents, changed, rows):
        self.latents += list(latents)
        self.changed += list(changed)
        self.rows += one_by_one(rows['rows'], rows['counts'])
        ways = rows['back_counts'].nonzero()[0] if 'back_counts' in rows else ()
        if len(ways):
            self.latents += [latents[i, ::-1] for i in ways]
            self.changed += [changed[i] for i in ways]
            self.rows += one_by_one(rows['back'], rows['back_counts'][ways])

    def batches(self, rng):
        """Latents [batch pictures z h w], changed [batch tokens] of the target, rows of each; prompts of like length come together."""
        while True:
            self.grow()
            assert len(self.latents) >= BATCH, 'run the stages examples %s and rows first' % self.files.kind
            order = rng.permutation(len(self.latents))
            for pool in np.array_split(order, max(1, len(order) // (8 * BATCH))):
                alike = sorted(pool, key=lambda i: len(self.rows[i]))
                for at in rng.permutation(range(0, len(alike) - BATCH + 1, BATCH)):
                    some = alike[at:at + BATCH]
                    yield np.stack([self.latents[i] for i in some]), np.stack([self.changed[i] for i in some]), [self.rows[i] for i in some]


def weights_of(changed, tokens):
    """[batch tokens 1] with a mean of one; changed is of tokens of 192 px, of half as wide pictures four become one."""
    side = int(changed.shape[1] ** .5)
    if changed.shape[1] > tokens:
        changed = changed.reshape(-1, side // 2, 2, side // 2, 2).any((2, 4)).reshape(len(changed), -1)
    w = torch.from_numpy(np.where(changed, CHANGED, 1.).astype(np.float32))
    return (w / w.mean(1, keepdim=True))[..., None]


def loss_of(net, batch, empty, where, more=MORE, spread=SPREAD):
    latents, changed, rows = batch
    x = torch.from_numpy(latents.astype(np.float32)).to(where)
    height, width = x.shape[3] // 2, x.shape[4] // 2
    packed = [pack(x[:, k]) for k in range(x.shape[1])]
    words = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(r.astype(np.float32)) for r in rows], batch_first=True).to(where)
    mask = torch.arange(words.shape[1], device=where)[None] < torch.tensor([len(r) for r in rows], device=where)[:, None]
    # Of a picture one prompt in ten is empty already, with the picture in it.
    x, sigma, velocity = noised(packed[0], words, mask, empty, 0. if len(packed) > 1 else .1, more, spread)
    with torch.autocast(where.type, torch.bfloat16):
        v = net(x, height, width, words, sigma, mask, [(p, height, width) for p in packed[1:]])
    error = (v.float() - velocity).square()
    return (error * weights_of(changed, x.shape[1]).to(where)).mean(), error.mean().item()


def average(tensors):
    """Of all processes, in place."""
    flat = torch.cat([t.flatten() for t in tensors])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for t, mean in zip(tensors, flat.split([t.numel() for t in tensors])):
        t.copy_(mean.view_as(t))


def main():
    options = argparse.ArgumentParser()
    learner.options(options, minutes=60, rate=RATE, decay=.4, every=120, to='multi', begins='; begins with mmdit.pt')
    options.add_argument('--half', action='store_true', help='pictures half as wide and high: faster, to begin with; no banners')
    options.add_argument('--more', type=float, default=MORE, help='noise: the mean of the logit of sigma')
    options.add_argument('--spread', type=float, default=SPREAD, help='and its deviation')
    options.add_argument('--shares', type=json.loads, default=SHARES, help='of the steps, by kind, as JSON')
    o = options.parse_args()
    cpus = sorted(os.sched_getaffinity(0))[:1 if device().type == 'cuda' else None]
    meeting = os.path.join(tempfile.mkdtemp(), 'meeting')
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('told to end'))  # as an exit, which takes the others along
    context, started = torch.multiprocessing.get_context('spawn'), []
    for rank, cpu in enumerate(cpus):
        os.sched_setaffinity(0, {cpu})  # what is started has it from its first breath on
        started.append(context.Process(target=train, args=(rank, len(cpus), 'file://' + meeting, o), daemon=True))
        started[-1].start()
    while any(p.is_alive() for p in started):
        time.sleep(.5)
        if any(p.exitcode for p in started):
            sys.exit('one of the processes has ended')


def as_before(net, mean):
    saved = torch.load(os.path.join(PLACE, 'mmdit.pt'), map_location='cpu', weights_only=True)
    net.load_state_dict(saved['net'])
    mean.load_state_dict(saved['mean'])


def train(rank, world, meeting, o):
    """One of so many processes. The first tells and keeps what comes of it."""
    if world > 1:
        dist.init_process_group('gloo', init_method=meeting, rank=rank, world_size=world)
    where = device()
    torch.manual_seed(7 + rank)
    t = learner.Learner(Mmdit, o, 200, as_before, average if world > 1 else None, half=o.half, size=192)
    vae, encoder = load_frozen(where)
    figures, empty = figures_of(vae), empty_prompt(encoder, where)
    del vae, encoder
    shares = {k: s for k, s in o.shares.items() if not (o.half and examples.thirds_of(k))}
    rng, total = np.random.default_rng([9, t.step, rank]), sum(shares.values())
    sources = {k: Examples(Files(k, o.half, figures, rank, world)) for k in shares}
    if rank == 0:
        print('step %d, %.1f min spent; %s' % (t.step, t.spent / 60, ', '.join('%d %s' % (len(s.latents), k) for k, s in sources.items())), flush=True)
    streams = {k: s.batches(np.random.default_rng([10, t.step, rank])) for k, s in sources.items()}
    losses = {k: [] for k in shares}
    while not t.over():
        kind = rng.choice(list(shares), p=[s / total for s in shares.values()])
        loss, plain = loss_of(t.net, next(streams[kind]), empty, where, o.more, o.spread)
        t.learn(loss)
        losses[kind].append(plain)
        if rank == 0 and t.due():
            t.keep(BATCH * world, ', '.join('%s %.4f' % (k, np.mean(l)) for k, l in losses.items() if l))
            losses = {k: [] for k in shares}

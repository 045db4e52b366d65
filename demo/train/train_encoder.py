# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage encoder: the language model and its vision tower learn to describe pictures and to go on with captions; then they
are frozen. train_encoder.py [--minutes M]; goes on from its last checkpoint.

Half of each batch are prompts in the template that pictures are later made from, so that what comes out after each word of
a prompt says what the prompt is about; the other half are pictures with the question what is in them.
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

import captions
import scenes
import vocabulary
from place import PLACE, device, falling, save
from qwen import QwenVl

BATCH, RATE, SIDES = 32, 1.5e-3, [112, 140]
MEAN = np.array([.48145466, .4578275, .40821073], np.float32)
STD = np.array([.26862954, .26130258, .27577711], np.float32)
ASK = ('<|im_start|>system\nDescribe the image.<|im_end|>\n<|im_start|>user\n<|vision_start|>', '<|vision_end|><|im_end|>\n<|im_start|>assistant\n')
IGNORED = -100


def to_patches(picture, side):
    """[size size 3] bytes → [patches 1176] of side² px, in groups of two by two."""
    image = Image.fromarray(picture).resize((side, side), Image.BICUBIC)
    x = ((np.asarray(image, np.float32) / 255 - MEAN) / STD).transpose(2, 0, 1)
    g = side // 28
    x = x.reshape(3, g, 2, 14, g, 2, 14).transpose(1, 4, 2, 5, 0, 3, 6)  # row, column, 2, 2, channel, y, x
    return np.repeat(x[:, :, :, :, :, None], 2, 5).reshape(4 * g * g, 1176)


def padded(rows, filler):
    longest = max(map(len, rows))
    return np.array([r + [filler] * (longest - len(r)) for r in rows], np.int64)


def make_texts(rng, tokenizer, n):
    """Ids and targets of prompts: only what a person writes is learned."""
    head, cut = tokenizer.encode(vocabulary.DRAW[0]), vocabulary.DRAW[1]
    rows = [head + tokenizer.encode(captions.make(rng, scenes.make(rng)) + vocabulary.END) for _ in range(n)]
    return padded(rows, 0), padded([[IGNORED] * (cut - 1) + r[cut:] + [IGNORED] for r in rows], IGNORED)


def make_pictures(rng, tokenizer, n):
    """The same of questions about pictures, the patches, pixels of a side, and where the picture's tokens begin."""
    side = int(rng.choice(SIDES))
    head, tail = tokenizer.encode(ASK[0]), tokenizer.encode(ASK[1])
    before = len(head) + (side // 28) ** 2 + len(tail)
    rows, patches = [], []
    for _ in range(n):
        scene = scenes.make(rng)
        said = tokenizer.encode(captions.make(rng, scene) + '<|im_end|>')
        rows.append(head + [tokenizer.added['<|image_pad|>']] * (side // 28) ** 2 + tail + said)
        patches.append(to_patches(scenes.paint(scene, 128, int(rng.integers(1 << 30))), side))
    return padded(rows, 0), padded([[IGNORED] * (before - 1) + r[before:] + [IGNORED] for r in rows], IGNORED), np.stack(patches), side, len(head)


def produce(queue, seed):
    rng, tokenizer = np.random.default_rng(seed), vocabulary.Tokenizer(os.path.join(PLACE, 'model', 'tokenizer'))
    while True:
        queue.put((make_texts(rng, tokenizer, BATCH), make_pictures(rng, tokenizer, BATCH)))


def losses_of(net, probe, ids, targets, patches=None, side=0, at=0):
    grid = (side // 14, side // 14) if patches is not None else None
    hidden = net(ids, patches, grid, at)
    wanted = targets != IGNORED
    hidden = hidden[wanted]
    return (F.cross_entropy(net.lm_head(hidden).float(), targets[wanted]),
            F.cross_entropy(probe(hidden).float(), ids[wanted]))


def batch_losses(net, probe, batch, where):
    """Of prompts: the next token, and the token itself; of descriptions: the next token."""
    tensors = [[torch.from_numpy(a).to(where) if isinstance(a, np.ndarray) else a for a in part] for part in batch]
    with torch.autocast(where.type, torch.bfloat16):
        return (*losses_of(net, probe, *tensors[0]), losses_of(net, probe, *tensors[1])[0])


def evaluate(net, probe, where):
    """On scenes nobody learned from: bits a token of prompts, of the probe, of descriptions."""
    rng, tokenizer = np.random.default_rng(5), vocabulary.Tokenizer(os.path.join(PLACE, 'model', 'tokenizer'))
    with torch.no_grad():
        losses = [batch_losses(net, probe, (make_texts(rng, tokenizer, 64), make_pictures(rng, tokenizer, 64)), where) for _ in range(4)]
    return [sum(l[i].item() for l in losses) / len(losses) / math.log(2) for i in range(3)]


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--minutes', type=float, default=120)
    options.add_argument('--every', type=float, default=180, help='seconds between checkpoints')
    o = options.parse_args()
    where = device()
    torch.manual_seed(2)
    net = QwenVl().to(where)
    for p in net.parameters():
        if p.dim() > 1:
            torch.nn.init.normal_(p, std=.02 if p.dim() == 2 else .01)
    # Thrown away afterwards: what comes out at a letter must still say which letter it is, not only what follows it.
    probe = torch.nn.Linear(net.lm_head.in_features, net.lm_head.out_features, bias=False).to(where)
    learned = [*net.parameters(), *probe.parameters()]
    optimizer = torch.optim.AdamW(learned, RATE, betas=(.9, .98), weight_decay=.01)
    path, spent, step = os.path.join(PLACE, 'encoder.pt'), 0., 0
    if os.path.exists(path):
        saved = torch.load(path, map_location=where, weights_only=True)
        net.load_state_dict(saved['net'])
        probe.load_state_dict(saved['probe'])
        if saved['optimizer']:
            optimizer.load_state_dict(saved['optimizer'])
        spent, step = saved['spent'], saved['step']
    queue = multiprocessing.Queue(8)
    multiprocessing.Process(target=produce, args=(queue, 5000 + step), daemon=True).start()
    print('%.2f M parameters, step %d, %.1f min spent' % (sum(p.numel() for p in net.parameters()) / 1e6, step, spent / 60), flush=True)
    last = began = time.time()
    while spent < o.minutes * 60:
        for group in optimizer.param_groups:
            group['lr'] = falling(RATE, step, 300, spent / (o.minutes * 60))
        words, same, pictures = batch_losses(net, probe, queue.get(), where)
        optimizer.zero_grad(set_to_none=True)
        (words + .3 * same + pictures).backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.)
        optimizer.step()
        step += 1
        now = time.time()
        spent, began = spent + now - began, now
        if now - last > o.every or spent >= o.minutes * 60:
            save(path, net=net.state_dict(), probe=probe.state_dict(), optimizer=optimizer.state_dict(), spent=spent, step=step)
            print('%5.1f min  step %d  loss %.3f + %.3f + %.3f  unseen: prompts %.3f, the token itself %.3f, descriptions %.3f bits a token' % (
                spent / 60, step, words.item(), same.item(), pictures.item(), *evaluate(net, probe, where)), flush=True)
            last = began = time.time()

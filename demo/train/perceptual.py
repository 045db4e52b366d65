# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage perceptual: a small convolutional classifier of what crops of scenes show, letters, shapes and colours; how far its features of
two pictures are apart is the perceptual loss. perceptual [--minutes M] of processor time; goes on from its last checkpoint.

It answers for each cell of 8 × 8 pixels: which letter lies over its middle, which shape, and what colour that is.
"""
import argparse
import math
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import nn

import crops
import scenes
from losses import on_black
from muon import Muon
from place import PLACE, device
from words import CHINESE, COLOURS, SHAPES

NOTHING, UNKNOWN = 0, 255  # of a map's values: nothing of the kind is there; not asked
LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789' + ''.join(sorted(set(''.join(CHINESE))))
THINGS = [*SHAPES, 'plate', 'line']
ASKED = {'letters': 1 + len(LETTERS), 'shapes': 1 + len(THINGS), 'colours': 1 + len(COLOURS)}
WIDTHS, STRIDES = (24, 48, 64, 96, 128), (1, 2, 1, 2, 2)
COMPARED = (0, 2, 3, 4)  # layers whose features the loss compares: of the whole, half, quarter and eighth resolution
FLOOR = .1  # added to a pixel's mean square: where all channels are near zero, directions are noise and their gradients huge
RATE, BATCH = 5e-3, 32


class Perceptual(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, stride=s, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
            for a, b, s in zip((3, *WIDTHS), WIDTHS, STRIDES))
        self.around = nn.Sequential(nn.Conv2d(WIDTHS[-1], 128, 3, padding=1), nn.ReLU())
        self.heads = nn.ModuleDict({name: nn.Conv2d(128, n, 1) for name, n in ASKED.items()})
        self.to(memory_format=torch.channels_last)

    def forward(self, x):
        """Answers, each [batch classes height/8 width/8]."""
        for layer in self.layers:
            x = layer(x)
        x = self.around(x)
        return {name: head(x).float() for name, head in self.heads.items()}

    def features(self, x):
        """Of the compared layers, in each pixel over the length of its channels."""
        found = []
        for i, layer in enumerate(self.layers):
            x = layer(x)
            if i in COMPARED:
                f = x.float()
                found.append(f * torch.rsqrt(f.square().mean(1, keepdim=True) + FLOOR))
        return found

    def distance(self, y, x):
        with torch.no_grad():
            wanted = self.features(x)
        return sum((a - b).square().mean() for a, b in zip(self.features(y), wanted))


def maps(scene, size, layer):
    """[size size 3] bytes: what lies over each pixel, as numbers in LETTERS, THINGS and COLOURS, one more than there."""
    number = lambda names, name: list(names).index(name) + 1
    bg = scene['background']
    plain = number(COLOURS, bg['colours'][0]) if bg['kind'] != 'gradient' and not layer else UNKNOWN
    images = [Image.new('L', (size, size), v) for v in (NOTHING, NOTHING, plain)]
    letters, things, colours = (ImageDraw.Draw(i) for i in images)
    for it in scene['items']:
        scenes.paint_item(things, it, size, number(THINGS, it['shape']))
        scenes.paint_item(colours, it, size, number(COLOURS, it['colour']))
    for box in scenes.line_boxes(scene, size):
        things.rectangle(box, fill=number(THINGS, 'line'))
        colours.rectangle(box, fill=number(COLOURS, 'gray'))
    for w in scene['words']:
        for letter, box in scenes.letter_boxes(w, size):
            letters.rectangle(box, fill=number(LETTERS, letter.upper()))
            colours.rectangle(box, fill=number(COLOURS, w['colour']))
    return np.stack([np.asarray(i) for i in images], -1)


def batch(rng, n, where):
    """Crops [n 3 side side] and what is asked of them, {name: [n side/8 side/8]}."""
    pictures, numbers = crops.cut(rng, n, crops.LETTERING, 1., maps)
    x = on_black(crops.to_signed(pictures, where)).contiguous(memory_format=torch.channels_last)
    middles = torch.from_numpy(numbers[:, :, 4::8, 4::8].astype(np.int64)).to(where)
    return x, dict(zip(ASKED, middles.unbind(1)))


def wrong(answers, asked):
    """Cross-entropy; cells without a letter or shape are many and count little."""
    total = 0.
    for name, n in ASKED.items():
        weight = torch.ones(n, device=asked[name].device)
        weight[NOTHING] = .1
        total = total + F.cross_entropy(answers[name], asked[name], weight, ignore_index=UNKNOWN)
    return total


def evaluate(net, where, n=512):
    """The share of cells with a letter, a shape, a colour that are told right, of scenes it was not trained on."""
    x, asked = batch(np.random.default_rng(17), n, where)
    net.eval()
    with torch.no_grad():
        found = {name: a.argmax(1) for name, a in net(x).items()}
    net.train()
    there = {name: (a != NOTHING) & (a != UNKNOWN) for name, a in asked.items()}
    return {name: (found[name] == a)[there[name]].float().mean().item() for name, a in asked.items()}


def load(where):
    """The network as its stage left it, for comparing: its weights stay as they are."""
    net = Perceptual().to(where)
    net.load_state_dict(torch.load(os.path.join(PLACE, 'perceptual.pt'), map_location=where, weights_only=True)['net'])
    return net.eval().requires_grad_(False)


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--minutes', type=float, default=6)
    options.add_argument('--every', type=float, default=30, help='seconds of processor time between checkpoints')
    o = options.parse_args()
    where = device()
    torch.manual_seed(5)
    net, path, before, step = Perceptual().to(where), os.path.join(PLACE, 'perceptual.pt'), 0., 0
    optimizer = Muon(net.named_parameters(), RATE, lambda name, p: p.dim() < 2 or 'heads' in name or 'layers.0' in name)
    if os.path.exists(path):
        saved = torch.load(path, map_location=where, weights_only=True)
        net.load_state_dict(saved['net'])
        optimizer.load_state_dict(saved['optimizer'])
        before, step = saved['spent'], saved['step']
    rng, began = np.random.default_rng([31, step]), time.process_time()
    spent = last = before
    print('%.2f M parameters, step %d, %.1f min spent' % (sum(p.numel() for p in net.parameters()) / 1e6, step, spent / 60), flush=True)
    while spent < o.minutes * 60:
        for group in optimizer.param_groups:
            group['lr'] = RATE * min(1, (step + 1) / 20) * (.02 + .98 * (.5 + .5 * math.cos(math.pi * spent / (o.minutes * 60))))
        x, asked = batch(rng, BATCH, where)
        loss = wrong(net(x), asked)  # in float32: in bfloat16 a step's gradients were no numbers now and then
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        assert torch.nn.utils.clip_grad_norm_(net.parameters(), 5.).isfinite(), 'step %d: the gradients are no numbers' % step
        optimizer.step()
        step, spent = step + 1, before + time.process_time() - began
        if spent - last > o.every or spent >= o.minutes * 60:
            torch.save(dict(net=net.state_dict(), optimizer=optimizer.state_dict(), spent=spent, step=step), path + '.part')
            os.replace(path + '.part', path)
            print('%4.1f min  step %d  loss %.3f  right: %s' % (spent / 60, step, loss.item(), '  '.join(
                '%s %.1f %%' % (name, 100 * v) for name, v in evaluate(net, where).items())), flush=True)
            last = spent

# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage decoder: the decoder of the VAE alone, by a weighted sum of losses.py; the encoder stays as it is, so that latents which are
kept stay right. All of it in float32: of the decoder as it was, bfloat16 left next to nothing of the gradients (`--probe`).

    decoder [--minutes M] [--loss NAME=WEIGHT…] [--start NAME] [--to NAME] [--probe]

Begins with the checkpoint START.pt and goes on from TO.pt where that is there. Minutes are the processor's. Most crops hold lettering,
and latents have a little noise, as those of the transformer have.
"""
import argparse
import math
import os
import time

import numpy as np
import torch

import crops
import perceptual
from critic import Judge
from losses import LOSSES, TUNING, Pair, on_black, weighted
from muon import Muon
from place import PLACE, device
from train_mmdit import figures_of
from train_vae import evaluate, to_adam
from vae import Vae

NOISE = .15  # on latents, at most, in deviations
EMA = .99
LETTERED = .85  # of the crops of scenes that have words


def of_decoder(name):
    return name.startswith(('decoder.', 'post_quant_conv.'))


def check_encoder(start, *nets):
    """Ends the program where a tensor that is none of the decoder's has another bit than at the beginning; how many there are."""
    kept = {n: t for n, t in start.items() if not of_decoder(n)}
    bits = lambda t: t.contiguous().view(torch.int32)
    for net in nets:
        changed = [n for n, t in kept.items() if not torch.equal(bits(t), bits(net.state_dict()[n]))]
        if changed:
            raise SystemExit('the encoder has changed: ' + ', '.join(changed))
    return len(kept)


def loss_weight(text):
    name, weight = text.split('=')
    if name not in LOSSES:
        raise argparse.ArgumentTypeError('no such loss: ' + name)
    return name, float(weight)


def read(name, where):
    return torch.load(os.path.join(PLACE, name + '.pt'), map_location=where, weights_only=True)


def arguments():
    options = argparse.ArgumentParser()
    options.add_argument('--minutes', type=float, default=20)
    options.add_argument('--loss', type=loss_weight, nargs='+', default=list(TUNING.items()), metavar='NAME=WEIGHT',
                         help=', '.join(LOSSES))
    options.add_argument('--rate', type=float, default=6e-4)
    options.add_argument('--start', default='vae')
    options.add_argument('--to', default='vae-tuned')
    options.add_argument('--every', type=float, default=60, help='seconds of processor time between checkpoints')
    options.add_argument('--probe', action='store_true', help='no step: how strong the losses are, and what bfloat16 makes of gradients')
    return options.parse_args()


class Tuning:
    """The decoder at work, its mean, and what they are compared by."""

    def __init__(self, o, where):
        self.where, self.weights, self.rate, self.path = where, dict(o.loss), o.rate, os.path.join(PLACE, o.to + '.pt')
        self.start = read(o.start, where)
        saved = read(o.to, where) if os.path.exists(self.path) else None
        self.vae, self.mean = (Vae(**self.start['config']).to(where) for _ in range(2))
        self.vae.load_state_dict(saved['vae'] if saved else self.start['mean'])
        self.mean.load_state_dict(saved['mean'] if saved else self.start['mean'])
        self.spent, self.step = (saved['spent'], saved['step']) if saved else (0., 0)
        for name, p in self.vae.named_parameters():
            p.requires_grad_(of_decoder(name))
        self.optimizer = Muon(((n, p) for n, p in self.vae.named_parameters() if of_decoder(n)), o.rate, to_adam)
        if saved:
            self.optimizer.load_state_dict(saved['optimizer'])
        self.features = perceptual.load(where).distance if 'perceptual' in self.weights else None
        self.judge = Judge(where, saved and saved['judge']) if 'adversarial' in self.weights else None
        self.spread = torch.from_numpy(figures_of(self.mean)[1]).to(where)[:, None, None]
        self.rng = np.random.default_rng([41, self.step])

    def batch(self):
        """Crops, and their latents with noise."""
        x = crops.to_signed(crops.cut(self.rng, crops.BATCH, crops.LETTERING, LETTERED)[0], self.where)
        with torch.no_grad(), torch.autocast(self.where.type, torch.bfloat16):
            z = self.vae.encode(x)[0]
        return x, z + torch.randn_like(z) * NOISE * torch.rand(len(x), 1, 1, 1, device=self.where) * self.spread

    def compare(self, x, z, short=False):
        """What comes back of latents, the loss and its parts; short: in bfloat16."""
        with torch.autocast(self.where.type, torch.bfloat16, enabled=short):
            y = self.vae.decode(z).float()
            return y, *weighted(Pair(y, x, self.features, self.judge), self.weights)

    def probe(self):
        """Of one batch: how strongly each loss pulls at the picture, and how far bfloat16 turns the decoder's gradients."""
        x, z = self.batch()
        named = [(n, p) for n, p in self.vae.named_parameters() if p.requires_grad]
        rough, fine = (torch.autograd.grad(self.compare(x, z, short)[1], [p for _, p in named]) for short in (True, False))
        likeness = {n: torch.cosine_similarity(a.flatten(), b.flatten(), 0).item() for (n, _), a, b in zip(named, rough, fine)}
        whole = torch.cosine_similarity(*(torch.cat([g.flatten() for g in grads]) for grads in (rough, fine)), 0).item()
        worst = min(likeness, key=likeness.get)
        print('cosine of gradients in bfloat16 and float32: %.3f, the least %.3f (%s)' % (whole, likeness[worst], worst))
        y = self.compare(x, z)[0].detach().requires_grad_()
        for name, weight in self.weights.items():
            pull, = torch.autograd.grad(weight * LOSSES[name](Pair(y, x, self.features, self.judge)), y)
            print('gradient at the picture of %g %s: %.2e' % (weight, name, pull.norm()))

    def advance(self, share):
        """One step of this share of the rate; the parts of the loss."""
        for group in self.optimizer.param_groups:
            group['lr'] = self.rate * share * min(1, (self.step + 1) / 30)
        x, z = self.batch()
        y, loss, parts = self.compare(x, z)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in self.vae.parameters() if p.requires_grad], 1.)
        self.optimizer.step()
        if self.judge:
            parts['judge'] = self.judge.learn(on_black(y), on_black(x))
        with torch.no_grad():
            slow = min(EMA, (self.step + 1) / (self.step + 20))
            torch._foreach_lerp_(list(self.mean.parameters()), list(self.vae.parameters()), 1 - slow)
        self.step += 1
        return parts

    def save(self):
        made = dict(vae=self.vae.state_dict(), mean=self.mean.state_dict(), optimizer=self.optimizer.state_dict(), spent=self.spent,
                    step=self.step, config=self.vae.config, judge=self.judge and self.judge.state(), losses=self.weights)
        torch.save(made, self.path + '.part')
        os.replace(self.path + '.part', self.path)


def main():
    o = arguments()
    torch.manual_seed(6)
    tuning = Tuning(o, device())
    if o.probe:
        tuning.probe()
        return
    before, began, last = tuning.spent, time.process_time(), tuning.spent
    what = ' + '.join('%g %s' % (w, n) for n, w in tuning.weights.items())
    print('%s, step %d, %.1f min spent' % (what, tuning.step, before / 60), flush=True)
    while tuning.spent < o.minutes * 60:
        parts = tuning.advance(.02 + .98 * (.5 + .5 * math.cos(math.pi * tuning.spent / (o.minutes * 60))))
        tuning.spent = before + time.process_time() - began
        if tuning.spent - last > o.every or tuning.spent >= o.minutes * 60:
            tuning.save()
            same = check_encoder(tuning.start['mean'], tuning.vae, tuning.mean)
            figures = {**parts, **evaluate(tuning.mean, tuning.where, tuning.path[:-3] + '.png')}
            print('%4.1f min  step %d  %s  %d tensors of the encoder bit-equal' % (
                tuning.spent / 60, tuning.step, '  '.join('%s %.4g' % f for f in figures.items()), same), flush=True)
            last = tuning.spent

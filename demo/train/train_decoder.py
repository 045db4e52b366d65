# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage decoder: the decoder of the VAE alone, by a weighted sum of losses.py; the encoder stays as it is, so that latents which are
kept stay right.

    decoder [--minutes M] [--loss NAME=WEIGHT…] [--start NAME] [--to NAME]

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
from train_vae import evaluate, latent_figures, to_adam
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
    options.add_argument('--loss', type=loss_weight, nargs='+', default=list(TUNING.items()), metavar='NAME=WEIGHT', help=', '.join(LOSSES))
    options.add_argument('--rate', type=float, default=1e-3)
    options.add_argument('--start', default='vae')
    options.add_argument('--to', default='vae-tuned')
    options.add_argument('--every', type=float, default=120, help='seconds of processor time between checkpoints')
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
        self.spread = latent_figures(self.mean, n=128)[1].to(where)[:, None, None]
        self.rng = np.random.default_rng([41, self.step])

    def advance(self, share):
        """One step of this rate's share; the parts of the loss."""
        for group in self.optimizer.param_groups:
            group['lr'] = self.rate * share * min(1, (self.step + 1) / 100)
        x = crops.to_signed(crops.cut(self.rng, crops.BATCH, crops.LETTERING, LETTERED)[0], self.where)
        noise = NOISE * torch.rand(len(x), 1, 1, 1, device=self.where) * self.spread
        with torch.autocast(self.where.type, torch.bfloat16):
            with torch.no_grad():
                z = self.vae.encode(x)[0]
            y = self.vae.decode(z + torch.randn_like(z) * noise).float()
            loss, parts = weighted(Pair(y, x, self.features, self.judge), self.weights)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in self.vae.parameters() if p.requires_grad], 1.)
        self.optimizer.step()
        if self.judge:
            parts['judge'] = self.judge.learn(on_black(y), on_black(x))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.mean.parameters()), list(self.vae.parameters()), 1 - min(EMA, (self.step + 1) / (self.step + 20)))
        self.step += 1
        return parts

    def save(self):
        torch.save(dict(vae=self.vae.state_dict(), mean=self.mean.state_dict(), optimizer=self.optimizer.state_dict(), spent=self.spent,
                        step=self.step, config=self.vae.config, judge=self.judge and self.judge.state(), losses=self.weights), self.path + '.part')
        os.replace(self.path + '.part', self.path)


def main():
    o = arguments()
    torch.manual_seed(6)
    tuning = Tuning(o, device())
    before, began, last = tuning.spent, time.process_time(), tuning.spent
    print('%s, step %d, %.1f min spent' % (' + '.join('%g %s' % (w, n) for n, w in tuning.weights.items()), tuning.step, before / 60), flush=True)
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

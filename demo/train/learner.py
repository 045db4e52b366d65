# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all stages that train a transformer have in common: a checkpoint that they go on from, the optimiser, the rate that rises and
falls, mean weights, the time that is spent, and when it is told and kept."""
import os
import time

import torch

from muon import Muon
from place import PLACE, device, save

ADAM = .3  # its share of the rate
EMA = .99  # of the weights that are kept: short, since the rate falls to nothing


class Learner:
    """make() is the network; o has to (the name of the checkpoint), rate, decay, minutes, every, and may have steps; warm: steps in which a
    new optimiser's rate rises; begin(net, mean): their first weights where there is no checkpoint; together(net, spent): between
    gradients and step, spent as it is for all processes; what: told in the checkpoint, and where it was another, time begins anew."""

    def __init__(self, make, o, warm, begin=None, together=None, **what):
        self.o, self.warm, self.together, self.what = o, warm, together, what
        self.path, where = os.path.join(PLACE, o.to + '.pt'), device()
        self.net, self.mean = (make().to(where) for _ in range(2))
        self.optimizer = Muon(self.net.named_parameters(), o.rate, lambda name, p: 'transformer_blocks' not in name or '_mod' in name)
        self.spent, self.step, self.fresh = 0., 0, 0  # fresh: the step at which the optimiser began
        if os.path.exists(self.path):
            self.go_on(torch.load(self.path, map_location=where, weights_only=True))
        elif begin:
            begin(self.net, self.mean)
        else:
            self.mean.load_state_dict(self.net.state_dict())
        self.told = self.began = None  # time runs from the first question whether it is over
        self.count = 0

    def go_on(self, saved):
        self.net.load_state_dict(saved['net'])
        self.mean.load_state_dict(saved['mean'])
        self.step = self.fresh = saved['step']
        if saved['optimizer']:
            self.optimizer.load_state_dict(saved['optimizer'])
            self.fresh = saved.get('fresh', 0)
        if all(saved.get(k) == v for k, v in self.what.items()):
            self.spent = saved['spent']

    def done(self):
        """The share that is over."""
        return self.step / self.o.steps if getattr(self.o, 'steps', None) else self.spent / (self.o.minutes * 60)

    def over(self):
        if self.began is None:
            self.told = self.began = time.time()
        return self.done() >= 1

    def learn(self, loss):
        left, steps = 1 - self.done(), self.step - self.fresh
        for group in self.optimizer.param_groups:
            group['lr'] = self.o.rate * (1 if group['muon'] else ADAM) * min(1, (steps + 1) / self.warm, max(.01, left / self.o.decay))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        now = time.time()
        self.spent, self.began = self.spent + now - self.began, now
        if self.together:
            self.spent = self.together(self.net, self.spent)
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(list(self.mean.parameters()), list(self.net.parameters()), 1 - min(EMA, (steps + 1) / (steps + 20)))
        self.step, self.count = self.step + 1, self.count + 1

    def due(self):
        """Whether it is time to tell and keep."""
        return time.time() - self.told > self.o.every or self.over()

    def keep(self, batch, told):
        """Writes the checkpoint, and a line that begins with the time and ends with pictures a second; what was told begins anew."""
        save(self.path, net=self.net.state_dict(), mean=self.mean.state_dict(), optimizer=self.optimizer.state_dict(), spent=self.spent,
             step=self.step, fresh=self.fresh, **self.what)
        seconds = time.time() - self.told
        print('%5.1f min  step %d  %s  %.0f pictures a second' % (self.spent / 60, self.step, told, batch * self.count / seconds), flush=True)
        self.told, self.began, self.count = time.time(), time.time(), 0


def options(parser, **defaults):
    """Those that all have in common."""
    parser.add_argument('--minutes', type=float, default=defaults['minutes'])
    parser.add_argument('--rate', type=float, default=defaults['rate'])
    parser.add_argument('--decay', type=float, default=defaults['decay'], help='the share of the time, at the end, in which the rate falls to nothing')
    parser.add_argument('--every', type=float, default=defaults['every'], help='seconds between checkpoints')
    parser.add_argument('--to', default=defaults['to'], help='the name of the checkpoint' + defaults.get('begins', ''))
    return parser

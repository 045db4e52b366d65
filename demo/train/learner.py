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
MEETING = 8  # seconds between those of several processes: some dozen steps
EMA = .99  # of the weights that are kept: short, since the rate falls to nothing


class Learner:
    """make() is the network; o has to (the name of the checkpoint), rate, decay, minutes, every, and may have steps; warm: steps in which a
    new optimiser's rate rises; begin(net, mean): their first weights where there is no checkpoint; average(tensors): in place, over all
    processes that learn together: weights, and what is counted, every MEETING seconds, and one that is over is so at such a meeting; what: told
    in the checkpoint, and where it was another, time begins anew."""

    def __init__(self, make, o, warm, begin=None, average=None, **what):
        self.o, self.warm, self.average, self.what = o, warm, average, what
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
        self.known = self.step  # when it was last told
        self.next, self.away = None, False  # when all meet, the same for all; whether this one has learned something since

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
            if self.average:
                now = torch.tensor([self.began], dtype=torch.float64)
                self.average([now])
                self.next = now.item()
        return self.done() >= 1 and not self.away

    def learn(self, loss):
        left, steps = 1 - self.done(), self.step - self.fresh
        for group in self.optimizer.param_groups:
            group['lr'] = self.o.rate * (1 if group['muon'] else ADAM) * min(1, (steps + 1) / self.warm, max(.01, left / self.o.decay))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        now = time.time()
        self.spent, self.began = self.spent + now - self.began, now
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(list(self.mean.parameters()), list(self.net.parameters()), 1 - min(EMA, (steps + 1) / (steps + 20)))
        self.step, self.away = self.step + 1, self.average is not None
        if self.away and time.time() > self.next:
            self.meet()

    def meet(self):
        """Of all processes: weights, and what is counted, become their averages."""
        counts = torch.tensor([self.spent, self.step], dtype=torch.float64)
        with torch.no_grad():
            self.average([*self.net.parameters(), *self.mean.parameters()])
        self.average([counts])
        self.spent, self.step = counts[0].item(), round(counts[1].item())
        self.next, self.away = self.next + MEETING, False

    def due(self):
        """Whether it is time to tell and keep."""
        return time.time() - self.told > self.o.every or self.over()

    def keep(self, batch, told):
        """Writes the checkpoint, and a line that begins with the time and ends with pictures a second; what was told begins anew."""
        save(self.path, net=self.net.state_dict(), mean=self.mean.state_dict(), optimizer=self.optimizer.state_dict(), spent=self.spent,
             step=self.step, fresh=self.fresh, **self.what)
        seconds = time.time() - self.told
        print('%5.1f min  step %d  %s  %.0f pictures a second' % (self.spent / 60, self.step, told, batch * (self.step - self.known) / seconds), flush=True)
        self.told, self.began, self.known = time.time(), time.time(), self.step


def options(parser, **defaults):
    """Those that all have in common."""
    parser.add_argument('--minutes', type=float, default=defaults['minutes'])
    parser.add_argument('--rate', type=float, default=defaults['rate'])
    parser.add_argument('--decay', type=float, default=defaults['decay'], help='the share of the time, at the end, in which the rate falls to nothing')
    parser.add_argument('--every', type=float, default=defaults['every'], help='seconds between checkpoints')
    parser.add_argument('--to', default=defaults['to'], help='the name of the checkpoint' + defaults.get('begins', ''))
    return parser

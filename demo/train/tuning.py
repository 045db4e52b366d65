# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stages dpo and grpo share: a copy of a checkpoint that learns by small steps beside the frozen one, and a checkpoint of its own.
What else the first checkpoint holds (positions, further parts) goes over into the new one."""
import os
import time

import torch

import measure
from place import PLACE

WARM = 10  # steps


def options_of(options, to, steps, rate):
    options.add_argument('--from', dest='name', default='mmdit', help='the checkpoint to begin with, which stays as it is and is the reference')
    options.add_argument('--to', default=to, help='the name of the new one')
    options.add_argument('--steps', type=int, default=steps)
    options.add_argument('--rate', type=float, default=rate)
    options.add_argument('--every', type=int, default=10, help='steps between checkpoints')


class Tuning:
    def __init__(self, o, where):
        self.o, self.path, self.step, self.spent = o, os.path.join(PLACE, o.to + '.pt'), 0, 0.
        assert o.to != o.name, 'the reference must stay as it is'
        self.reference, self.net = (measure.load(o.name, where) for _ in range(2))
        self.reference.requires_grad_(False)
        self.optimizer = torch.optim.Adam(self.net.parameters(), o.rate, betas=(.9, .99))
        self.others = torch.load(os.path.join(PLACE, o.name + '.pt'), map_location=where, weights_only=True)
        if os.path.exists(self.path):
            saved = torch.load(self.path, map_location=where, weights_only=True)
            self.net.load_state_dict(saved['mean'])
            self.optimizer.load_state_dict(saved['optimizer'])
            self.step, self.spent = saved['step'], saved['spent']
        self.began = time.process_time()

    def __bool__(self):
        return self.step < self.o.steps

    def learn(self, loss):
        """The gradient of a part of what a step learns from."""
        loss.backward()

    def update(self):
        """Rates rise over the first steps and fall to nothing at the end."""
        for group in self.optimizer.param_groups:
            group['lr'] = self.o.rate * min(1, (self.step + 1) / WARM, 2 * (1 - self.step / self.o.steps))
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def advance(self, said, **figures):
        """The end of a step; now and then a checkpoint."""
        self.step += 1
        minutes = (self.spent + time.process_time() - self.began) / 60
        print('step %d  %s  %.1f core-minutes' % (self.step, said, minutes), flush=True)
        if self.step % self.o.every == 0 or not self:
            weights = self.net.state_dict()
            torch.save({**self.others, **figures, 'net': weights, 'mean': weights, 'optimizer': self.optimizer.state_dict(), 'step': self.step,
                        'spent': 60 * minutes}, self.path + '.part')
            os.replace(self.path + '.part', self.path)

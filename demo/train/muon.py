# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The optimiser of all stages: matrices (and convolutions, as matrices) move along the orthogonal part of their momentum (Muon),
everything else by Adam. Both share one rate: an orthogonal step is scaled to the size of Adam's."""
import torch


def orthogonal(m):
    """[n rows columns] each towards its nearest orthogonal matrix: five Newton-Schulz steps in bfloat16."""
    x = m.bfloat16()
    tall = x.shape[1] > x.shape[2]
    x = x.mT.contiguous() if tall else x
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        a = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(a, a, a, beta=-4.775, alpha=2.0315), x, beta=3.4445)
    return (x.mT if tall else x).float()


class Muon(torch.optim.Optimizer):
    """parameters: (name, parameter) pairs; adam(name, parameter) says which are left to Adam."""

    def __init__(self, named, rate, adam, momentum=.95, betas=(.9, .99), weight_decay=0.):
        named = list(named)
        turned = [p for n, p in named if p.dim() > 1 and not adam(n, p)]
        taken = {id(p) for p in turned}
        groups = [dict(params=turned, muon=True), dict(params=[p for _, p in named if id(p) not in taken], muon=False)]
        super().__init__(groups, dict(lr=rate, momentum=momentum, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (self.turn if group['muon'] else self.adam)(group)

    def turn(self, group):
        alike = {}
        for p in group['params']:
            if p.grad is None:
                continue
            state = self.state[p]
            if not state:
                state['m'] = torch.zeros_like(p)
            state['m'].lerp_(p.grad, 1 - group['momentum'])
            u = p.grad.lerp(state['m'], group['momentum']).flatten(1)
            alike.setdefault(tuple(u.shape), []).append((p, u))
        for (rows, columns), members in alike.items():
            turned = orthogonal(torch.stack([u for _, u in members]))
            for (p, _), u in zip(members, turned):
                p.mul_(1 - group['lr'] * group['weight_decay']).add_(u.reshape(p.shape), alpha=-.2 * max(rows, columns) ** .5 * group['lr'])

    def adam(self, group):
        a, b = group['betas']
        for p in group['params']:
            if p.grad is None:
                continue
            state = self.state[p]
            if not state:
                state.update(m=torch.zeros_like(p), v=torch.zeros_like(p), n=0)
            state['n'] += 1
            state['m'].lerp_(p.grad, 1 - a)
            state['v'].mul_(b).addcmul_(p.grad, p.grad, value=1 - b)
            p.addcdiv_(state['m'], (state['v'] / (1 - b ** state['n'])).sqrt_().add_(1e-8), value=-group['lr'] / (1 - a ** state['n']))

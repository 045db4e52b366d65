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
        some = self.with_gradients(group)
        grads, moments = [p.grad for p in some], [self.kept(p, 'm') for p in some]
        torch._foreach_lerp_(moments, grads, 1 - group['momentum'])
        alike = {}
        for p, u in zip(some, torch._foreach_lerp(grads, moments, group['momentum'])):
            alike.setdefault(tuple(u.flatten(1).shape), []).append((p, u.flatten(1)))
        if group['weight_decay']:
            torch._foreach_mul_(some, 1 - group['lr'] * group['weight_decay'])
        for (rows, columns), members in alike.items():
            turned = orthogonal(torch.stack([u for _, u in members])).unbind()
            torch._foreach_add_([p for p, _ in members], [u.view_as(p) for u, (p, _) in zip(turned, members)], alpha=-.2 * max(rows, columns) ** .5 * group['lr'])

    def adam(self, group):
        some = self.with_gradients(group)
        if not some:
            return
        a, b = group['betas']
        grads, m, v = [p.grad for p in some], [self.kept(p, 'm') for p in some], [self.kept(p, 'v') for p in some]
        torch._foreach_lerp_(m, grads, 1 - a)
        torch._foreach_mul_(v, b)
        torch._foreach_addcmul_(v, grads, grads, 1 - b)
        alike = {}
        for i, p in enumerate(some):  # they may have joined at different steps
            n = self.state[p]['n'] = self.state[p].get('n', 0) + 1
            alike.setdefault(n, []).append(i)
        for n, members in alike.items():
            by = torch._foreach_div([v[i] for i in members], 1 - b ** n)
            torch._foreach_sqrt_(by)
            torch._foreach_add_(by, 1e-8)
            torch._foreach_addcdiv_([some[i] for i in members], [m[i] for i in members], by, -group['lr'] / (1 - a ** n))

    def with_gradients(self, group):
        return [p for p in group['params'] if p.grad is not None]

    def kept(self, p, name):
        """A moment of p: nothing, at first."""
        if name not in self.state[p]:
            self.state[p][name] = torch.zeros_like(p)
        return self.state[p][name]

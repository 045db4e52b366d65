# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage check-preferences: what must be true of the formulas of dpo and grpo and of the tools around them, whatever is learned.
Ends with an error where something is not. The judge is asked too where it is built."""
import json
import math
import os
import subprocess
import tempfile
import threading
import urllib.parse
import urllib.request

import numpy as np
import torch
from PIL import Image

import captions
import choose
import dpo
import filters
import grpo
import prefer
import rewards
import scenes
import stochastic
import train_mmdit
from mmdit import CONFIG, Mmdit

SMALL = {**CONFIG, 'num_layers': 1}


def near(a, b, within):
    assert abs(float(a) - float(b)) <= within, '%g is not %g' % (a, b)


def network(seed=1):
    torch.manual_seed(seed)
    net = Mmdit(SMALL)
    for p in net.parameters():
        torch.nn.init.normal_(p, std=.05)
    return net


def case(n=4, side=4, words=6):
    torch.manual_seed(2)
    return torch.randn(n, side * side, 64), torch.randn(n, words, 256), torch.ones(n, words, dtype=torch.bool), torch.randn(3, 256)


def preference_of_equal_nets():
    net, (x, words, mask, _) = network(), case()
    at, sigma, velocity = dpo.noised(torch.stack([x, x.flip(0)]))
    e = dpo.errors(net, 4, at, words, sigma, mask, velocity)
    near(dpo.preference_loss(e, e.detach(), 500.)[0], math.log(2), 1e-6)
    # The same noise for both: what they differ by is the pictures alone.
    off = (at[0] - at[1]) - (1 - sigma)[:, None, None] * (x - x.flip(0))
    near(off.abs().max(), 0, 1e-5)


def preference_direction():
    """On a toy whose velocity is one number a step of descent comes nearer to the winner's and further from the loser's."""
    for winner, loser in (1., -1.), (-1., 1.):
        v = torch.zeros(1, requires_grad=True)
        error = lambda v: torch.stack([(v - winner) ** 2, (v - loser) ** 2])
        loss, _ = dpo.preference_loss(error(v), error(torch.zeros(1)), 1.)
        loss.backward()
        assert -v.grad.item() * winner > 0, 'the loss falls towards the loser'
    ahead, behind = (dpo.preference_loss(torch.tensor([[a], [b]]), torch.ones(2, 1), 1.)[0] for a, b in ((.5, 1.5), (1.5, .5)))
    near(ahead, math.log(1 + math.exp(-1)), 1e-6)
    near(behind, math.log(1 + math.e), 1e-6)


def plain_sampler():
    """a = 0 is Euler, and the sampler that pictures were always made with."""
    net, (x, words, mask, empty) = network(), case(n=3, side=2)
    sigmas = train_mmdit.schedule(5, 4)
    with torch.no_grad():
        ours, path = stochastic.walk(stochastic.Prompted(net, 2, words, mask, empty, 3.), x, sigmas)
        assert not path, 'a plain step has no density'
        y = x
        for sigma, to in zip(sigmas, sigmas[1:]):
            with torch.autocast('cpu', torch.bfloat16):
                at = torch.full((3,), sigma.item())
                v = train_mmdit.guided(net(y, 2, 2, words, at, mask).float(), net(y, 2, 2, empty[None].expand(3, -1, -1), at).float(), 3.)
            y = y + (to.item() - sigma.item()) * v
    assert torch.equal(ours, y), 'a = 0 is not Euler'
    v = torch.randn_like(x)
    assert torch.equal(stochastic.mean_of(x, v, .6, .4, 0.), x + (.4 - .6) * v)
    assert stochastic.deviations(sigmas, 0.) == [0.] * 5


def marginals():
    """Of a Gaussian with known velocity: the stochastic sampler keeps mean and deviation, however much noise it adds."""
    m, d, sigmas = 1.5, .4, torch.linspace(1, 0, 201)
    for a in 0., .7:
        torch.manual_seed(3)
        x, s = torch.randn(40000), stochastic.deviations(sigmas, a)
        for i, (sigma, to) in enumerate(zip(sigmas.tolist(), sigmas[1:].tolist())):
            spread = (1 - sigma) ** 2 * d * d + sigma ** 2
            clean = m + (1 - sigma) * d * d / spread * (x - (1 - sigma) * m)
            noise = sigma / spread * (x - (1 - sigma) * m)
            x = stochastic.mean_of(x, noise - clean, sigma, to, s[i]) + s[i] * math.sqrt(sigma - to) * torch.randn_like(x)
        near(x.mean(), m, .01)
        near(x.std(), d, .01)


def density():
    torch.manual_seed(4)
    mean, deviation = torch.randn(2, 5, 3), .37
    x = mean + deviation * torch.randn_like(mean)
    theirs = torch.distributions.Normal(mean, deviation).log_prob(x).mean((1, 2))
    near((stochastic.log_density(x, mean, deviation) - theirs).abs().max(), 0, 1e-5)
    # Of one element, summed over all that it could be: one. And the divergence, summed likewise.
    grid = torch.linspace(-8, 8, 20001)[:, None, None]
    p, q = (stochastic.log_density(grid, torch.full((1, 1, 1), at), deviation) for at in (.2, .5))
    step = 16 / 20000
    near(p.exp().sum() * step, 1, 1e-4)
    one, other = torch.full((1, 1, 1), .2), torch.full((1, 1, 1), .5)
    near(stochastic.divergence(one, other, deviation), (p.exp() * (p - q)).sum() * step, 1e-4)


def first_update():
    """Nothing has been learned yet: the ratio is one, nothing diverges, and the gradient is that of the advantage alone."""
    net, (x, words, mask, empty) = network(), case()
    prompted, sigmas = stochastic.Prompted(net, 4, words, mask, empty, 3.), train_mmdit.schedule(4, 16)
    with torch.no_grad():
        _, path = stochastic.walk(prompted, x, sigmas, .7, 3, torch.Generator().manual_seed(1))
    assert len(path) == 3
    which, advantage = torch.arange(4), torch.tensor([1., -1., .5, -.5])
    for one in path:
        mean = grpo.told_again(prompted, one, which)
        log_ratio = stochastic.log_density(one['after'], mean, one['deviation']) - one['log_density']
        near(log_ratio.abs().max(), 0, 1e-6)
        near(stochastic.divergence(mean, mean.detach(), one['deviation']).max(), 0, 0)
    # What descent does to the densities: up where the advantage is positive, down where it is not.
    grpo.clipped(log_ratio, advantage, .2).mean().backward()
    with torch.no_grad():
        for p in net.parameters():
            if p.grad is not None:
                p -= 1e-3 * p.grad / max(p.grad.norm(), 1e-9)
        now = stochastic.log_density(one['after'], grpo.told_again(prompted, one, which), one['deviation']) - one['log_density']
    assert (now * advantage).sum() > 0, 'descent goes the wrong way'


def clipping():
    at = lambda ratio, advantage: grpo.clipped(torch.tensor(math.log(ratio)), torch.tensor(advantage), .2)
    near(at(1.1, 1.), -1.1, 1e-6)
    near(at(1.5, 1.), -1.2, 1e-6)   # no more for what has become likely enough
    near(at(.5, 1.), -.5, 1e-6)
    near(at(.5, -1.), .8, 1e-6)     # nor for what has become unlikely enough
    near(at(1.5, -1.), 1.5, 1e-6)
    a = grpo.advantages(np.array([[0, 1, 1, 0], [.5, .5, .5, .5], [0, 0, 0, 4]], np.float32))
    assert np.allclose(a[0], [-1, 1, 1, -1]) and not a[1].any() and np.allclose(a.mean(1), 0, atol=1e-6) and np.allclose(a[2].std(), 1)


def asked():
    """As many facts of each category as the judge counts."""
    made = [f for f, _ in zip(rewards.prompts_of(77), range(33))]
    ours = {k: sum(k in rewards.asked(f) for f in made) for k in ('colour', 'shape', 'size', 'place', 'count', 'relation', 'words', 'background')}
    with tempfile.TemporaryDirectory() as folder:
        for i in range(len(made)):
            Image.new('RGB', (128, 128), 'white').save(os.path.join(folder, '%04d.png' % i))
        path = os.path.join(folder, 'facts.jsonl')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(''.join(json.dumps(f, ensure_ascii=False) + '\n' for f in made))
        said = subprocess.run([filters.JUDGE, folder, path], check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    theirs = {part.split()[0]: int(part.split('/')[1]) for part in said.split('; ')[1:]}
    assert ours == theirs, '%s, the judge: %s' % (ours, theirs)
    rng = np.random.default_rng(5)
    scene = scenes.make(rng, 'one')
    found = rewards.scores([scenes.paint(scene, 192)], [captions.facts(scene)], 192)
    assert found == [1], 'a painted scene gets %s' % found


def pairs():
    made = prefer.pairs_of(7, 'a', [28, 29, 30, 31], [.5, 1., .25, .5])
    assert [(row['winner'], row['loser'], row['judged by']) for row in made] == [('00007-1', '00007-2', 'checker')], made
    assert made[0]['winner seed'] == 29 and made[0]['loser seed'] == 30
    tie, = prefer.pairs_of(8, 'b', [0, 1, 2, 3], [1.] * 4)
    assert tie['judged by'] == 'nobody' and tie['winner'] != tie['loser']
    return [*made, tie]


def choosing():
    """A person at the page: the pair nobody judged comes first; what stands on the chosen side wins; neither leaves all as it is."""
    rows = pairs()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'pairs.jsonl')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(''.join(json.dumps(row) + '\n' for row in rows))
        for row in rows:
            for side in 'winner', 'loser':
                Image.new('RGB', (8, 8), side == 'winner' and 'red' or 'blue').save(os.path.join(folder, row[side] + '.png'))
        server = choose.serve(path)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        at = 'http://127.0.0.1:%d/' % server.server_port
        get = lambda name='': urllib.request.urlopen(at + name).read()
        post = lambda **said: urllib.request.urlopen(at, urllib.parse.urlencode(said).encode()).read()
        assert b'value="1"' in get() and get(rows[0]['winner'] + '.png')[:4] == b'\x89PNG'
        for i, row in enumerate(rows):  # whoever prefers the loser
            post(row=i, choice='left' if server.pairs.sides(i)[0] == 'loser' else 'right')
        now = prefer.read(path)
        for before, after in zip(rows, now):
            assert after['judged by'] == 'person' and after['winner'] == before['loser'] and after['loser seed'] == before['winner seed'], after
        assert b'No pair is left' in get()
        server.pairs.rows[0]['judged by'] = 'checker'
        post(row=0, choice='neither')
        assert prefer.read(path) == now and b'No pair is left' in get()
        try:
            get('pairs.jsonl')
            assert False, 'other files can be read'
        except urllib.error.HTTPError as error:
            assert error.code == 404
        server.shutdown()


def unused_prompts():
    """Those of the measure and those that are learned from have none in common, nor with the test."""
    sets = [{f['prompt'] for f, _ in zip(rewards.prompts_of(seed), range(300))} for seed in (rewards.MEASURED, rewards.PREFERRED)]
    assert not sets[0] & sets[1] and not (sets[0] | sets[1]) & train_mmdit.prompts_kept_back() and len(sets[0]) == 300


def intervals():
    mean, half = rewards.interval(np.array([0., 1., 0., 1.]))
    near(mean, .5, 0)
    near(half, 1.96 * math.sqrt(1 / 3) / 2, 1e-9)


CHECKS = [preference_of_equal_nets, preference_direction, plain_sampler, marginals, density, first_update, clipping, pairs, choosing,
          unused_prompts, intervals]


def main():
    for check in CHECKS + ([asked] if os.path.exists(filters.JUDGE) else []):
        check()
        print('%s: as it must be' % check.__name__.replace('_', ' '), flush=True)

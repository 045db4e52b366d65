# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage parallel: the same twenty steps of the transformer by one process, by two that share each layer (tensor parallel), and by
two that share each batch and the optimiser's state (data parallel). Losses must agree.

    parallel [--size S] [--steps N] [--checkpointing] [--scheme one tensor data]

All in float32 and with AdamW: Muon needs a matrix as a whole, and of two halves would make another step. Six heads instead of the
model's five, since two processes share them head by head. Nothing is kept of what is learned.
"""
import argparse
import itertools
import json
import os
import statistics
import sys
import tempfile
import time

import torch
import torch.distributed as dist
import torch.multiprocessing
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.distributed.tensor import DTensor, Replicate
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.nn.parallel import DistributedDataParallel

from mmdit import CONFIG, Mmdit
from place import device
from train_mmdit import Encoded, empty_prompt, figures_of, load_frozen, noised

SMALL = {**CONFIG, 'num_attention_heads': 6}
RATE = 1e-3
AGREE = 1e-6  # norms whose gradients are not summed over the heads are 2.5e-6 apart after eight steps


def tensor_parallel(net):
    """Rows of the first matrix of each pair and columns of the second go to either process; between them nothing is exchanged."""
    mesh, n = init_device_mesh('cpu', (dist.get_world_size(),)), dist.get_world_size()
    whole = ColwiseParallel(output_layouts=Replicate())
    plan = {'img_mod.1': whole, 'txt_mod.1': whole, 'attn.to_out.0': RowwiseParallel(), 'attn.to_add_out': RowwiseParallel()}
    plan.update({'attn.' + name: ColwiseParallel() for name in ('to_q', 'to_k', 'to_v', 'add_q_proj', 'add_k_proj', 'add_v_proj')})
    for mlp in 'img_mlp', 'txt_mlp':
        plan.update({mlp + '.net.0.proj': ColwiseParallel(), mlp + '.net.2': RowwiseParallel()})
    for block in net.transformer_blocks:
        parallelize_module(block, mesh, plan)
        block.attn.heads //= n
        for norm in block.attn.norm_q, block.attn.norm_k, block.attn.norm_added_q, block.attn.norm_added_k:
            norm.weight.register_hook(summed)  # either process knows only what its own heads want of it
    return net


def summed(gradient):
    gradient = gradient.clone()
    dist.all_reduce(gradient)
    return gradient


def one_process(net):
    return net, torch.optim.AdamW(net.parameters(), RATE, weight_decay=0.)


def two_by_tensors(net):
    return one_process(tensor_parallel(net))


def two_by_data(net):
    both = DistributedDataParallel(net, find_unused_parameters=True)  # words are nothing any more after the last block
    return both, ZeroRedundancyOptimizer(net.parameters(), torch.optim.AdamW, lr=RATE, weight_decay=0.)


SCHEMES = {  # name: (processes, network and optimiser, is each batch shared?)
    'one': (1, one_process, False),
    'tensor': (2, two_by_tensors, False),
    'data': (2, two_by_data, True)}


def bytes_of(tensors):
    local = [t.to_local() if isinstance(t, DTensor) else t for t in tensors]
    return sum(t.numel() * t.element_size() for t in local)


def optimizer_bytes(optimizer):
    """Of what this process keeps beside the weights."""
    inner = getattr(optimizer, 'optim', optimizer)
    return bytes_of(t for state in inner.state.values() for t in state.values() if torch.is_tensor(t))


def resident(key):
    """MB of this process now (VmRSS) or at most since forget_peak (VmHWM)."""
    with open('/proc/self/status') as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key)) / 1024


def forget_peak():
    with open('/proc/self/clear_refs', 'w') as file:
        file.write('5')


def learn(rank, scheme, o, folder):
    """One process of a scheme; what it has seen goes to FOLDER/RANK.json."""
    processes, build, shared = SCHEMES[scheme]
    where = device()
    if processes > 1:
        os.environ.setdefault('GLOO_SOCKET_IFNAME', 'lo')  # both are on this machine
        dist.init_process_group('gloo', init_method='file://' + os.path.join(folder, 'meet'), rank=rank, world_size=processes)
    vae, encoder = load_frozen(where)
    batches, empty = Encoded(o.size, figures_of(vae)).batches(where, 0), empty_prompt(encoder, where)
    del vae, encoder
    first = next(batches)  # reads the files
    torch.manual_seed(3)
    net, optimizer = build(Mmdit(SMALL, checkpointing=o.checkpointing).to(where))
    forget_peak()
    before, losses, seconds, computed = resident('VmRSS'), [], [], []
    for height, width, x0, words, mask in itertools.islice(itertools.chain([first], batches), o.steps):
        began, computing = time.time(), time.process_time()
        x, sigma, velocity = noised(x0, words, mask, empty)  # the same in each process, of which each may take its part
        if shared:
            x, sigma, velocity, words, mask = (t.chunk(processes)[rank] for t in (x, sigma, velocity, words, mask))
        loss = (net(x, height, width, words, sigma, mask) - velocity).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        loss = loss.detach()
        if shared:
            dist.all_reduce(loss)
            loss /= processes
        losses.append(loss.item())
        seconds.append(time.time() - began)
        computed.append(time.process_time() - computing)
    with open(os.path.join(folder, '%d.json' % rank), 'w') as file:
        json.dump({'losses': losses, 'seconds': statistics.median(seconds), 'computed': statistics.median(computed),
                   'peak': resident('VmHWM') - before, 'weights': bytes_of(net.parameters()),
                   'optimizer': optimizer_bytes(optimizer)}, file)
    if processes > 1:
        dist.destroy_process_group()


def run(scheme, o):
    """What each process of a scheme has seen."""
    processes = SCHEMES[scheme][0]
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(learn, (scheme, o, folder), processes)
        return [json.load(open(os.path.join(folder, '%d.json' % rank))) for rank in range(processes)]


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--size', type=int, default=64)
    options.add_argument('--steps', type=int, default=20)
    options.add_argument('--checkpointing', action='store_true', help='activations are computed again on the way back')
    options.add_argument('--scheme', choices=list(SCHEMES), nargs='+', default=list(SCHEMES))
    o = options.parse_args()
    print('%d steps at %d px, activation checkpointing %s, %d CPUs' % (
        o.steps, o.size, 'on' if o.checkpointing else 'off', len(os.sched_getaffinity(0))))
    print('| | seconds a step | computing, s a process | weights, MB | optimiser, MB | peak beside, MB | first and last loss | apart |\n'
          '| --- | ---: | ---: | ---: | ---: | ---: | --- | ---: |')
    alone, worst = None, 0.
    for scheme in o.scheme:
        seen = run(scheme, o)
        alone = alone or seen[0]['losses']
        apart = max(abs(a - b) for s in seen for a, b in zip(s['losses'], alone))
        worst = max(worst, apart)
        each = lambda key, scale, digits=1: ', '.join('%.*f' % (digits, s[key] / scale) for s in seen)
        print('| %s | %.2f | %s | %s | %s | %s | %.4f, %.4f | %.1e |' % (
            scheme, max(s['seconds'] for s in seen), each('computed', 1., 2), each('weights', 1e6), each('optimizer', 1e6),
            each('peak', 1., 0), seen[0]['losses'][0], seen[0]['losses'][-1], apart), flush=True)
    sys.exit(worst > AGREE)

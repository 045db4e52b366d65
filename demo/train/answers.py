# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage answers: language model and vision tower together learn to answer the questions that the engine asks about pictures: for a caption
with type, style, marks and words as JSON, and for a description. answers.py [--minutes M]; goes on from its last checkpoint. Its end is the
encoder that is frozen.

What the encoder makes of prompts is what the transformer was trained on: it is held to what the encoder that was there before makes of
them, alone and behind a picture. The questions are long and the same for all; their keys and values are computed once a step, and not
learned through. (Autocast must not keep weights that it has cast there: they would have no gradient afterwards.)
"""
import argparse
import json
import math
import multiprocessing
import os
import re
import time

import numpy as np
import torch
import torch.nn.functional as F

import captions
import edits
import faults
import scenes
import sight
import vocabulary
from place import PLACE, ROOT, device, falling, save
from qwen import QwenVl
from train_encoder import IGNORED, padded, to_patches

JSON, SAID, TEXTS, RATE = 24, 8, 16, 7e-4  # pictures asked for JSON, for a description, and prompts of a step
FEW, MANY, KEPT = 8, 24, 4096  # new pictures of a step; the others are from the last minutes
HELD = 6.  # the weight of what holds embeddings of prompts
SYSTEM, AFTER = '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n', '<|vision_end|><|im_end|>\n<|im_start|>assistant\n'


def question(name):
    """One of the engine's questions, from where it stands in its code."""
    with open(os.path.join(ROOT, 'models', 'caption', 'ask.c'), encoding='utf-8') as file:
        body = re.search(r'char %s\[\] =\n(.*?);\n' % name, file.read(), re.S)[1]
    return SYSTEM + ''.join(json.loads(s) for s in re.findall(r'"(?:[^"\\]|\\.)*"', body)) + '<|vision_start|>'


def caption(rng, scene):
    """One in English that says what is behind, too."""
    while True:
        text = captions.make(rng, scene)
        chinese = any(ord(c) > 0x2e7f for c in re.sub('["“][^"”]*["”]', '', text))
        if captions.said(scene, text)['background'] and not chinese:
            return text


def answer(text, scene, marked):
    """What is to be said of a picture, as the engine's question shows it."""
    return json.dumps({'Caption': text, 'Image Type': {'label': 'sign', 'slide': 'slide'}.get(scene['kind'], 'drawing'),
                       'Image Style': scene['background']['kind'], 'Watermark List': ['SAMPLE'] if marked else [],
                       'Abnormal Element': 'no', 'Text List': [w['text'] for w in scene['words']]}, ensure_ascii=False)


def shown(rng, tokenizer):
    """Patches, labels of cells, ids of the answer as JSON and of the plain one."""
    scene = scenes.make(rng)
    picture, marked = scenes.paint(scene, 192, int(rng.integers(1 << 30))), rng.random() < .08
    if marked:
        picture = faults.watermark(rng, picture)
    text = caption(rng, scene)
    return (to_patches(picture, sight.SIDE).astype(np.float16), *sight.labels(scene),
            *(tokenizer.encode(t + '<|im_end|>') for t in (answer(text, scene, marked), text)))


def produce(queue, seed):
    rng, tokenizer, kept = np.random.default_rng(seed), vocabulary.Tokenizer(os.path.join(PLACE, 'model', 'tokenizer')), []
    while True:
        fresh = [shown(rng, tokenizer) for _ in range(FEW)]
        kept = (kept + fresh)[-KEPT:]
        *parts, told, said = zip(*(fresh + [kept[i] for i in rng.integers(0, len(kept), JSON + SAID - FEW)]))
        prompts = padded([tokenizer.encode(captions.make(rng, scenes.make(rng)) + vocabulary.END) for _ in range(TEXTS)], 0)
        asked = padded([tokenizer.encode(edits.make(rng)['prompt'] + vocabulary.END) for _ in range(SAID)], 0)
        queue.put(([np.stack(p) for p in parts], padded(told[:JSON], IGNORED), padded(said[JSON:], IGNORED), prompts, asked))


def answers_loss(net, head, seen, wanted, tail):
    """Of the answers [batch tokens] to the question head about pictures, whose tokens are seen [batch cells width]."""
    n, cells, side = len(head), seen.shape[1], math.isqrt(seen.shape[1])
    with torch.no_grad():
        _, before = net.model(net.model.embed_tokens(head[None]), torch.arange(n, device=head.device).expand(1, 3, n))
    words = torch.cat([tail.expand(len(wanted), -1), wanted[:, :-1].clamp_min(0)], 1)
    k = torch.arange(cells, device=head.device)
    at = torch.cat([n + torch.stack([0 * k, k // side, k % side]), (n + side + torch.arange(words.shape[1], device=head.device)).expand(3, -1)], 1)
    hidden, _ = net.model(torch.cat([seen, net.model.embed_tokens(words).to(seen.dtype)], 1), at[None], before)
    scores = net.lm_head(hidden[:, cells + len(tail) - 1:])
    return F.cross_entropy(scores.flatten(0, 1).float(), wanted.flatten(), ignore_index=IGNORED)


class Asked:
    """The questions as ids, and what comes between picture and answer."""

    def __init__(self, where):
        tokenizer = vocabulary.Tokenizer(os.path.join(PLACE, 'model', 'tokenizer'))
        ids = lambda text: torch.tensor(tokenizer.encode(text), device=where)
        self.annotate, self.describe = ids(question('annotate')), [ids(question('describe_' + n)) for n in ('chinese', 'english')]
        self.tail, self.draw = ids(AFTER), ids(vocabulary.DRAW[0])
        self.edit = tokenizer.encode(vocabulary.EDIT[0] + 'Picture 1: <|vision_start|>')
        self.pad = tokenizer.added['<|image_pad|>']
        self.shown = tokenizer.encode('<|vision_end|>')


def behind(net, asked, seen, prompts):
    """Hidden states of prompts, each behind a picture."""
    begin = torch.tensor(asked.edit + [asked.pad] * seen.shape[1] + asked.shown, device=prompts.device)
    hidden = net.read(torch.cat([begin.expand(len(prompts), -1), prompts], 1), seen[:, None], [len(asked.edit)])
    return hidden[:, len(begin):].float()


def moved(now, was):
    """How far, as a share of the square."""
    return (now - was).square().mean() / was.square().mean()


def losses(net, heads, old, asked, batch, step, where):
    """JSON, descriptions, cells, and how far prompts are from what they were, alone and behind pictures."""
    (patches, *told), annotated, described, prompts, changes = ([torch.from_numpy(a).to(where) for a in batch[0]],
                                                                *(torch.from_numpy(a).to(where) for a in batch[1:]))
    with torch.autocast(where.type, torch.bfloat16, cache_enabled=False):
        seen = net.visual(patches.float(), 2 * sight.GRID, 2 * sight.GRID)
        cells, _ = heads.loss(seen, *told)
        wanted = answers_loss(net, asked.annotate, seen[:JSON], annotated, asked.tail)
        said = answers_loss(net, asked.describe[step % 4 == 3], seen[JSON:], described, asked.tail)
        with torch.no_grad():
            was = old.prompts(asked.draw, prompts).float()
            saw = behind(old, asked, old.visual(patches[JSON:].float(), 2 * sight.GRID, 2 * sight.GRID), changes)
        away = moved(net.prompts(asked.draw, prompts).float(), was) + moved(behind(net, asked, seen[JSON:], changes), saw)
    return wanted, said, cells, away


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--minutes', type=float, default=20)
    options.add_argument('--every', type=float, default=120, help='seconds between checkpoints')
    o = options.parse_args()
    where = device()
    torch.manual_seed(6)
    net, old, heads = QwenVl().to(where), QwenVl().to(where), sight.Heads().to(where)
    load = lambda name: torch.load(os.path.join(PLACE, name), map_location=where, weights_only=True)
    for n in net, old:
        n.load_state_dict(load('encoder.pt')['net'])
    learned = [*net.parameters(), *heads.parameters()]
    optimizer, spent, step = torch.optim.AdamW(learned, RATE, betas=(.9, .98), weight_decay=.01), 0., 0
    path = os.path.join(PLACE, 'answers.pt')
    saved = load(next(name for name in ('answers.pt', 'sight.pt', 'encoder.pt') if os.path.exists(os.path.join(PLACE, name))))
    if 'net' in saved:
        net.load_state_dict(saved['net'])
        spent, step = saved['spent'], saved['step']
    else:
        net.visual.load_state_dict(saved['visual'])
    if 'heads' in saved:
        heads.load_state_dict(saved['heads'])
    if saved['optimizer'] and 'net' in saved:
        optimizer.load_state_dict(saved['optimizer'])
    asked, queue = Asked(where), multiprocessing.Queue(4)
    multiprocessing.Process(target=produce, args=(queue, 9000 + step), daemon=True).start()
    last = began = time.time()
    while spent < o.minutes * 60:
        for group in optimizer.param_groups:
            group['lr'] = falling(RATE, step, 60, spent / (o.minutes * 60))
        wanted, said, cells, away = losses(net, heads, old, asked, queue.get(), step, where)
        optimizer.zero_grad(set_to_none=True)
        (wanted + .5 * said + .1 * cells + HELD * away).backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.)
        optimizer.step()
        step += 1
        now = time.time()
        spent, began = spent + now - began, now
        if now - last > o.every or spent >= o.minutes * 60:
            save(path, net=net.state_dict(), heads=heads.state_dict(), optimizer=optimizer.state_dict(), spent=spent, step=step)
            print('%5.1f min  step %d  JSON %.3f, descriptions %.3f, cells %.3f, prompts moved %.4f' % (
                spent / 60, step, wanted.item(), said.item(), cells.item(), away.item()), flush=True)
            last = began = time.time()
    save(os.path.join(PLACE, 'encoder.pt'), net=net.state_dict(), optimizer=None, spent=spent, step=step)  # frozen from here on

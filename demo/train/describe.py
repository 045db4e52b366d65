# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage describe: what the frozen encoder says of scenes nobody trained it on, and the share of it that is right:
describe [--scenes N] [--folder FOLDER]. Nothing is trained.

It is asked what the engine asks, and answers in JSON: a caption in sentences like those of captions.py, which read() takes apart again, and
type, style, marks and words. The generator's own captions go through the same reader beside them: what that loses is the reader's fault. One
picture in ten has a watermark. FOLDER receives pictures, and in said.jsonl what was said and what is true, for demo/check/caption.py.
"""
import argparse
import collections
import itertools
import json
import os

import numpy as np
import torch
from PIL import Image

import answers
import captions
import faults
import scenes
import sight
import vocabulary
from place import PLACE, device
from telling import read, true_of
from train_encoder import to_patches
from train_mmdit import load_frozen

SIDE, LONGEST = sight.SIDE, 192  # pixels that the vision tower sees; tokens of an answer


def describe(encoder, tokenizer, pictures, where):
    """The likeliest next token each time, until all have come to an end: a text for each picture."""
    head, tail, end = (tokenizer.encode(t) for t in (answers.question('annotate'), answers.AFTER, '<|im_end|>'))
    pad = [tokenizer.added['<|image_pad|>']] * (SIDE // 28) ** 2
    ids, patches = torch.tensor([head + pad + tail] * len(pictures), device=where), np.stack([to_patches(p, SIDE) for p in pictures])
    said = ids[:, :0]
    with torch.no_grad():
        x, at = encoder.embed(ids, torch.from_numpy(patches).to(where), (SIDE // 14, SIDE // 14), len(head))
        hidden, before = encoder.model(x, at)
        while said.shape[1] < LONGEST and not (said == end[0]).any(1).all():
            said = torch.cat([said, encoder.lm_head(hidden[:, -1:]).argmax(-1)], 1)
            at = at[..., -1:] + 1
            hidden, before = encoder.model(encoder.model.embed_tokens(said[:, -1:]), at, before)
    return [tokenizer.decode(itertools.takewhile(lambda i: i != end[0], row)) for row in said.tolist()]


def fields(text, scene, marked):
    """Of an answer: its caption, and which of the other fields are right; None where it is no JSON."""
    try:
        said, true = json.loads(text), json.loads(answers.answer('', scene, marked))
        return said['Caption'], {k: said.get(k) == true[k] for k in ('Image Type', 'Image Style', 'Watermark List', 'Text List')}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def report(name, made, said):
    """Of each fact of captions: said, and right of what was said."""
    told, right = collections.Counter(), collections.Counter()
    for scene, text in zip(made, said):
        true = true_of(scene)
        for field, values in read(text).items():
            told[field] += len(values)
            right[field] += len(values & true[field])
    print('| %s | %s | %d of %d (%.0f %%) |' % (name, ' | '.join('%d of %d' % (right[f], told[f]) for f in told), right.total(), told.total(),
                                               100 * right.total() / max(told.total(), 1)))


def report_fields(found):
    right = collections.Counter(k for f in found if f for k, good in f[1].items() if good)
    print('JSON: %d of %d. Right of all: %s' % (sum(f is not None for f in found), len(found), ', '.join('%s %d' % r for r in sorted(right.items()))))


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--scenes', type=int, default=200)
    options.add_argument('--folder', help='where pictures and what is said of them are kept')
    o = options.parse_args()
    where, rng = device(), np.random.default_rng(20261126)
    _, encoder = load_frozen(where)
    tokenizer = vocabulary.Tokenizer(os.path.join(PLACE, 'model', 'tokenizer'))
    made = [scenes.make(rng) for _ in range(o.scenes)]
    pictures, marked = [scenes.paint(scene, 192, i) for i, scene in enumerate(made)], [i % 10 == 9 for i in range(len(made))]
    pictures = [faults.watermark(rng, p) if m else p for p, m in zip(pictures, marked)]
    said = [text for at in range(0, len(made), 50) for text in describe(encoder, tokenizer, pictures[at:at + 50], where)]
    found = [fields(*one) for one in zip(said, made, marked)]
    report_fields(found)
    print('| captions of | %s | all |\n|%s' % (' | '.join(read('')), ' --- |' * (len(read('')) + 2)))
    report('the encoder', made, [f[0] if f and isinstance(f[0], str) else '' for f in found])
    report('the generator', made, [captions.make(rng, scene) for scene in made])
    if o.folder:
        os.makedirs(o.folder, exist_ok=True)
        for i, picture in enumerate(pictures):
            Image.fromarray(picture).save(os.path.join(o.folder, '%04d.png' % i))
        with open(os.path.join(o.folder, 'said.jsonl'), 'w', encoding='utf-8') as file:
            for scene, text, mark in zip(made, said, marked):
                true = {'fields': json.loads(answers.answer('', scene, mark)), 'told': {k: sorted(v) for k, v in true_of(scene).items()}}
                print(json.dumps({'said': text, **true, **captions.facts(scene)}, ensure_ascii=False), file=file)

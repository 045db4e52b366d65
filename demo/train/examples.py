# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stages examples and rows: what the transformer learns from when it learns all tasks together.

    examples KIND COUNT [--half]     latents of targets and references, prompts and what the encoder sees; resumable
    rows                             embeddings of those prompts, by the encoder that there is

KIND: scenes, banners-2, banners-3 (text to image, drawn neatly: neat.py), edits (one picture), personal (those of edits where it is only a
reference), fills (those with a selection to fill), rewords and writes (those where a word is replaced or added), signs (words that fill the
picture), inserts (two pictures). Files of SHARD examples in _build/train/examples/KIND-NNNNN.npz: latents [n 1+references z h w] half floats, target
first, and with --half the same of pictures half as wide and high (none of banners); pictures, PNG bytes of what is shown, and of the target behind
it, which is shown on the way back; prompts; back, of pictures, the prompt that makes Picture 1 out of the target, or null; changed [n tokens], what
counts more: what of the target is not as in Picture 1, and what is on the ground. Rows lie beside them, KIND-NNNNN-rows.npz: of prompts and of back
(counts tell how many of each, 0 where there is none). One prompt in ten of a picture is empty already.
"""
import glob
import io
import json
import os
import sys
import time

import numpy as np
import torch
from PIL import Image

import edits
import neat
import scenes
import vocabulary
from place import PLACE, device
from train_encoder import padded, to_patches
from train_mmdit import MORE_WORDS, embed, load_frozen, prompts_kept_back, told
from train_vae import to_signed
from unseen import SEED
from words import SHAPES

FOLDER, SIZE, SHARD = os.path.join(PLACE, 'examples'), edits.SIZE, 512
FIRST = {'scenes': 39, 'banners-2': 32, 'banners-3': 40, 'edits': 34, 'inserts': 35, 'personal': 36, 'signs': 37, 'fills': 38, 'rewords': 41, 'writes': 42}  # of each kind's seeds; none is SEED
# Kinds of one task, or of one kind of edit; edits have them all but for two pictures.
ONLY = {'inserts': ['insert'], 'personal': ['personal'], 'signs': ['sign'], 'fills': ['fill'], 'rewords': ['edit', 'replace word'], 'writes': ['edit', 'add word']}
DROPPED = .1
TOKEN, OUTLINE = 16, 48  # px of a token's side; of 255, how much what it shows must differ in itself
SHOWN = 56  # px of a side that the encoder sees of pictures: to 192 px as 384 are to the 1024 of the large models


def png(picture):
    out = io.BytesIO()
    Image.fromarray(picture).save(out, 'PNG', compress_level=1)
    return out.getvalue()


def thirds_of(kind):
    """Of banners, how many of the width there are; else 0."""
    return int(kind[-1]) if kind.startswith('banners') else 0


def scene_of(kind, rng, kept_back):
    """A scene with its caption."""
    scenes.DRAWN = SHAPES + ['star', 'cross']  # the hardest to draw
    while True:
        scene = scenes.banner(rng, thirds_of(kind)) if thirds_of(kind) else scenes.make(rng, scenes.pick(rng, MORE_WORDS))
        prompt = told(rng, scene, kept_back)
        if neat.scene(scene, prompt):
            return scene, prompt


def content(scene):
    """Where there is anything on the ground: [SIZE SIZE] bool."""
    lines = [[v / SIZE for v in box] for box in scenes.line_boxes(scene, SIZE)]
    return edits.covered(*(edits.box(it) for it in scene['items'] + scene['words']), *lines)


def of_words(kind, rng, i, kept_back):
    """Pictures (one), nothing shown, a prompt, what counts more, nothing on the way back."""
    scene, prompt = scene_of(kind, rng, kept_back)
    picture, counts = scenes.paint(scene, SIZE, i), content(scene)
    if thirds_of(kind):
        aside = SIZE * (3 - thirds_of(kind)) // 6
        picture, counts = (p[SIZE // 3:-(SIZE // 3), aside:SIZE - aside] for p in (picture, counts))
    return [picture], [], prompt, by_token(counts), None


def by_token(mask):
    return mask.reshape(mask.shape[0] // TOKEN, TOKEN, mask.shape[1] // TOKEN, TOKEN).any((1, 3))


def outlined(picture):
    """Where a token shows more than its ground: [h w] bool, of tokens. A ground that goes from white to black stays below."""
    h, w = (n // TOKEN for n in picture.shape[:2])
    tokens = picture.reshape(h, TOKEN, w, TOKEN, 3)
    return (tokens.max((1, 3)).astype(int) - tokens.min((1, 3))).max(-1) > OUTLINE


def counting(target, changed):
    """What changes and, since it has to be as sharp as it was, all that stays. A new ground needs no help: of that the outlines alone."""
    outlines = outlined(target)
    return outlines if changed.all() else outlines | by_token(changed)


def of_pictures(kind, rng):
    scenes.DRAWN = SHAPES + ['star', 'star', 'cross']  # what comes out wrong most often
    scenes.STYLED = {'capitalized': .15, 'small': .15}
    e = edits.make(rng, *ONLY.get(kind, ()))
    prompt = ' ' if rng.random() < DROPPED else e['prompt']
    return [e['target'], *e['pictures']], e['pictures'], prompt, counting(e['target'], e['changed']), e.get('back')


def make(kind, i, kept_back):
    rng = np.random.default_rng([FIRST[kind], i])
    return of_pictures(kind, rng) if kind == 'edits' or kind in ONLY else of_words(kind, rng, i, kept_back)


def halved(picture):
    return np.asarray(Image.fromarray(picture).reduce(2))


def encode(vae, pictures, where):
    """Latents of pictures of one size, half floats. In bfloat16, off float32 by 6e-3 (rel_l2), with channels last, where few of them are
    twice as fast; in other orders of memory they are not."""
    out = []
    for at in range(0, len(pictures), 16):
        some = np.stack(pictures[at:at + 16])
        some = np.concatenate([some, np.full((*some.shape[:3], 1), 255, np.uint8)], -1)
        with torch.no_grad(), torch.autocast(where.type, torch.bfloat16):
            made = vae.encode(to_signed(some.transpose(0, 3, 1, 2), where).contiguous(memory_format=torch.channels_last))[0]
        out.append(made.float().cpu().numpy().astype(np.float16))
    return np.concatenate(out)


def main():
    kind, count, halves = sys.argv[1], int(sys.argv[2]), '--half' in sys.argv[3:] and not thirds_of(sys.argv[1])
    assert SEED not in FIRST.values()
    where, kept_back = device(), prompts_kept_back()
    vae, _ = load_frozen(where)
    os.makedirs(FOLDER, exist_ok=True)
    began = time.time()
    for shard in range(-(-count // SHARD)):
        path = os.path.join(FOLDER, '%s-%05d.npz' % (kind, shard))
        if os.path.exists(path):
            continue
        made = [make(kind, i, kept_back) for i in range(shard * SHARD, (shard + 1) * SHARD)]
        each = len(made[0][0])
        every = [p for m in made for p in m[0]]
        latents = encode(vae, every, where)
        half = encode(vae, [halved(p) for p in every], where) if halves else latents[:0]
        changed = np.stack([m[3].ravel() for m in made])
        shown = [[png(p) for p in m[1] + m[0][:1]] if m[1] else [] for m in made]
        np.savez(path + '.part.npz', latents=latents.reshape(SHARD, each, *latents.shape[1:]), half=half.reshape(-1, each, *half.shape[1:]), changed=changed, prompts=json.dumps([m[2] for m in made]),
                 back=json.dumps([m[4] for m in made]),
                 pictures=np.frombuffer(b''.join(p for s in shown for p in s), np.uint8), lengths=np.array([len(p) for s in shown for p in s], np.int64))
        os.replace(path + '.part.npz', path)
        print('%s %d, %.0f s' % (kind, (shard + 1) * SHARD, time.time() - began), flush=True)


def pictures_of(file, n):
    """[n pictures each] bytes as they were, the target last."""
    ends = np.cumsum(file['lengths'])
    data = file['pictures'].tobytes()
    every = [np.asarray(Image.open(io.BytesIO(data[e - l:e])).convert('RGB')) for e, l in zip(ends, file['lengths'])]
    each = len(every) // n
    return [every[i * each:(i + 1) * each] for i in range(n)]


def embed_seen(encoder, tokenizer, pictures, prompts, where):
    """Of prompts, each behind its pictures: [rows width] half floats, from the cut on, as the pipeline edit-plus keeps them."""
    head, cut = tokenizer.encode(vocabulary.EDIT[0]), vocabulary.EDIT[1]
    pad, side = tokenizer.added['<|image_pad|>'], SHOWN // 28
    out = []
    for at in range(0, len(prompts), 32):
        some = range(at, min(at + 32, len(prompts)))
        begin, places = list(head), []
        for k in range(len(pictures[at])):
            begin += tokenizer.encode('Picture %d: <|vision_start|>' % (k + 1))
            places.append(len(begin))
            begin += [pad] * side * side + tokenizer.encode('<|vision_end|>')
        rows = [begin + tokenizer.encode(prompts[i] + vocabulary.END) for i in some]
        ids = torch.from_numpy(padded(rows, 0)).to(where)
        patches = torch.from_numpy(np.stack([to_patches(p, SHOWN) for i in some for p in pictures[i]])).to(where)
        seen = encoder.visual(patches, 2 * side, 2 * side).unflatten(0, (len(rows), len(places)))
        hidden = encoder.read(ids, seen, places).float().cpu().numpy().astype(np.float16)
        out += [h[cut:len(r)] for h, r in zip(hidden, rows)]
    return out


def embedded(encoder, tokenizer, file, where):
    """What a file of rows holds."""
    prompts = json.loads(str(file['prompts']))
    packed = lambda name, made: {name: np.concatenate(made) if made else np.zeros((0, 0), np.float16)}
    counted = lambda some: np.array([len(r) for r in some], np.int32)
    if not len(file['lengths']):
        made = embed(encoder, tokenizer, prompts, where)
        return {**packed('rows', made), 'counts': counted(made)}
    shown, back = pictures_of(file, len(prompts)), json.loads(str(file['back']))
    made = embed_seen(encoder, tokenizer, [s[:-1] for s in shown], prompts, where)
    ways = [i for i, b in enumerate(back) if b]
    returned = embed_seen(encoder, tokenizer, [shown[i][-1:] for i in ways], [back[i] for i in ways], where)
    counts = np.zeros(len(prompts), np.int32)
    counts[ways] = counted(returned)
    return {**packed('rows', made), 'counts': counted(made), **packed('back', returned), 'back_counts': counts}


def rows():
    where = device()
    _, encoder = load_frozen(where)
    tokenizer = vocabulary.Tokenizer(os.path.join(PLACE, 'model', 'tokenizer'))
    began = time.time()
    for path in sorted(glob.glob(os.path.join(FOLDER, '*-?????.npz'))):
        to = path[:-4] + '-rows.npz'
        if os.path.exists(to):
            continue
        with np.load(path) as file, torch.no_grad(), torch.autocast(where.type, torch.bfloat16):
            made = embedded(encoder, tokenizer, file, where)
        np.savez(to + '.part.npz', **made)
        os.replace(to + '.part.npz', to)
        print('%s, %.0f s' % (os.path.basename(to), time.time() - began), flush=True)

# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stages described and picked: other sets of what `encode` has made of a size, for `mmdit --beside SET SHARE`.

    described --size S [--scenes N]   what the encoder says of the pictures instead of the generator's captions. An answer that is no JSON, or
                                      without a caption, leaves its picture out, as a filter would
    picked --size S [--scenes N]      only pictures in which the judge still finds all that was painted, as they come back from the VAE: those that
                                      show most clearly what is said of them
"""
import argparse
import json
import os

import numpy as np
import torch

import captions
import filters
import scenes
import vocabulary
from describe import describe
from place import PLACE, device
from train_mmdit import SHARD, clean_scene, embed, folder_of, load_frozen, prompts_kept_back

AT_ONCE, SEEN = 64, 192  # pictures; px at which a scene is painted for the encoder, whatever size is learned


def caption_of(text):
    try:
        said = json.loads(text)['Caption']
        return said if isinstance(said, str) and said.strip() else None
    except (ValueError, KeyError, TypeError):
        return None


def describer(size, where):
    """(numbers, latents) → which of these scenes are kept, and embeddings of their one prompt each."""
    _, encoder = load_frozen(where)
    tokenizer, kept_back = vocabulary.Tokenizer(os.path.join(PLACE, 'model', 'tokenizer')), prompts_kept_back()

    def work(numbers, latents, rows):
        pictures = [scenes.paint(clean_scene(size, 0, i)[1], SEEN, i) for i in numbers]
        said = [caption_of(text) for text in describe(encoder, tokenizer, pictures, where)]
        good = [k for k, text in enumerate(said) if text and text not in kept_back]
        with torch.no_grad(), torch.autocast(where.type, torch.bfloat16):
            return good, embed(encoder, tokenizer, [said[k] for k in good], where)
    return work


def picker(size, where):
    """The same; prompts stay as they were."""
    vae, _ = load_frozen(where)

    def work(numbers, latents, rows):
        with torch.no_grad():
            seen = (vae.decode(torch.from_numpy(latents.astype(np.float32)).to(where))[:, :3].float().clamp(-1, 1) + 1) * 127.5
        seen = seen.round().byte().permute(0, 2, 3, 1).cpu().numpy()
        wrong = filters.judge([{'picture': p, 'facts': captions.facts(clean_scene(size, 0, i)[1])} for p, i in zip(seen, numbers)], size)
        good = [k for k in range(len(numbers)) if k not in wrong]
        told = len(rows) // len(numbers)
        return good, [rows[k * told + n] for k in good for n in range(told)]
    return work


def make(part, work, size, count):
    """Each file once more as another set: what is kept, and what is told of it."""
    os.makedirs(folder_of(size, part), exist_ok=True)
    for shard in range(-(-count // SHARD)):
        source, path = (os.path.join(folder_of(size, p), '%05d.npz' % shard) for p in ('', part))
        if os.path.exists(path):
            continue
        with np.load(source) as file:
            latents, rows = file['latents'], np.split(file['rows'], np.cumsum(file['counts'])[:-1])
        kept, told, each = [], [], len(rows) // len(latents)
        for at in range(0, len(latents), AT_ONCE):
            some = range(at, min(at + AT_ONCE, len(latents)))
            good, prompts = work([shard * SHARD + k for k in some], latents[at:at + AT_ONCE], rows[at * each:(at + AT_ONCE) * each])
            kept += [at + k for k in good]
            told += prompts
        np.savez(path + '.part.npz', latents=latents[kept], rows=np.concatenate(told), counts=np.array([len(r) for r in told], np.int32))
        os.replace(path + '.part.npz', path)
        print('%s: %d of %d kept' % (part, len(kept), len(latents)), flush=True)


def options():
    o = argparse.ArgumentParser()
    o.add_argument('--size', type=int, required=True)
    o.add_argument('--scenes', type=int, default=8 * SHARD)
    return o.parse_args()


def main():
    o = options()
    make('described', describer(o.size, device()), o.size, o.scenes)


def picked():
    o = options()
    make('picked', picker(o.size, device()), o.size, o.scenes)

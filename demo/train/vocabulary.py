# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage vocabulary: a byte-level BPE of the Qwen2 kind, small: bytes, and the words of captions and prompt templates whole.

The templates' beginnings are cut off as 34 and 64 tokens whatever the vocabulary, since the pipelines say so; so every word
of them must be one token, as it is in the large vocabulary. Letters of quoted words stay apart: words are learned in
small letters, with a capital only where sentences begin.
"""
import collections
import json
import os
import re

import words
from place import PLACE

# Qwen2's pre-tokenizer, verbatim, for the files; and its meaning for our own text (ASCII and ideographs) in Python's re.
PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
PIECES = re.compile(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\w]?[^\W\d_]+|\d| ?(?:[^\s\w]|_)+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")

DRAW = ('<|im_start|>system\nDescribe the image by detailing the color, shape, size, texture, quantity, text, spatial relationships '
        'of the objects and background:<|im_end|>\n<|im_start|>user\n', 34)
EDIT = ('<|im_start|>system\nDescribe the key features of the input image (color, shape, size, texture, objects, background), then '
        "explain how the user's text instruction should alter or modify the image. Generate a new image that meets the user's "
        'requirements while maintaining consistency with the original input where appropriate.<|im_end|>\n<|im_start|>user\n', 64)
END = '<|im_end|>\n<|im_start|>assistant\n'
ADDED = ['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<|object_ref_start|>', '<|object_ref_end|>', '<|box_start|>', '<|box_end|>',
         '<|quad_start|>', '<|quad_end|>', '<|vision_start|>', '<|vision_end|>', '<|vision_pad|>', '<|image_pad|>', '<|video_pad|>']

# Words of prompts and instructions beside those of words.py.
OTHERS = '''a an the on in at of and with that says word text letters lettering written titled title slide sign label lines line
three two four one noisy grainy plain gradient background goes from to corner crosses circles squares triangles stars rings hearts
diamonds side middle medium sized large big small little tiny inside above below left right picture change make remove add replace
put move turn into color colour red shape behind image show draw make it is this there no not only same keep everything else new
old larger smaller between around under over next'''.split()
ZH = '''背景 有 个 一个 文字 渐变 到 有噪点的 在 的 小的 大的 把 改成 变成 去掉 加上 换成 颜色 图片 背景上'''.split()


def byte_symbols():
    same = [*range(0x21, 0x7f), *range(0xa1, 0xad), *range(0xae, 0x100)]
    rest = [b for b in range(256) if b not in same]
    return {b: chr(b) for b in same} | {b: chr(0x100 + i) for i, b in enumerate(rest)}, same + rest


SYMBOLS, ORDER = byte_symbols()


def symbols(piece):
    return tuple(SYMBOLS[b] for b in piece.encode())


def wanted_pieces():
    """Pieces that must be one token each."""
    pieces = collections.Counter()
    plain = set(OTHERS) | set(words.COLOURS) | set(words.SHAPES) | set(words.SIZES) | {w for p in words.PLACES for w in p.split()}
    plain |= {w for v in words.SYNONYMS.values() for p in v for w in re.split('[ -]', p)} | {w for r in words.RELATIONS for w in r.split()}
    for w in plain:
        pieces[' ' + w] += 8
        pieces[w] += 4
        pieces[w.capitalize()] += 2
    for w in [*ZH, *words.ZH.values()]:
        pieces[w] += 6
    for w in words.CHINESE:
        for c in w:
            pieces[c] += 1
    for text, _ in DRAW, EDIT:
        for part in re.split(r'<\|\w+\|>', text + END):
            for piece in PIECES.findall(part):
                pieces[piece] += 1
    return pieces


def learn(pieces):
    """The merges of byte-pair encoding, most frequent first, until every piece is one token."""
    parts = {p: list(symbols(p)) for p in pieces}
    merges = []
    while True:
        pairs = collections.Counter()
        for p, tokens in parts.items():
            for pair in zip(tokens, tokens[1:]):
                pairs[pair] += pieces[p]
        if not pairs:
            return merges
        best = max(pairs.items(), key=lambda item: (item[1], item[0]))[0]
        merges.append(best)
        for p, tokens in parts.items():
            parts[p] = join(tokens, best)


def join(tokens, pair):
    out = []
    for t in tokens:
        if out and out[-1] == pair[0] and t == pair[1]:
            out[-1] += t
        else:
            out.append(t)
    return out


class Tokenizer:
    """Encodes as the engine does; for our own texts."""

    def __init__(self, folder):
        data = json.load(open(os.path.join(folder, 'tokenizer.json'), encoding='utf-8'))
        self.vocab = data['model']['vocab']
        self.ranks = {tuple(m): i for i, m in enumerate(data['model']['merges'])}
        self.added = {t['content']: t['id'] for t in data['added_tokens']}
        self.known = {}

    def piece(self, piece):
        if piece not in self.known:
            tokens = list(symbols(piece))
            while len(tokens) > 1:
                pair = min(zip(tokens, tokens[1:]), key=lambda p: self.ranks.get(p, 1 << 30))
                if pair not in self.ranks:
                    break
                tokens = join(tokens, pair)
            self.known[piece] = [self.vocab[t] for t in tokens]
        return self.known[piece]

    def encode(self, text):
        ids = []
        for part in re.split(r'(<\|\w+\|>)', text):
            if part in self.added:
                ids.append(self.added[part])
            else:
                for piece in PIECES.findall(part):
                    ids += self.piece(piece)
        return ids

    def decode(self, ids):
        """Text of ids; added tokens are left out."""
        names, values = {i: t for t, i in self.vocab.items()}, {s: b for b, s in SYMBOLS.items()}
        return bytes(values[c] for i in ids for c in names.get(i, '')).decode(errors='replace')

    def prompt(self, text):
        """Ids of the whole template, and how many of them are cut off."""
        return self.encode(DRAW[0] + text + END), DRAW[1]


def write(folder):
    os.makedirs(folder, exist_ok=True)
    merges = learn(wanted_pieces())
    vocab = {SYMBOLS[b]: i for i, b in enumerate(ORDER)}
    for a, b in merges:
        vocab[a + b] = len(vocab)
    flags = {'single_word': False, 'lstrip': False, 'rstrip': False, 'normalized': False, 'special': True}
    added = [{'id': len(vocab) + i, 'content': t, **flags} for i, t in enumerate(ADDED)]
    split = {'type': 'Split', 'pattern': {'Regex': PATTERN}, 'behavior': 'Isolated', 'invert': False}
    level = {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': False, 'use_regex': False}
    files = {
        'tokenizer.json': {'version': '1.0', 'truncation': None, 'padding': None, 'added_tokens': added, 'normalizer': {'type': 'NFC'},
                           'pre_tokenizer': {'type': 'Sequence', 'pretokenizers': [split, level]}, 'post_processor': None,
                           'decoder': {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': False, 'use_regex': False},
                           'model': {'type': 'BPE', 'dropout': None, 'unk_token': None, 'continuing_subword_prefix': '',
                                     'end_of_word_suffix': '', 'fuse_unk': False, 'byte_fallback': False, 'vocab': vocab,
                                     'merges': [list(m) for m in merges]}},
        'vocab.json': vocab,
        'tokenizer_config.json': {'tokenizer_class': 'Qwen2Tokenizer', 'eos_token': '<|im_end|>', 'pad_token': '<|endoftext|>',
                                  'added_tokens_decoder': {str(t['id']): {k: v for k, v in t.items() if k != 'id'} for t in added}},
    }
    for name, value in files.items():
        with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
            json.dump(value, file, ensure_ascii=False, indent=None, separators=(',', ':'))
    with open(os.path.join(folder, 'merges.txt'), 'w', encoding='utf-8') as file:
        file.write('#version: 0.2\n' + ''.join('%s %s\n' % m for m in merges))


def main():
    folder = os.path.join(PLACE, 'model', 'tokenizer')
    write(folder)
    tokenizer = Tokenizer(folder)
    for text, n in DRAW, EDIT:
        assert len(tokenizer.encode(text)) == n, (len(tokenizer.encode(text)), n)
    print('%d tokens in %s' % (len(tokenizer.vocab) + len(tokenizer.added), folder))
    for text in 'a large red circle at the top left on a white background', 'the word "SALE" in blue at the bottom', '白色背景，左上角有一个大的红色圆形':
        print(len(tokenizer.encode(text)), text)

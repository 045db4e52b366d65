# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage described: examples of the kind `scenes` once more with what the encoder says of the pictures instead of the generator's captions:
COUNT. As kind `described` beside them, for `rows` and for `multi --shares '{"described": 1}'`. An answer that is no JSON, or without a caption,
leaves its picture out, as a filter would; how many is said."""
import json
import os
import sys

import numpy as np

import examples
import vocabulary
from describe import describe
from place import PLACE, device
from train_mmdit import load_frozen, prompts_kept_back

AT_ONCE = 64


def caption_of(text):
    try:
        said = json.loads(text)['Caption']
        return said if isinstance(said, str) and said.strip() else None
    except (ValueError, KeyError, TypeError):
        return None


def main():
    count, where, kept_back = int(sys.argv[1]), device(), prompts_kept_back()
    _, encoder = load_frozen(where)
    tokenizer = vocabulary.Tokenizer(os.path.join(PLACE, 'model', 'tokenizer'))
    for shard in range(-(-count // examples.SHARD)):
        begin, said = shard * examples.SHARD, []
        for at in range(begin, begin + examples.SHARD, AT_ONCE):
            pictures = [examples.make('scenes', i, kept_back)[0][0] for i in range(at, at + AT_ONCE)]
            said += [caption_of(text) for text in describe(encoder, tokenizer, pictures, where)]
        good = [i for i, text in enumerate(said) if text and text not in kept_back]
        source = os.path.join(examples.FOLDER, 'scenes-%05d.npz' % shard)
        with np.load(source) as file:
            kept = {name: file[name][good] for name in ('latents', 'half', 'changed')}
            np.savez(source.replace('scenes', 'described'), **kept, prompts=json.dumps([[said[i]] for i in good]),
                     pictures=np.zeros(0, np.uint8), lengths=np.zeros(0, np.int64))
        print('%d of %d described; %s' % (len(good), len(said), said[:3]), flush=True)

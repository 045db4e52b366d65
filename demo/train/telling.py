# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an English caption tells, and what is true of its scene: by field, to be counted. Of words alone; demo/check reads captions with it too."""
import re

import captions
from words import COLOURS, COUNTS, PLACES, SHAPES, SIZES, SYNONYMS

COLOUR, SHAPE, SIZE = ('(%s)' % '|'.join(names) for names in (COLOURS, SHAPES, SIZES))
PLACE_NAME = r'(%s)(?! of)' % '|'.join(sorted(PLACES, key=len, reverse=True))
BETWEEN = r'(left of|right of|above|below|inside)'


def read(text):
    """The facts that an English caption tells, by field; each a set of what is said."""
    lettered = re.findall('["“]([^"”]*)["”]', text)
    text = re.sub('["“][^"”]*["”]', '#', text).lower()
    for name, others in SYNONYMS.items():
        for other in others:
            text = re.sub(r'\b%s\b' % other, name, text)
    both = re.search(f'{COLOUR} (?:and|to) {COLOUR}', text) if 'gradient' in text or 'goes from' in text else None
    behind = both or re.search(f'{COLOUR} background', text) or re.search(f'on {COLOUR}\\.?$', text)
    kind = 'gradient' if both else 'noisy' if re.search('noisy|grainy', text) else 'plain'
    some = re.search(r'\b(%s) (?:small )?%s %s(?:s|es)\b' % ('|'.join(COUNTS.values()), COLOUR, SHAPE), text)
    things = set(re.findall(f'{COLOUR} {SHAPE}', text))
    return {'colour': {colour for colour, _ in things}, 'colour and shape': things, 'size': set(re.findall(rf'\b{SIZE}\b', text)),
            'place': set(re.findall(rf'\b{PLACE_NAME}\b', text)), 'background': {(kind, *behind.groups())} if behind else set(),
            'count': {some[1]} if some else set(), 'relation': set(re.findall(BETWEEN, text)), 'words': set(lettered)}


def true_of(scene):
    """The same of the scene itself."""
    f = captions.facts(scene)
    items = scene['items'] + scene.get('pair', [])
    colours = f['background']['colours'][:2 if f['background']['kind'] == 'gradient' else 1]
    return {'colour': {it['colour'] for it in items}, 'colour and shape': {(it['colour'], it['shape']) for it in items}, 'size': {it['size'] for it in items},
            'place': {thing['place'] for thing in items + scene['words'] if 'place' in thing},
            'background': {(f['background']['kind'], *colours)},
            'count': {COUNTS[f['count']]} if f['count'] else set(), 'relation': {f['relation']} if f['relation'] else set(),
            'words': {w['text'] for w in scene['words']}}

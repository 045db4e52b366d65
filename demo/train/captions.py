# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a scene, said in many wordings. Everything a caption says is true of its picture; it may leave things out,
but never what would make two different pictures fit it equally well by chance: colour and shape are always there."""
from words import COUNTS, SYNONYMS, ZH


def say(rng, name):
    others = SYNONYMS.get(name)
    return others[rng.integers(len(others))] if others and rng.random() < .2 else name


def a(words):
    return ('an ' if words[0] in 'aeiou' else 'a ') + words


def plural(noun):
    return {'cross': 'crosses'}.get(noun, noun + 's')


def place(rng, name):
    if name == 'center':
        return 'in the ' + say(rng, 'center')
    if name in ('left', 'right'):
        return 'on the ' + say(rng, name)
    head = ['at the', 'in the'][int(' ' in name and rng.random() < .5)]
    return f'{head} {name}' + (' corner' if ' ' in name and rng.random() < .25 else '')


def thing(rng, it, size=True):
    return ' '.join(([say(rng, it['size'])] if size and it['size'] != 'medium' or size and rng.random() < .5 else [])
                    + [say(rng, it['colour']), it['shape']])


def ground(rng, bg):
    first, second = (say(rng, c) for c in bg['colours'])
    if bg['kind'] == 'gradient':
        return [f'a {first} and {second} gradient background', f'a background that goes from {first} to {second}',
                f'a gradient background, {first} to {second}'][rng.integers(3)]
    if bg['kind'] == 'noisy':
        return [f'a noisy {first} background', f'a grainy {first} background'][rng.integers(2)]
    return [a(f'{first} background'), a(f'plain {first} background'), first][rng.choice(3, p=[.7, .2, .1])]


def quoted(rng, text):
    return f'"{text}"' if rng.random() < .85 else f'“{text}”'


def word_phrase(rng, w, where=True):
    colour, text = say(rng, w['colour']), quoted(rng, w['text'])
    phrase = [f'the word {text} in {colour}', f'the word {text} in {colour} letters', f'{a(colour + " text")} {text}',
              f'{text} written in {colour}', f'{colour} lettering that says {text}'][rng.choice(5, p=[.45, .15, .12, .18, .1])]
    return phrase + (' ' + place(rng, w['place']) if where else '')


def objects(rng, scene):
    items, kind = scene['items'], scene['kind']
    if kind == 'many':
        it = items[0]
        size = 'small ' if rng.random() < .3 else ''
        return f'{COUNTS[scene["count"]]} {size}{say(rng, it["colour"])} {plural(it["shape"])}'
    if kind == 'related':
        first, second = (a(thing(rng, it, False)) for it in scene['pair'])
        how = scene['relation']
        if 'of' in how:
            how = [f'to the {how}', how][rng.integers(2)]
        return f'{first} {how} {second}'
    if kind == 'label':
        it, w = items[0], scene['words'][0]
        return [f'{a(it["colour"] + " label")} with {word_phrase(rng, w, False)}',
                f'{a("sign" if rng.random() < .5 else "label")}, {it["colour"]}, with {word_phrase(rng, w, False)}'][rng.integers(2)]
    if kind == 'slide':
        w, it = scene['words'][0], items[0]
        lines = COUNTS[scene['lines']['n']]
        return [f'a slide with the title {quoted(rng, w["text"])} in {w["colour"]}, {lines} lines of text and {a(thing(rng, it, False))}',
                f'a slide titled {quoted(rng, w["text"])} in {w["colour"]} with {a(thing(rng, it, False))} on the '
                f'{"right" if scene["lines"]["side"] == "left" else "left"} and {lines} lines of text'][rng.integers(2)]
    parts = [f'{a(thing(rng, it))} {place(rng, it["place"])}' for it in items] + [word_phrase(rng, w) for w in scene['words']]
    if len(parts) == 2 and rng.random() < .3:
        parts.reverse()
    return ' and '.join(parts)


def tags(rng, scene):
    """As people do who have used other programs: "white background, red circle, big, top left"."""
    bg, it = scene['background'], scene['items'][0]
    parts = [f'{say(rng, it["colour"])} {it["shape"]}', say(rng, it['size']), say(rng, it['place'])]
    behind = (f'{bg["colours"][0]} background' if bg['kind'] == 'plain' else
              f'noisy {bg["colours"][0]} background' if bg['kind'] == 'noisy' else ' to '.join(bg['colours']) + ' gradient')
    return ', '.join([behind] + parts if rng.random() < .5 else parts + [behind])


def chinese(rng, scene):
    bg, kind = scene['background'], scene['kind']
    behind = {'plain': '{}背景', 'gradient': '{}到{}渐变背景', 'noisy': '有噪点的{}背景'}[bg['kind']].format(*(ZH[c] for c in bg['colours']))
    parts = []
    if kind == 'many':
        it = scene['items'][0]
        parts = [f'{ZH[scene["count"]]}个{ZH[it["colour"]]}{ZH[it["shape"]]}']
    elif kind == 'related':
        first, second = (f'{ZH[it["colour"]]}{ZH[it["shape"]]}' for it in scene['pair'])
        parts = [f'一个{first}在{second}{ZH[scene["relation"]]}']
    else:
        for it in scene['items']:
            size = {'small': '小的', 'large': '大的', 'medium': ''}[it['size']]
            parts.append(f'{ZH[it["place"]]}有一个{size}{ZH[it["colour"]]}{ZH[it["shape"]]}')
    parts += [f'{ZH[w["place"]]}有{ZH[w["colour"]]}文字“{w["text"]}”' for w in scene['words']]
    return '，'.join([behind] + parts) if rng.random() < .5 else '，'.join(parts + [behind])


def make(rng, scene):
    """One caption."""
    kind, form = scene['kind'], rng.random()
    if kind == 'one' and form < .15:
        return tags(rng, scene)
    if kind not in ('label', 'slide') and (form > .93 or form > .8 and any(ord(c) > 0x2e7f for w in scene['words'] for c in w['text'])):
        return chinese(rng, scene)
    text, behind = objects(rng, scene), ground(rng, scene['background'])
    form = rng.random()
    if form < .55:
        text = f'{text} on {behind}'
    elif form < .7 and 'background' in behind:
        text = f'{text}, {behind}'
    elif form < .8 and 'background' in behind:
        text = f'{behind} with {text}'
    elif form < .87 and scene['background']['kind'] != 'plain':
        text = f'{text} on {behind}'
    return (text[0].upper() + text[1:] + ('.' if rng.random() < .5 else '')) if rng.random() < .2 else text


def facts(scene):
    """The same as data, for demo/check: {kind, background, items, count, relation, words}. items hold shape and colour, where
    a caption says them also size and place."""
    kind = scene['kind']
    keys = ['shape', 'colour'] + (['size', 'place'] if kind in ('one', 'two', 'word and shape') else [])
    items = [] if kind == 'label' else scene['pair'] if kind == 'related' else scene['items'][:1] if kind == 'many' else scene['items']
    words = [{k: w[k] for k in ['text', 'colour'] + (['place'] if kind.startswith('word') else [])} for w in scene['words']]
    return {'kind': kind, 'background': {k: scene['background'][k] for k in ('kind', 'colours')},
            'items': [{k: it[k] for k in keys} for it in items], 'count': scene['count'], 'relation': scene['relation'], 'words': words}


def said(scene, text):
    """The facts of the scene that this caption tells: not all name the background, nor a medium size."""
    told = facts(scene)
    lower = text.lower()
    names = lambda name: [name, ZH.get(name, name), *SYNONYMS.get(name, [])]
    if not all(any(n in lower for n in names(c)) for c in told['background']['colours']):
        told['background'] = None
    for it in told['items']:
        if 'size' in it and not any(n in lower for n in names(it['size'])):
            del it['size']
    return told

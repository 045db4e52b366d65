# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage filter: what is thrown out before anything is learned: --size S [--scenes N]. Junk and blocked content first, then
saturation, contrast and light, then what a caption says against what is seen; thresholds tighten with the size.

A filter sees the file, the caption and its facts, never the planted fault; that is only for counting what it caught.
The last filter is demo/check, the judge of the tests (_build/dev/demo/check/demo-check, made by ./dev build).
"""
import argparse
import collections
import io
import json
import os
import subprocess
import tempfile

import numpy as np
from PIL import Image

import faults
from place import PLACE, ROOT

JUDGE = os.path.join(ROOT, '_build', 'dev', 'demo', 'check', 'demo-check')
# By size: they stand for the published 256, 640 and 1328 px.
LIMITS = {
    64: dict(saturation=.30, contrast=38, dark=80, bright=176, edge=.16, grain=26),
    96: dict(saturation=.33, contrast=42, dark=86, bright=170, edge=.19, grain=24),
    128: dict(saturation=.36, contrast=46, dark=92, bright=164, edge=.22, grain=22),
}


def decode(file):
    try:
        return np.asarray(Image.open(io.BytesIO(file)).convert('RGB'))
    except Exception:  # whatever a damaged file makes a decoder say
        return None


def fingerprint(picture):
    """8×8 cells of two bits a channel: the same for copies that were stored again or are a little darker."""
    small = np.asarray(Image.fromarray(picture).resize((16, 16), Image.BOX), np.float32)
    small = small - small.mean((0, 1))
    return (small / max(small.std(), 1)).flatten()


def stripes(picture):
    """Is there a board of diagonal stripes, black and yellow?"""
    p = picture.astype(np.int32)
    yellow = (p[..., 0] > 200) & (p[..., 1] > 160) & (p[..., 2] < 90)
    black = p.max(-1) < 60
    size = picture.shape[0]
    step = max(2, size // 24)
    # Along a diagonal that crosses stripes, yellow follows black again and again; along one that follows them it does not.
    change = (yellow[:-step, :-step] & black[step:, step:]) | (black[:-step, :-step] & yellow[step:, step:])
    along = (yellow[step:, :-step] & yellow[:-step, step:]) | (black[step:, :-step] & black[:-step, step:])
    return min(change.mean(), along.mean()) > .05 and black.mean() > .03 and yellow.mean() > .03


def junk(f, limits, seen):
    p = f['picture']
    if p is None:
        return 'damaged'
    if np.ptp(p.reshape(-1, 3).astype(np.int32), 0).max() < 4:
        return 'empty'
    mark = fingerprint(p)
    near = [m for m in seen if np.abs(m - mark).mean() < .02]
    seen.append(mark)
    if near:
        return 'duplicate'
    if faults.BLOCKED in f['prompt'] or stripes(p):
        return 'blocked'
    return None


def look(f, limits, seen):
    p = f['picture'].astype(np.float32)
    saturation = (p.max(-1) - p.min(-1)) / np.maximum(p.max(-1), 24)
    light = p @ np.array([.299, .587, .114], np.float32)
    low, high = np.percentile(light, [.5, 99.5])
    top = np.percentile(p.max(-1), 99.5)
    said = json.dumps(f['facts'])
    colourful = any(c in said for c in ('red', 'orange', 'yellow', 'green', 'blue', 'purple', 'pink', 'brown'))
    if top < limits['dark']:
        return 'dark'
    if np.percentile(p.min(-1), .5) > limits['bright'] and high > 225:
        return 'bright'
    if max(np.ptp(np.percentile(p[..., c], [.5, 99.5])) for c in range(3)) < limits['contrast']:
        return 'flat'
    if colourful and np.percentile(saturation, 99) < limits['saturation']:
        return 'pale'
    extreme = (p < 4) | (p > 251)
    if extreme.all(-1).mean() > .97:
        return 'harsh' if np.percentile(saturation, 99) < .1 else 'garish'
    behind = f['facts']['background']['colours']
    if all(c in ('white', 'gray', 'black') for c in behind) and np.median(saturation[p.max(-1) > 60]) > .17 and 'black' not in behind:
        return 'garish'
    corners = (p.min(-1) < 4) & (p.max(-1) > 251)
    if (saturation > .2).mean() > .02 and corners[saturation > .2].mean() > .4:
        return 'garish'
    return None


def sharpness(p):
    """The steepest step between neighbours as a share of the picture's range."""
    g = max(np.percentile(np.abs(np.diff(p, axis=a)).max(-1), 99.7) for a in (0, 1))
    return g / max(np.ptp(np.percentile(p, [.5, 99.5])), 1)


def texture(f, limits, seen):
    p = f['picture'].astype(np.float32)
    if sharpness(p) < limits['edge']:
        return 'blurred'
    return 'watermark' if marked(p) or slanting_lines(p) else None


def slanting_lines(p):
    """Lines of writing that come again and again across a grainy picture, aslant: one slanting wave of a few cycles a side
    stands out from all that is finer, and from waves of the same length in other directions."""
    n = p.shape[0]
    light, k = p.mean(-1), max(3, n // 16)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(light, k, mode='reflect'), (2 * k + 1, 2 * k + 1))[::2, ::2]
    middle = np.median(around.reshape(*around.shape[:2], -1)[..., ::3], -1).repeat(2, 0).repeat(2, 1)
    off = light - middle
    if np.median(np.abs(off)) < 2.5:
        return False
    off = np.where(np.abs(off) > 100, 0, off.clip(-60, 60))
    window = np.hanning(n)
    power = np.abs(np.fft.fft2((off - off.mean()) * window[:, None] * window)) ** 2
    at = np.fft.fftfreq(n) * n
    radius, angle = np.hypot(at[:, None], at), np.degrees(np.arctan2(at[:, None], at)) % 180
    ring, whole = (radius > 3) & (radius < 5.2), power[(radius > 2) & (radius < n / 5)].mean()
    for turn in (30, 45, 60, 120, 135, 150):
        away = np.abs((angle - turn + 90) % 180 - 90)
        peak = power[ring & (away < 14)].max()
        if peak > 5.5 * whole and peak > 1.9 * power[ring & (away > 30)].max():
            return True
    return False


def marked(p):
    """Strokes a little lighter or darker than a smooth ground: in quiet cells, a few levels off to one side."""
    size = p.shape[0]
    light = p.mean(-1)
    cell = size // 8
    cells = light[:cell * 8, :cell * 8].reshape(8, cell, 8, cell).transpose(0, 2, 1, 3).reshape(64, -1)
    middle = np.median(cells, 1, keepdims=True)
    off = cells - middle
    grain = 1.48 * np.median(np.abs(off))
    strokes = (np.abs(off) > max(12, 3.2 * grain)) & (np.abs(off) < 110)
    one_side = np.abs((off * strokes).sum(1)) / np.maximum((np.abs(off) * strokes).sum(1), 1) > .85
    return ((strokes.mean(1) > .06) & (strokes.mean(1) < .5) & one_side).sum() > (34 if grain > 4 else 31)


def judge(rows, size):
    """Indices of rows in which the judge does not find what the facts say."""
    with tempfile.TemporaryDirectory() as folder:
        for k, f in enumerate(rows):
            image = Image.fromarray(f['picture'])
            if size < 128:  # letters of a few pixels are easier to compare when they are larger
                image = image.resize((2 * size, 2 * size), Image.BICUBIC)
            image.save(os.path.join(folder, '%04d.png' % k), compress_level=1)
        with open(os.path.join(folder, 'facts.jsonl'), 'w') as file:
            for f in rows:
                print(json.dumps({'prompt': '', **f['facts']}, ensure_ascii=False), file=file)
        out = subprocess.run([JUDGE, '-v', folder, os.path.join(folder, 'facts.jsonl')], check=True, capture_output=True, text=True).stdout
    wrong = {}
    for line in out.splitlines():
        if line[:4].isdigit():
            wrong[int(line[:4])] = line[4:].split(':')[0].split()
    return wrong


STAGES = [('junk and blocked', junk), ('saturation, contrast, light', look), ('blur and marks', texture)]


def run(size, n):
    """The kept numbers, and a report."""
    limits, report, kept = LIMITS[size], {'size': size, 'stages': []}, []
    rows, seen = [], []
    for i in range(n):
        f = faults.raw(i, size)
        rows.append({**f, 'i': i, 'picture': decode(f['file']), 'verdict': None})
    alive = rows
    for name, test in STAGES:
        for f in alive:
            f['verdict'] = test(f, limits, seen)
        report['stages'].append(count(name, alive))
        alive = [f for f in alive if f['verdict'] is None]
    for at in range(0, len(alive), 5000):
        for k, what in judge(alive[at:at + 5000], size).items():
            alive[at + k]['verdict'] = 'spoiled lettering' if what == ['words'] else 'wrong caption'
    report['stages'].append(count('caption', alive))
    kept = [f['i'] for f in alive if f['verdict'] is None]
    planted = collections.Counter(f['fault'] for f in rows if f['fault'])
    caught = collections.Counter(f['fault'] for f in rows if f['fault'] and f['verdict'])
    good = [f for f in rows if not f['fault']]
    report.update(raw=n, kept=len(kept), good=len(good), good_lost=sum(f['verdict'] is not None for f in good),
                  lost_as=collections.Counter(f['verdict'] for f in good if f['verdict']),
                  faults={k: [caught[k], v] for k, v in sorted(planted.items())},
                  lettering=sum(bool(f['facts']['words']) for f in alive if f['verdict'] is None),
                  layouts=sum(f['facts']['kind'] in ('label', 'slide') for f in alive if f['verdict'] is None))
    return kept, report


def count(name, rows):
    return {'stage': name, 'in': len(rows), 'out': sum(f['verdict'] is None for f in rows),
            'thrown out': collections.Counter(f['verdict'] for f in rows if f['verdict'])}


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--size', type=int, choices=sorted(LIMITS), required=True)
    options.add_argument('--scenes', type=int, default=2000)
    o = options.parse_args()
    kept, report = run(o.size, o.scenes)
    with open(os.path.join(PLACE, 'filter-%d.json' % o.size), 'w') as file:
        json.dump({**report, 'numbers': kept}, file)
    print(json.dumps(report, indent=1))

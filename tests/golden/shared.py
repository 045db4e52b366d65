#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge qi-golden on a folder of golden cases, with the answers there and with the answers removed.

    shared.py [--rows] QI_GOLDEN FOLDER

FOLDER holds the cases and judge.py, which knows the limits. The kernels are those that the device's table chooses, and then
once more, for a few cases, each row that it offers in the types that the row serves; with --rows all cases on each row.
Prints what failed; the last line is 'N passed, N failed, N skipped'.
"""
import json, os, re, struct, subprocess, sys, tempfile
from concurrent.futures import ThreadPoolExecutor
from glob import glob

CASES = ['mmdit-*', 'vae-*', 'text-*', 'tokenizer-*', 'scheduler-*', 'quant-*', 'rng-*',
         'pipeline-*']
COMPUTES = ['f32', 'f16']

# For each row of the kernel table where there is no time for all: transformer, text encoder and vision tower.
FEW = ['mmdit-edit', 'mmdit-head128', 'mmdit-masked', 'text-one-image', 'text-padded-batch']

# Rows that are never chosen since their error is outside of the limits: relative L2 that is one of theirs and no mistake, and mean
# levels of a picture. Measured: 7.4 % and 1.8 (docs/performance.md).
COARSE = {'dot': (0.1, 3)}

# Files which hold answers alone, and the keys of case.json which give one away.
ANSWER_FILE = re.compile(r'(outputs.*|dequantised|tables)\.safetensors|image.*\.png|result\.png|resized.*\.png')
ANSWER_KEY = re.compile(r'mean|std|absmax|mu|timesteps|model_timesteps|sigmas_text|tolerance|max_abs_sigma|'
                        r'measured.*|sensitivity.*|rel_l2_.*|resized(_wh)?|grid_thw')
# scheduler-euler keeps its inputs beside its answers.
EULER_INPUT = re.compile(r'.*\.(x0|velocity\d+|noise_in|noise_eps)')


def keep_tensors(source, target, wanted):
    """Copy a safetensors file, less the tensors whose name does not match."""
    with open(source, 'rb') as f:
        head = json.loads(f.read(struct.unpack('<Q', f.read(8))[0]))
        base, out, body = f.tell(), {}, b''
        for name, row in head.items():
            if name != '__metadata__' and wanted.fullmatch(name):
                begin, end = row['data_offsets']
                f.seek(base + begin)
                out[name] = dict(row, data_offsets=[len(body), len(body) + end - begin])
                body += f.read(end - begin)
    text = json.dumps(out).encode()
    text += b' ' * (-len(text) % 8)
    with open(target, 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text + body)


def without_answers(value):
    if isinstance(value, dict):
        return {k: without_answers(v) for k, v in value.items() if not ANSWER_KEY.fullmatch(k)}
    return [without_answers(v) for v in value] if isinstance(value, list) else value


def strip(folder, case, target):
    """A copy of the case with the inputs alone."""
    source = os.path.join(folder, case)
    about = json.load(open(os.path.join(source, 'case.json')))
    runs = about.get('runs', [])
    pictures = {*about.get('files', []), *about.get('images', []), *(run.get('image') for run in runs if isinstance(run, dict))}
    # Not copytree: the folder may be read-only, and its copy must not be. A copy it must be, links or not: answers are removed from it.
    subprocess.run(['cp', '-rL', '--no-preserve=mode', source, target], check=True)
    for path in glob(os.path.join(target, '*')):
        name = os.path.basename(path)
        if ANSWER_FILE.fullmatch(name) and name not in pictures:
            os.remove(path)
            if case == 'scheduler-euler':
                keep_tensors(os.path.join(source, name), path, EULER_INPUT)
        elif name == 'golden.json':
            rows = json.load(open(path, encoding='utf-8'))
            json.dump([{'text': row['text']} for row in rows], open(path, 'w'))
        elif name == 'case.json':
            json.dump(without_answers(json.load(open(path))), open(path, 'w'))


def has_limits(folder, case, compute):
    """The crop of an inpainting was measured in float32 only; there is nothing to hold its f16 results against."""
    limits = json.load(open(os.path.join(folder, case, 'case.json'))).get('tolerance')
    return case != 'pipeline-inpaint-crop' or compute.replace('f', 'fp', 1) in limits


def is_coarse(line, row):
    """Is what the judge failed the known error of such a row? Whole numbers and what is missing never are."""
    try:
        name, error = line.split()[1], float(line.split()[3])
    except (IndexError, ValueError):
        return False
    return 0 < error <= COARSE[row][name.endswith('.png')]


def judge(folder, compute, row, out, cases):
    """(passed, failed), and the lines worth reading"""
    cases = [case for case in cases if has_limits(folder, case, compute)]
    run = subprocess.run([sys.executable, '-B', os.path.join(folder, 'judge.py'), '--compute', compute, out, *cases],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = run.stdout.splitlines() or ['']
    total = re.fullmatch(r'(\d+) passed, (\d+) failed', lines[-1])
    if not total:
        return 0, 1, lines
    bad = [line for line in lines if line.endswith('FAIL')]
    if row not in COARSE:
        return int(total[1]), int(total[2]), bad
    outside = [line for line in bad if is_coarse(line, row)]
    worst = [max((line for line in outside if line.split()[1].endswith('.png') == png), key=lambda line: float(line.split()[3]), default='')
             for png in (False, True)]
    return (int(total[1]) + len(outside), int(total[2]) - len(outside), [line for line in bad if line not in outside] +
            ['%d outside of the limits, as is known of this row; the worst:' % len(outside)] + [line[:-len(' FAIL')] for line in worst if line])


def offered_rows(qi_golden):
    """{row: compute types} of the device's kernel table"""
    run = subprocess.run([qi_golden, '--list-kernels'], stdout=subprocess.PIPE, text=True, check=True)
    return {words[0]: words[1:] for words in map(str.split, run.stdout.splitlines())}


def plan(qi_golden, cases, all_rows):
    """What is computed, each with the answers there and removed: (row or None, compute type, cases)"""
    rows = [(row, compute) for row, computes in offered_rows(qi_golden).items() for compute in computes]
    if all_rows:
        return [(row, compute, cases) for row, compute in rows]
    few = [case for case in cases if case in FEW]
    return [(None, compute, cases) for compute in COMPUTES] + [(row, compute, few) for row, compute in rows if few]


def main():
    arguments = [a for a in sys.argv[1:] if a != '--rows']
    qi_golden, folder = map(os.path.abspath, arguments)
    cases = sorted({os.path.basename(p) for pattern in CASES for p in glob(os.path.join(folder, pattern))})
    passed = failed = 0
    jobs = []
    with tempfile.TemporaryDirectory() as temp, ThreadPoolExecutor(1) as judges:
        bare = os.path.join(temp, 'bare')
        os.makedirs(bare)
        os.symlink(os.path.join(folder, 'models'), os.path.join(bare, 'models'))
        for case in cases:
            strip(folder, case, os.path.join(bare, case))
        for row, compute, some in plan(qi_golden, cases, len(arguments) < len(sys.argv) - 1):
            for where in folder, bare:
                title = '%s, %s, %s' % (row or 'the table\'s kernels', compute, 'answers removed' if where == bare else 'answers there')
                out = tempfile.mkdtemp(dir=temp)
                run = subprocess.run([qi_golden, '--compute', compute, *(['--kernels', row] if row else []), '--out', out,
                                      *[os.path.join(where, c) for c in some]],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                if run.returncode:
                    # What it could not compute is missing, and so counted by the judge too.
                    failed += 1
                    print('golden, %s: qi-golden ended with %d\n%s' % (title, run.returncode, run.stderr[-2000:]))
                # The judge is slow and the next run need not wait for it.
                jobs.append((title, judges.submit(judge, folder, compute, row, out, some)))
        for title, job in jobs:
            good, bad, lines = job.result()
            passed, failed = passed + good, failed + bad
            print('golden, %s: %d passed, %d failed' % (title, good, bad))
            print('\n'.join('  ' + line for line in lines[:40]), end='\n' if lines else '')
    if not cases:
        failed += 1
    print('%d passed, %d failed, 0 skipped' % (passed, failed))
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())

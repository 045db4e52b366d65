#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge qi-golden on a folder of golden cases, with the answers there and with the answers removed.

    shared.py QI_GOLDEN FOLDER

FOLDER holds the cases and judge.py, which knows the limits. Prints what failed; the last line is
'N passed, N failed, N skipped'.
"""
import json, os, re, struct, subprocess, sys, tempfile
from concurrent.futures import ThreadPoolExecutor
from glob import glob

CASES = ['mmdit-*', 'vae-*', 'text-*', 'tokenizer-*', 'scheduler-*', 'quant-*', 'rng-*',
         'pipeline-*']
COMPUTES = ['f32', 'f16']

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
    # Not copytree: the folder may be read-only, and its copy must not be.
    subprocess.run(['cp', '-r', '--no-preserve=mode', source, target], check=True)
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


def judge(folder, compute, out, cases):
    """(passed, failed), and the lines worth reading"""
    cases = [case for case in cases if has_limits(folder, case, compute)]
    run = subprocess.run([sys.executable, '-B', os.path.join(folder, 'judge.py'), '--compute', compute, out, *cases],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = run.stdout.splitlines() or ['']
    total = re.fullmatch(r'(\d+) passed, (\d+) failed', lines[-1])
    if not total:
        return 0, 1, lines
    return int(total[1]), int(total[2]), [line for line in lines if line.endswith('FAIL')]


def main():
    qi_golden, folder = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    cases = sorted({os.path.basename(p) for pattern in CASES for p in glob(os.path.join(folder, pattern))})
    passed = failed = 0
    jobs = []
    with tempfile.TemporaryDirectory() as temp, ThreadPoolExecutor(1) as judges:
        bare = os.path.join(temp, 'bare')
        os.makedirs(bare)
        os.symlink(os.path.join(folder, 'models'), os.path.join(bare, 'models'))
        for case in cases:
            strip(folder, case, os.path.join(bare, case))
        for where in folder, bare:
            for compute in COMPUTES:
                title = '%s, %s' % (compute, 'answers removed' if where == bare else 'answers there')
                out = os.path.join(temp, compute + os.path.basename(where))
                os.makedirs(out)
                run = subprocess.run([qi_golden, '--compute', compute, '--out', out, *[os.path.join(where, c) for c in cases]],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                if run.returncode:
                    # What it could not compute is missing, and so counted by the judge too.
                    failed += 1
                    print('golden, %s: qi-golden ended with %d\n%s' % (title, run.returncode, run.stderr[-2000:]))
                # The judge is slow and the next run need not wait for it.
                jobs.append((title, judges.submit(judge, folder, compute, out, cases)))
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

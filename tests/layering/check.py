#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of docs/architecture.md as tests: check.py ROOT BUILD, TAP on standard output."""
import json, os, re, shlex, subprocess, sys
from concurrent.futures import ThreadPoolExecutor

from layers import GENERATED, LAYERS, LIBRARIES, UNLINKED

ROOT, BUILD = (os.path.abspath(p) for p in sys.argv[1:3])
FOLDERS = ['plugin', 'compute', 'shaders', 'ui', 'models', 'tests', 'po']
SOURCE = re.compile(r'.*(\.(c|h|cpp|comp|glsl|py|sh|build|xml|css|ui)|meson_options\.txt|/dev|/\.ci/run|/pre-commit)')
DEVELOPER_PATH = re.compile(rb'(?<![\w.$}/-])/(?!home/dev\b)(work|root|home|farm|Users)/\w')
REGISTRY = re.compile(rb'\b((deb|ftp|archive|security)\.debian\.org|archive\.ubuntu\.com|pypi\.org|pythonhosted\.org|'
                      rb'npmjs\.(org|com)|crates\.io|rubygems\.org|registry\.[a-z]+\.(org|io|com)|proxy\.golang\.org)')

n_points = n_failed = 0


def point(name, faults):
    global n_points, n_failed
    n_points += 1
    n_failed += bool(faults)
    for fault in faults[:50]:
        print('# ' + fault)
    print('%sok %d - /layering/%s' % ('not ' if faults else '', n_points, name))


def files(folder=''):
    """The project's own files, from its root; not what git ignores."""
    for at, folders, names in os.walk(os.path.join(ROOT, folder)):
        folders[:] = sorted(f for f in folders if f not in ('.git', '_build', '__pycache__'))
        yield from (os.path.relpath(os.path.join(at, name), ROOT) for name in sorted(names))


def read(path):
    with open(os.path.join(ROOT, path), 'rb') as f:
        return f.read()


def include_faults(path):
    folder = path.split('/')[0]
    for quote, name in re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)', read(path).decode('utf-8', 'replace'), re.MULTILINE):
        say = '%s includes %s: ' % (path, name)
        if quote == '<':
            for prefix, folders in LIBRARIES.items():
                if name.startswith(prefix) and folder not in folders:
                    yield say + 'only %s may' % ', '.join(folders)
            continue
        target = GENERATED.get(name, name.split('/')[0])
        if name not in GENERATED and not os.path.exists(os.path.join(ROOT, name)):
            # In shaders/ a name stands for itself or for lib/.
            if folder != 'shaders' and os.path.exists(os.path.join(ROOT, os.path.dirname(path), name)):
                yield say + 'includes are written from the root'
        elif target != folder and not {target, name} & set(LAYERS[folder]):
            yield say + '%s may include %s' % (folder, ', '.join(LAYERS[folder]) or 'nothing')


def compile_flags():
    """For each folder the -I and -D of one of its C files, as the build compiles it."""
    flags = {}
    for row in json.load(open(os.path.join(BUILD, 'compile_commands.json'))):
        path = os.path.relpath(os.path.join(row['directory'], row['file']), ROOT)
        words = shlex.split(row['command'])
        if path.endswith('.c') and path.count('/') >= 1 and not path.startswith('_build'):
            flags.setdefault(path.split('/')[0], [w for w in words if re.match(r'-(I|D|isystem|std=|pthread|m)', w)])
    return flags


def header_faults(path, flags):
    run = subprocess.run(['gcc', *flags, '-I', ROOT, '-Wall', '-Werror', '-fsyntax-only', '-x', 'c', '-'], cwd=BUILD,
                         input='#include "%s"\n' % path, stderr=subprocess.PIPE, text=True)
    return run.stderr.splitlines()[:8] if run.returncode else []


def programs(folder):
    at = os.path.join(BUILD, folder)
    for name in sorted(os.listdir(at)) if os.path.isdir(at) else ():
        path = os.path.join(at, name)
        if os.path.isfile(path) and open(path, 'rb').read(4) == b'\x7fELF' and not name.endswith('.o'):
            yield path


def link_faults(folder, pattern, reason):
    found = list(programs(folder))
    if not found and os.path.exists(os.path.join(BUILD, folder)):
        return ['%s: nothing was built' % folder]
    faults = []
    for path in found:
        dynamic = subprocess.run(['readelf', '-d', path], stdout=subprocess.PIPE, text=True, check=True).stdout
        for library in re.findall(r'NEEDED.*\[(.*)\]', dynamic):
            if re.search(pattern, library):
                faults.append('%s is linked with %s: %s' % (os.path.relpath(path, BUILD), library, reason))
    return faults


def main():
    everything = list(files())
    code = [p for p in everything if re.search(r'\.(c|h|cpp|comp|glsl)$', p)]

    for folder in LAYERS:
        mine = [p for p in code if p.startswith(folder + '/')]
        if mine:
            point('includes/' + folder, [fault for p in mine for fault in include_faults(p)])

    flags = compile_flags()
    headers = [p for p in code if p.endswith('.h') and p.split('/')[0] in LAYERS]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda p: header_faults(p, flags.get(p.split('/')[0], flags.get('compute', []))), headers))
    for folder in LAYERS:
        mine = [(p, faults) for p, faults in zip(headers, results) if p.startswith(folder + '/')]
        if mine:
            point('headers/' + folder, [fault for _, faults in mine for fault in faults])

    for folder, pattern, reason in UNLINKED:
        if os.path.isdir(os.path.join(ROOT, folder)):
            point('linked/' + folder, link_faults(folder, pattern, reason))

    if os.path.isdir(os.path.join(ROOT, 'plugin')):
        point('folders', ['%s/ is missing or empty' % f for f in FOLDERS if not list(files(f))])

    texts = [(p, read(p)) for p in everything if os.path.getsize(os.path.join(ROOT, p)) < 1 << 20]
    texts = [(p, t) for p, t in texts if b'\0' not in t]
    point('spdx', [p for p, t in texts if SOURCE.fullmatch('/' + p) and not
                   (b'SPDX-License-Identifier: GPL-3.0-or-later' in t and b'SPDX-FileCopyrightText: Sfumato authors' in t)])
    for name, pattern in ('developer-paths', DEVELOPER_PATH), ('registries', REGISTRY):
        point(name, ['%s:%d: %s' % (p, t.count(b'\n', 0, m.start()) + 1, m[0].decode())
                     for p, t in texts for m in pattern.finditer(t)])
    print('1..%d' % n_points)
    return n_failed > 0


if __name__ == '__main__':
    sys.exit(main())

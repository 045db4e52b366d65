# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""console.py PLUGIN SUITE: the functions of cases_SUITE.py inside real GIMPs without a display, one GIMP for each stub.

A module's RUNS say which functions share a GIMP and a home, and what is set in its environment."""
import importlib.util, json, os, sys, traceback

from gimp import HERE, Home, Tap


def runs_of(suite):
    """RUNS of a module whose imports only a GIMP has: they are read, not run."""
    import ast
    with open(os.path.join(HERE, 'cases_%s.py' % suite)) as f:
        for node in ast.parse(f.read()).body:
            if isinstance(node, ast.Assign) and node.targets[0].id == 'RUNS':
                return ast.literal_eval(node.value)


def main():
    plugin, suite = sys.argv[1:3]
    only = sys.argv[3:]
    tap = Tap()
    home = None
    for run in runs_of(suite):
        names = [n for n in run['cases'] if not only or n in only]
        if not names:
            continue
        if home is None or not run.get('same_home'):
            if home:
                tap.point('/plugin/%s/log' % suite, not home.faults(), *home.faults())
                home.close()
            home = Home(plugin)
        out = os.path.join(home.folder, 'points')
        open(out, 'w').close()
        status, log = home.console(
            'import sys; sys.path.insert(0, %r); import inside; inside.main(%r, %r, %r)' %
            (HERE, 'cases_' + suite, names, out), fonts=run.get('fonts', False), **run.get('env', {}))
        ended = False
        for line in open(out):
            point = json.loads(line)
            ended = ended or point['name'] == 'end'
            if point['name'] != 'end':
                tap.point('/plugin/%s/%s' % (suite, point['name']), point['good'], point.get('why', ''))
        if not ended or status != 0:
            tap.point('/plugin/%s/%s' % (suite, '+'.join(names)), False, 'exit status %d' % status, log[-6000:])
    if home:
        tap.point('/plugin/%s/log' % suite, not home.faults(), *home.faults())
        home.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())

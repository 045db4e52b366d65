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


# What other people's scripts look like.
SCRIPT = '''(let* ((made (plug-in-sfumato-generate #:run-mode RUN-NONINTERACTIVE #:prompt "a boat" #:width 64 #:height 48 #:seed 9))
       (image (caddr made)) (layer (vector-ref (car made) 0)))
  (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 10 10 20 20)
  (plug-in-sfumato-fill #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector layer) #:prompt "a duck" #:quality "best")
  (if (and (= (cadr made) 9) (= (vector-length (car (gimp-image-get-layers image))) 2))
    (gimp-file-save RUN-NONINTERACTIVE image "script.png")
    (gimp-message "wrong answers")))'''


def script(tap, plugin):
    """The same through Script-Fu, whose calls are written otherwise."""
    home = Home(plugin)
    status, log = home.console(SCRIPT, interpreter='plug-in-script-fu-eval', QI_STUB='fill:200,30,60')
    tap.point('/plugin/script-fu', status == 0 and os.path.exists(os.path.join(home.folder, 'script.png')), status, log[-3000:])
    status, log = home.console('(plug-in-sfumato-fill #:run-mode RUN-NONINTERACTIVE #:steps 201)',
                               interpreter='plug-in-script-fu-eval', QI_STUB='copy')
    tap.point('/plugin/script-fu/out of range', status == 70, status, log[-3000:])
    tap.point('/plugin/script-fu/log', not home.faults(), *home.faults())
    home.close()


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
    if suite == 'bytes' and not only:
        script(tap, plugin)
    if home:
        tap.point('/plugin/%s/log' % suite, not home.faults(), *home.faults())
        home.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())

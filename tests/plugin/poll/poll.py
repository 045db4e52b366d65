#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test plug-in that starts with GIMP and does what it finds in files: the tests' hands inside a GIMP with windows.

$QI_TEST_POLL/N.py is run, N.json says what its 'answer' was. There is no undo among procedures: tests press Ctrl+Z and look here."""
import json, os, sys, traceback

FOLDER = os.environ.get('SFUMATO_TEST_POLL', '')
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
import inside
from inside import *

_next = 1


def look():
    global _next
    command = os.path.join(FOLDER, '%d.py' % _next)
    if not os.path.exists(command):
        return True
    space = {'answer': None}
    try:
        exec(compile(open(command).read(), command, 'exec'), dict(vars(inside)), space)
        reply = {'answer': space['answer']}
    except Exception:
        reply = {'error': traceback.format_exc()}
    answer = os.path.join(FOLDER, '%d.json' % _next)
    with open(answer + '.part', 'w') as f:
        json.dump(reply, f)
    os.rename(answer + '.part', answer)
    _next += 1
    return True


class Poll(Gimp.PlugIn):
    def do_set_i18n(self, name):
        return False

    def do_query_procedures(self):
        return ['test-poll']

    def do_create_procedure(self, name):
        procedure = Gimp.Procedure.new(self, name, Gimp.PDBProcType.PERSISTENT, self.run, None)
        procedure.set_documentation('test', None, name)
        return procedure

    def run(self, procedure, config, data):
        procedure.persistent_ready()
        if FOLDER:
            self.persistent_enable()
            GLib.timeout_add(20, look)
            GLib.MainLoop().run()
        return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)


Gimp.main(Poll.__gtype__, sys.argv)

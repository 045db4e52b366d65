# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A canvas that grows and a picture that comes apart: by procedure and by window, each undone at once."""
import re, time

import screen
from screen import until

STATE = '''
image = Gimp.Image.get_by_id(%d)
def state(layers):
    return [(l.get_id(), l.get_name(), tuple(l.get_offsets())[1:], l.get_visible(), state(l.get_children()) if l.is_group() else None)
            for l in layers]
globals()['state'] = state
answer = [image.get_width(), image.get_height(), state(image.get_layers())]
'''
BY_PROCEDURE = '''
image = Gimp.Image.get_by_id(%d)
status = call('%s', image, image.get_layers()[-1:], **%r).status
Gimp.displays_flush()
answer = status == SUCCESS
'''


def state(s):
    return s.look_at(STATE % s.image)


def undone_at_once(s, name, before):
    """One Ctrl+Z in GIMP's window brings back canvas, places and layers, Ctrl+Y what was made."""
    after = state(s)
    s.check(name + '/something was done', after != before, after)
    look, as_before = lambda: state(s), lambda v: v == before
    s.check(name + '/one undo', s.gimp.press('ctrl+z', look, as_before), look, before)
    s.check(name + '/one redo', s.gimp.press('ctrl+y', look, lambda v: v == after), look, after)
    s.check(name + '/undo again', s.gimp.press('ctrl+z', look, as_before), look)


def procedures_undone(s):
    for command, arguments in [('expand', {'left': 40, 'bottom': 24, 'results': 2}), ('split', {'layers': 3, 'results': 2})]:
        before = state(s)
        s.check(command + '/done', s.gimp.ask(BY_PROCEDURE % (s.image, command, arguments), 60))
        undone_at_once(s, command, before)


def drag_right_edge(s, by):
    """As with a mouse, from the middle of the canvas's right side outwards."""
    area = s.window.wait(re.compile('Preview: canvas'), 'drawing area')
    place = screen.Atspi.Component.get_extents(area, screen.Atspi.CoordType.SCREEN)
    zoom = min(4, 0.8 * place.width / 400, 0.8 * place.height / 300)
    x, y = place.x + place.width / 2 + 200 * zoom, place.y + place.height / 2
    s.window.present()
    s.screen.tool('mousemove', round(x), round(y), 'mousedown', 1)
    for k in range(1, 7):
        time.sleep(0.1)
        s.screen.tool('mousemove', round(x + by * k / 6), round(y))
    time.sleep(0.2)
    s.screen.tool('mouseup', 1)
    grown = until(20, lambda: s.window.find(re.compile(r'Expands the canvas to \d+ × 300 px')))
    wanted = 400 + by / zoom
    width = int(re.search(r'to (\d+)', grown.get_name())[1]) if grown else 0
    s.check('edge dragged', abs(width - wanted) <= 4, width, wanted, s.dump)
    s.check('card gone', until(20, lambda: not s.window.find(re.compile('The canvas would not grow'))), s.dump)


def expand_in_window(s):
    before = state(s)
    s.open('expand', 'Expand')
    s.check('nothing to do yet', until(15, lambda: s.window.find('The canvas stays as it is')), s.dump)
    s.window.present()
    s.window.prompt().grab_focus()
    s.screen.key('ctrl+Return')
    s.check('said', until(20, lambda: s.window.find(re.compile('The canvas would not grow'))), s.dump)
    drag_right_edge(s, 60)
    s.window.press('16:9', 'radio button')
    s.check('sentence', until(20, lambda: s.window.find('Expands the canvas to 533 × 300 px')), s.dump)
    s.window.present()
    s.window.prompt().grab_focus()
    s.screen.key('ctrl+Return')
    s.window.wait('Keep', 'button', 120)
    s.idle(60)
    s.check('the canvas waits', state(s) == before, lambda: state(s))
    s.window.press('Keep')
    s.check('grown', until(20, lambda: state(s)[:2] == [533, 300], 0.3), lambda: state(s))
    s.check('and no further', until(20, lambda: s.window.find('The canvas stays as it is')), s.dump)
    undone_at_once(s, 'window', before)


def split_in_window(s):
    before = state(s)
    s.window.present()
    s.window.prompt().grab_focus()
    s.screen.key('ctrl+5')
    s.check('sentence', until(20, lambda: s.window.find(re.compile('Splits layer .* into 4 layers'))), s.dump)
    s.screen.key('ctrl+Return')
    s.window.wait('Keep', 'button', 120)
    s.idle(60)
    s.window.press('Keep')
    s.check('a group of four', until(20, lambda: (lambda v: len(v[2]) == len(before[2]) + 1 and len(v[2][0][4] or []) == 4)(state(s)), 0.3),
            lambda: state(s))
    undone_at_once(s, 'window', before)


CASES = [procedures_undone, expand_in_window, split_in_window]

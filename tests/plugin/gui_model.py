# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the window makes with a real model, the tiny one, is what the procedure and the command line make, to the byte."""
import os, re

from screen import until

MODEL = os.path.join(os.environ.get('SFUMATO_TEST_DATA', ''), 'models', 'edit-plus')
SIZE, BOX = (64, 48), (16, 8, 32, 24)
OPEN = '''
image, layer = new_image(%d, %d)
under = Gimp.Layer.new(image, 'Second', 48, 64, Gimp.ImageType.RGB_IMAGE, 100, Gimp.LayerMode.NORMAL)
write(under, photo(48, 64, seed=3), "R'G'B' u8")
image.insert_layer(under, None, 1)
image.set_selected_layers([layer])
Gimp.Display.new(image)
answer = image.get_id()
''' % SIZE
SEEN = '''
import hashlib
from cases_bytes import shown
image = Gimp.Image.get_by_id(%d)
answer = [hashlib.sha1(shown(image)).hexdigest(), [l.get_name() for l in image.get_layers()],
          next((job_of(l) for l in image.get_layers() if job_of(l)), None)]
'''
# The same without a window: by the procedure, and where asked by the command line.
OTHERS = '''
import hashlib
from cases_bytes import by_command_line, file_of, shown
command, asked, outside = %r, %r, %r
image, layer = new_image(64, 48)
second = Gimp.Layer.new(image, 'Second', 48, 64, Gimp.ImageType.RGB_IMAGE, 100, Gimp.LayerMode.NORMAL)
write(second, photo(48, 64, seed=3), "R'G'B' u8")
image.insert_layer(second, None, 1)
if command == 'fill':
    select(image, 16, 8, 32, 24)
found = {}
if outside:
    more = {'generate': dict(width=64, height=48), 'edit': {}, 'fill': {}}[command]
    if command == 'fill':
        more['mask'] = file_of(image.get_selection(), 'mask')
    data, size = by_command_line(command, [] if command == 'generate' else [file_of(layer, 'photo')], model=%r, **more, **asked)
    found['command line'] = hashlib.sha1(data).hexdigest()
if asked.pop('second', False):
    asked['reference_1'] = second
answer = call(command, image, [layer], **asked)
found['procedure'] = hashlib.sha1(shown(image)).hexdigest() if answer.status == SUCCESS else str(answer)
answer = [found, job_of(answer.layers[0]) if answer.status == SUCCESS else {}]
image.delete()
'''
GIVE = '''
image = Gimp.Image.get_by_id(%d)
layer, second = image.get_layers()
answer = call('edit', image, [layer], run_mode=Gimp.RunMode.INTERACTIVE, reference_1=second)
answer = str(answer.status)
'''


def set_number(s, label, value):
    """Of a row under More options; 'label' is what stands before it."""
    def look():
        for node in s.window.all('spin button'):
            try:
                relations = [r.get_target(i).get_name() for r in node.get_relation_set() for i in range(r.get_n_targets())]
                if label in relations or node.get_name() == label:
                    return node
            except Exception: # gone
                pass
    def write():
        """A box that was just ticked takes a moment to let the number be written."""
        node = look()
        if not node:
            return False
        node.grab_focus()
        s.screen.key('ctrl+a')
        s.screen.type(str(value))
        s.screen.key('Tab')
        return until(1, lambda: s.window.text(node) == str(value), 0.1)

    s.check(label + '/written', until(20, write), s.dump)


def options(s):
    s.open('generate', 'Generate')
    s.window.present()
    s.screen.key('alt+o')
    random = s.window.wait('Random', 'check box', 20)
    said = until(10, lambda: (lambda v: v if v.count('automatic') == 2 else None)([s.window.text(n) for n in s.window.all('spin button')]))
    s.check('steps and guidance are automatic', said, s.dump)
    random.do_action(0)
    set_number(s, 'Seed:', 7)
    set_number(s, 'Steps:', 2)


def made(s, image, prompt):
    """Of what the window made and kept, which is then taken away again."""
    s.write(prompt)
    s.screen.key('ctrl+Return')
    s.window.wait('Keep', 'button', 120)
    s.idle(60)
    s.window.press('Keep')
    seen = until(30, lambda: (lambda v: v if v[1][0] == prompt and len(v[1]) == 3 and not s.window.find('Keep', 'button') else None)
                 (s.look_at(SEEN % image)), 0.3)
    if not s.check(prompt + '/kept', seen, s.dump):
        return None
    s.gimp.ask('image = Gimp.Image.get_by_id(%d)\nimage.remove_layer(image.get_layers()[0])\nGimp.displays_flush()' % image)
    s.job = seen[2]
    return seen[0]


def compare(s, name, mine, command, outside=True, **asked):
    others, job = s.gimp.ask(OTHERS % (command, dict(asked, seed=7, steps=2), outside, MODEL), 120)
    s.check(name + '/bytes', mine and set(others.values()) == {mine}, mine, others,
            lambda: {k: (v, s.job.get(k)) for k, v in job.items() if s.job.get(k) != v})


def generate(s):
    image = s.image = s.gimp.ask(OPEN)
    options(s)
    mine = made(s, image, 'a fox in the snow')
    compare(s, 'generate', mine, 'generate', prompt='a fox in the snow')
    s.check('generate/a word', made(s, image, 'a fox in the sand') != mine)


def edit(s):
    s.gimp.command('edit')
    s.window.wait('Edit', 'button', 20)
    until(20, lambda: s.window.find(re.compile('^Edits the whole layer')))
    before = s.look_at(SEEN % s.image)[0]
    mine = made(s, s.image, 'a fox in the snow')
    compare(s, 'edit', mine, 'edit', prompt='a fox in the snow')
    s.check('edit/something was drawn', mine != before)
    s.gimp.ask(GIVE % s.image)
    until(20, lambda: s.window.find(re.compile('^Picture 2, Second')))
    with_second = made(s, s.image, 'a fox in the snow')
    compare(s, 'reference', with_second, 'edit', outside=False, prompt='a fox in the snow', second=True)
    s.check('reference/changes them', with_second != mine)
    s.window.press('Remove Picture 2')
    s.window.press('Add lettering')
    words = s.window.wait(re.compile('^Words of row 1|^Row 1'), 'text', 20)
    words.grab_focus()
    s.screen.type('SALE')
    lettered = made(s, s.image, 'a fox in the snow')
    compare(s, 'lettering', lettered, 'edit', outside=False, prompt='a fox in the snow', lettering='top: SALE')
    s.check('lettering/changes them', lettered not in (mine, with_second))


def fill(s):
    s.window.press(re.compile('^Remove row 1'))
    s.gimp.ask('image = Gimp.Image.get_by_id(%d)\nselect(image, *%r)\nGimp.displays_flush()' % (s.image, BOX))
    s.gimp.command('fill')
    s.window.wait('Fill', 'button', 20)
    until(20, lambda: s.window.find(re.compile('^Fills the selection')))
    mine = made(s, s.image, 'a fox in the snow')
    compare(s, 'fill', mine, 'fill', prompt='a fox in the snow')


CASES = [generate, edit, fill]

# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things come from and go to: pictures given to a call, a preview that forms, two open images, a saved layer that
is done again, what begins by itself."""
import os, re

from screen import Window, until, walk

RUNNING = re.compile(r'Step \d+ of \d+')
OPEN = '''
image, layer = new_image(400, 300)
image.set_file(Gio.File.new_for_path('/tmp/%s.xcf')) # which is its name, and is never written
layer.set_name(%r)
sloop = Gimp.Layer.new(image, 'Sloop', 80, 60, Gimp.ImageType.RGB_IMAGE, 100, Gimp.LayerMode.NORMAL)
image.insert_layer(sloop, None, 1)
select(image, 150, 100, 100, 90)
image.set_selected_layers([layer])
Gimp.Display.new(image)
image.clean_all()
answer = image.get_id()
'''
GIVE = '''
image = Gimp.Image.get_by_id(%d)
named = {l.get_name(): l for l in image.get_layers()}
answer = call('fill', image, [named['Photo']], run_mode=Gimp.RunMode.INTERACTIVE, reference_1=named[%r])
answer = {'status': str(answer.status), 'layers': [l.get_name() for l in answer.layers]}
'''
LAYERS = '''
image = Gimp.Image.get_by_id(%d)
named = {l.get_tattoo(): l.get_name() for l in image.get_layers()}
answer = [{'id': l.get_id(), 'name': l.get_name(), 'job': job_of(l), 'references': [named.get(r.get('tattoo')) for r in (job_of(l) or {}).get('references', [])],
           'middle': list(pixels(l, (l.get_width() // 2, l.get_height() // 2, 1, 1), "R'G'B' u8"))} for l in image.get_layers()]
'''


def layers(s, image):
    """Those of an image, top first, asked again where it changes meanwhile."""
    for _ in range(4):
        try:
            return s.gimp.ask(LAYERS % image)
        except RuntimeError as error:
            last = error
    raise last


def newest(s, image):
    return max(layers(s, image), key=lambda v: v['id'])


def grown(s, image, n):
    """The newest layer as soon as there are more than n."""
    return until(20, lambda: len(layers(s, image)) > n and newest(s, image), 0.3)


def chip(s, name):
    return s.window.find('Picture 2, %s, insert into prompt' % name, 'button')


def run_and_keep(s, prompt):
    s.write(prompt)
    s.screen.key('ctrl+Return')
    s.window.wait('Keep', 'button', 60)
    s.idle(30)
    s.window.press('Keep')
    return until(20, lambda: not s.window.find('Keep', 'button'))


def close_window(s):
    s.window.present()
    s.screen.key('ctrl+w')
    return s.window.gone(15)


def given(s):
    """reference-1 of a call that opens the window, once more with what GIMP stored of the first, and of one that comes to it."""
    s.other = s.gimp.ask(OPEN % ('other', 'Other photo'))
    s.image = s.gimp.ask(OPEN % ('first', 'Photo'))
    for name in 'Sloop', 'Photo':
        call = s.gimp.begin(GIVE % (s.image, name))
        s.window = Window(s.screen, 60)
        s.check('given/' + name, until(30, lambda: chip(s, name)), s.dump)
        s.check('given/%s/kept' % name, run_and_keep(s, 'beside ' + name), s.dump)
        s.check('given/%s/closed' % name, close_window(s))
        answer = s.gimp.answer(call)
        s.check('given/%s/returned' % name, 'SUCCESS' in answer['status'] and answer['layers'] == ['beside ' + name], answer)
        made = newest(s, s.image)
        s.check('given/%s/remembered' % name, made['references'] == [name], made)
    s.open()
    s.check('given/not again', not chip(s, 'Photo') and not chip(s, 'Sloop'), s.dump)
    s.gimp.ask(GIVE % (s.image, 'Sloop'))
    s.check('given/handed over', until(30, lambda: chip(s, 'Sloop')), s.dump)
    s.gimp.ask(GIVE % (s.image, 'Photo'))
    s.check('given/takes the place', until(30, lambda: chip(s, 'Photo') and not chip(s, 'Sloop')), s.dump)
    run_and_keep(s, 'repeated')
    n = len(layers(s, s.image))
    s.gimp.focus()
    s.screen.key('ctrl+f')
    made = grown(s, s.image, n)
    s.check('given/repeated', made and made['name'].startswith('repeated') and made['references'] == ['Photo'], made)


def forming(s):
    """Grey turning into the colour that comes out, on the screen, before there is a result."""
    s.write('forming')
    stage = s.window.wait(re.compile('^Preview:'), None, 10)
    place = [v + 12 for v in s.window.middle(stage)] # beside the wiper that comes with the result
    before, n = s.screen.color(*place), len(layers(s, s.image))
    s.screen.key('ctrl+Return')
    seen, button = [], None
    for _ in range(200):
        color = s.screen.color(*place)
        if not seen or seen[-1] != color:
            seen.append(color)
        elif len(seen) > 2:
            button = button or s.window.find('Cancel', 'button')
            if not button or not s.window.shows(button):
                break
    s.window.wait('Keep', 'button', 60)
    s.idle(30)
    picture = os.environ.get('SFUMATO_PICTURES')
    if picture:
        s.screen.picture(os.path.join(picture, 'forming.png'))
    s.window.press('Keep')
    made = grown(s, s.image, n)
    if not s.check('forming/kept', made, s.dump):
        return
    made = made['middle']

    def part(color):
        """How far it is from grey to what was made; None: it does not lie between."""
        k = max(range(3), key=lambda i: abs(made[i] - 128))
        t = (color[k] - 128) / (made[k] - 128)
        return t if all(abs(128 + t * (m - 128) - c) < 4 for m, c in zip(made, color)) else None

    parts = [part(c) for c in seen]
    between = [t for t in parts if t is not None and 0.05 < t < 0.95]
    s.check('forming/seen', between and between == sorted(between), before, seen, made, parts)


def two_images(s):
    """The window stays with its image, says where the person is, and comes along when asked to."""
    first, other = s.image, s.other
    n = len(layers(s, first))
    s.write('begun in the first')
    s.screen.key('ctrl+Return')
    s.check('two/running', until(60, lambda: s.window.find(RUNNING)), s.dump)
    s.gimp.ask('image = Gimp.Image.get_by_id(%d)\nselect(image, 20, 20, 60, 60)\nGimp.displays_flush()' % other)
    hint = re.compile('^You are working in “other.*”.$')
    s.check('two/hint', until(20, lambda: s.window.find(hint, 'label')), s.dump)
    s.window.wait('Keep', 'button', 60)
    s.idle(30)
    s.window.press('Keep')
    made = grown(s, first, n)
    s.check('two/in the first', made and made['name'] == 'begun in the first', made)
    s.check('two/not in the other', len(layers(s, other)) == 2, layers(s, other))
    s.write('asks once')
    s.screen.key('ctrl+Return')
    card = re.compile('^You are working in “other[^”]*”$')
    s.check('two/asks', until(20, lambda: s.window.find(card)), s.dump)
    s.check('two/not begun', not s.window.find('Cancel', 'button'), s.dump)
    s.window.press('Use it')
    s.check('two/hint gone', until(20, lambda: not s.window.find(hint, 'label')), s.dump)
    s.check('two/sentence', until(20, lambda: s.window.find(re.compile('layer “Other photo”'))), s.dump)
    n = len(layers(s, first))
    s.check('two/kept', run_and_keep(s, 'begun in the other'), s.dump)
    made = grown(s, other, 2)
    s.check('two/in the other', made and made['name'] == 'begun in the other', made)
    s.check('two/first left alone', len(layers(s, first)) == n, layers(s, first))


def menu_item(s, label):
    gimp = s.screen.applications('gimp')[0]

    def look():
        for node in walk(gimp):
            try:
                if node.get_role_name() == 'menu item' and node.get_name() == label:
                    return node
            except Exception: # gone
                pass
    return until(30, look)


def remove(s):
    """From the menu, with nothing left to ask: it opens at work."""
    s.check('remove/closed', close_window(s))
    s.gimp.focus()
    item = menu_item(s, 'Remove Selected')
    if not s.check('remove/menu item', item):
        return
    n = len(layers(s, s.image))
    item.do_action(0)
    s.window = Window(s.screen, 60)
    s.check('remove/at work', until(30, lambda: s.window.find('Cancel', 'button'), 0.02), s.dump)
    s.window.wait('Keep', 'button', 60)
    s.idle(30)
    s.window.press('Keep')
    made = grown(s, s.image, n)
    s.check('remove/kept', made and made['name'] == 'Remove' and made['job']['prompt'] == '' and made['job']['task'] == 'fill', made)


def saved(s):
    """A layer out of a file, in another GIMP: all that was asked for is there again, and the result lies above the old layer."""
    path = os.path.join(s.screen.folder, 'saved.xcf')
    s.gimp.ask('''
image, layer = new_image(400, 300)
select(image, 150, 100, 100, 90, feather=6)
made = call('fill', image, [layer], prompt='a fox of old', seed=4711, quality='best', lettering='bottom, red: SALE').layers[0]
top = layer.copy()
image.insert_layer(top, None, 0)
top.set_name('Above')
Gimp.Selection.none(image)
image.set_selected_layers([made])
Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(%r), None)
image.delete()
''' % path)
    s.gimp.end()
    s.check('saved/window ended', s.window.gone(20))
    s.gimp = s.screen.start(path, QI_STUB=s.stub)
    image = until(60, lambda: (s.gimp.ask('answer = [i.get_id() for i in Gimp.get_images()]') or [None])[0], 0.3)
    before = layers(s, image)
    s.check('saved/there', [v['name'] for v in before] == ['Above', 'a fox of old', 'Photo'], before)
    s.gimp.command('again')
    s.window = Window(s.screen, 60)
    s.check('saved/sentence', until(30, lambda: s.window.find(re.compile('^Edits “a fox of old” again'))), s.dump)
    s.check('saved/prompt', s.window.text(s.window.prompt()) == 'a fox of old', s.window.text(s.window.prompt()))
    s.check('saved/row', until(10, lambda: any(s.window.text(n) == 'SALE' for n in s.window.all('text'))), s.dump)
    s.screen.key('ctrl+Return')
    s.window.wait('Keep', 'button', 60)
    s.idle(30)
    s.window.press('Keep')
    after = until(20, lambda: (lambda v: v if len(v) == 4 else None)(layers(s, image)), 0.3)
    if not s.check('saved/kept', after, s.dump):
        return
    s.check('saved/above the old one', [v['name'] for v in after] == ['Above', 'a fox of old #1', 'a fox of old', 'Photo'], after)
    same = ('prompt', 'quality', 'lettering', 'task', 'target', 'frame', 'strength', 'offsets')
    jobs = [v['job'] for v in after[1:3]]
    s.check('saved/as it was', all(jobs[0][k] == jobs[1][k] for k in same), jobs)
    s.check('saved/old one stays', after[2] == before[1], after[2], before[1])
    s.check('saved/another seed', jobs[0]['seed'] != jobs[1]['seed'], jobs)


CASES = [given, forming, two_images, remove, saved]

# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A procedure and the command line give the same bytes for the same request, with a real model, the tiny one."""
import subprocess

from inside import *

RUNS = [{'cases': ['same_bytes', 'same_edit', 'same_fill', 'same_references']}]
MODELS = os.path.join(os.environ.get('SFUMATO_TEST_DATA', ''), 'models')
MODEL = os.path.join(MODELS, 'base')


def by_command_line(command='generate', pictures=(), **arguments):
    path = os.path.join(os.environ['HOME'], 'cli.png')
    words = [word for key, value in arguments.items() for word in ('--' + key.replace('_', '-'), str(value))]
    words += [word for picture in pictures for word in ('--image', picture)]
    subprocess.run([os.environ['SFUMATO'], command, '--quiet', '--output', path, *words], check=True)
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))
    return pixels(image.get_layers()[0], format="R'G'B' u8"), (image.get_width(), image.get_height())


def same_bytes():
    asked = dict(model=MODEL, prompt='a fox in the snow', width=64, height=48, seed=7, steps=2, guidance=2.5)
    wanted, size = by_command_line(**asked)
    answer = call('generate', **asked)
    if not check('no image', answer.status == SUCCESS, answer):
        return
    equal('size', (answer.image.get_width(), answer.image.get_height()), size)
    first = pixels(answer.layers[0], format="R'G'B' u8")
    check('bytes', first == wanted)
    image, layer = new_image(64, 48)
    asked.pop('width'), asked.pop('height')
    answer = call('generate', image, [layer], **asked)
    check('of an image', answer.status == SUCCESS and pixels(answer.layers[0], format="R'G'B' u8") == wanted, answer)
    equal('name', answer.layers[0].get_name(), 'a fox in the snow')
    check('hash', len(job_of(answer.layers[0])['model-hash']) >= 16, job_of(answer.layers[0]).get('model-hash'))
    for name, other in [('word', {'prompt': 'a fox in the sand'}), ('seed', {'seed': 8}),
                        ('lettering', {'lettering': 'top: SALE'})]:
        answer = call('generate', image, [layer], **{**asked, **other})
        check(name + ' changes them', answer.status == SUCCESS and pixels(answer.layers[0], format="R'G'B' u8") != wanted, answer)


def file_of(drawable, name):
    """A PNG of its pixels alone, gray where it is a channel."""
    path = os.path.join(os.environ['HOME'], name + '.png')
    gray = isinstance(drawable, Gimp.Channel)
    width, height = drawable.get_width(), drawable.get_height()
    image = Gimp.Image.new(width, height, Gimp.ImageBaseType.GRAY if gray else Gimp.ImageBaseType.RGB)
    layer = Gimp.Layer.new(image, name, width, height, Gimp.ImageType.GRAY_IMAGE if gray else Gimp.ImageType.RGB_IMAGE,
                           100, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    format = "Y' u8" if gray else "R'G'B' u8"
    write(layer, selection(drawable.get_image()) if gray else pixels(drawable, format=format), format)
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(path), None)
    image.delete()
    return path


def shown(image):
    """RGB of what is visible."""
    rgba = composite_u8(image)
    out = bytearray(len(rgba) // 4 * 3)
    for k in range(3):
        out[k::3] = rgba[k::4]
    return bytes(out)


def same_edit():
    for kind in 'base', 'edit':
        asked = dict(model=os.path.join(MODELS, kind), prompt='a fox in the snow', seed=7, steps=2, guidance=2.5)
        image, layer = new_image(64, 48)
        wanted, size = by_command_line('edit', [file_of(layer, 'photo')], **asked)
        answer = call('edit', image, [layer], **asked)
        if not check(kind, answer.status == SUCCESS, answer):
            continue
        equal(kind + '/size', (answer.layers[0].get_width(), answer.layers[0].get_height()), size)
        check(kind + '/bytes', shown(image) == wanted)
    image, layer = new_image(64, 48, data=photo(64, 48, seed=2))
    answer = call('edit', image, [layer], **asked)
    check('another layer changes them', answer.status == SUCCESS and shown(image) != wanted, answer)


def same_fill():
    asked = dict(model=MODEL, prompt='a fox in the snow', seed=7, steps=2, guidance=2.5)
    image, layer = new_image(64, 48)
    select(image, 16, 8, 32, 24)
    wanted, size = by_command_line('fill', [file_of(layer, 'photo')], mask=file_of(image.get_selection(), 'mask'), **asked)
    answer = call('fill', image, [layer], **asked)
    if not check('', answer.status == SUCCESS, answer):
        return
    equal('size', size, (64, 48))
    check('bytes', shown(image) == wanted, sum(a != b for a, b in zip(shown(image), wanted)), 'differ')
    check('something was drawn', wanted != pixels(layer, format="R'G'B' u8"))
    image, layer = new_image(64, 48, data=photo(64, 48, seed=2))
    select(image, 16, 8, 32, 24)
    answer = call('fill', image, [layer], **asked)
    check('another layer changes them', answer.status == SUCCESS and shown(image) != wanted, answer)


def same_references():
    asked = dict(model=os.path.join(MODELS, 'edit-plus'), prompt='the fox of Picture 2', seed=7, steps=2, guidance=2.5)
    image, layer = new_image(64, 48)
    _, second = new_image(48, 64, data=photo(48, 64, seed=3))
    _, third = new_image(48, 64, data=photo(48, 64, seed=4))
    made = {}
    for name, references in [('one', [second]), ('another', [third])]:
        wanted, _ = by_command_line('edit', [file_of(d, 'picture-%d' % k) for k, d in enumerate([layer] + references)], **asked)
        answer = call('edit', image, [layer], **asked, **{'reference_%d' % (k + 1): d for k, d in enumerate(references)})
        if not check(name, answer.status == SUCCESS, answer):
            return
        made[name] = pixels(answer.layers[0], format="R'G'B' u8")
        check(name + '/bytes', made[name] == wanted)
        image.remove_layer(answer.layers[0])
    check('another reference changes them', made['one'] != made['another'])

# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A procedure and the command line give the same bytes for the same request, with a real model, the tiny one."""
import subprocess

from inside import *

RUNS = [{'cases': ['same_bytes']}]
MODEL = os.path.join(os.environ.get('SFUMATO_TEST_DATA', ''), 'models', 'base')


def by_command_line(**arguments):
    path = os.path.join(os.environ['HOME'], 'cli.png')
    words = [word for key, value in arguments.items() for word in ('--' + key.replace('_', '-'), str(value))]
    subprocess.run([os.environ['SFUMATO'], 'generate', '--quiet', '--output', path, *words], check=True)
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

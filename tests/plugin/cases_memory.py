# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a layer remembers, across a file and another GIMP, and doing it again; Ctrl+F; what GIMP is left with."""
from inside import *

PROMPT = 'Ein Boot — 一只狐狸 🦊 "quoted"\nzweite Zeile\\n\t' + '長' * 6000 # 18 kB
STUB = {'QI_STUB': 'seed'}
RUNS = [
    {'env': {'QI_STUB': 'seed'}, 'cases': ['remembers', 'save']},
    {'env': {'QI_STUB': 'seed'}, 'same_home': True, 'cases': ['reopen', 'newer', 'gone', 'last_values', 'nothing_typed_stays']},
    {'env': {'QI_STUB': 'seed'}, 'cases': ['with_layer']},
    {'env': {'QI_STUB': 'seed'}, 'same_home': True, 'cases': ['layer_of_yesterday']},
    {'env': {'QI_STUB': 'copy'}, 'cases': ['again_copies']},
]


def file():
    return Gio.File.new_for_path(os.path.join(os.environ['HOME'], 'job.xcf'))


def by_name(image, prefix):
    return [layer for layer in image.get_layers() if layer.get_name().startswith(prefix)]


def remembers():
    image, layer = new_image(200, 150)
    other = layer.copy()
    image.insert_layer(other, None, 1)
    other.set_name('Reference')
    select(image, 50, 40, 60, 60, feather=6)
    answer = call('fill', image, [layer], prompt=PROMPT, negative_prompt='ugly', seed=41, quality='best', steps=3,
                  guidance=1.5, soft_edge=4, strength=0.75, prefill='blur', frame='wide', lettering='top, red: SALE: 50 %',
                  reference_1=other)
    if not check('done', answer.status == SUCCESS, answer):
        return
    job = job_of(answer.layers[0])
    for key, value in {'version': 1, 'prompt': PROMPT, 'negative-prompt': 'ugly', 'seed': 41, 'quality': 'best', 'steps': 3,
                       'guidance': 1.5, 'soft-edge': 4, 'strength': 0.75, 'prefill': 'blur', 'frame-asked': 'wide',
                       'lettering': 'top, red: SALE: 50 %', 'task': 'fill', 'results': 1, 'sampler': 'euler', 'selection': True,
                       'source': 'layer', 'model': '', 'loras': '', 'device': ''}.items():
        equal(key, job.get(key), value)
    equal('target', job['target'].get('tattoo'), layer.get_tattoo())
    equal('references', [r.get('tattoo') for r in job['references']], [other.get_tattoo()])
    equal('offsets', job['offsets'], list(answer.layers[0].get_offsets()[1:]))
    x, y, w, h = map(int, job['frame'].split())
    check('frame', x <= 50 and y <= 40 and x + w >= 110 and y + h >= 100, job['frame'])
    check('build', bool(job.get('build')))
    raw = data_of(answer.layers[0].get_parasite('sfumato/job'))
    check('plain UTF-8', '一只狐狸 🦊'.encode() in raw)
    flags = answer.layers[0].get_parasite('sfumato/job')
    check('persistent, undoable', flags.is_persistent() and flags.is_undoable())


def save():
    image, layer = new_image(200, 150)
    layer.set_name('Target')
    select(image, 50, 40, 60, 60)
    answer = call('fill', image, [layer], prompt=PROMPT, seed=1234)
    check('fill', answer.status == SUCCESS, answer)
    Gimp.Selection.none(image)
    answer = call('edit', image, [layer], prompt='Whole layer', seed=77)
    check('edit', answer.status == SUCCESS, answer)
    select(image, 20, 20, 80, 80, feather=10)
    answer = call('edit', image, [layer], prompt='Visible', seed=78, source='visible')
    check('visible', answer.status == SUCCESS, answer)
    answer = call('generate', image, [layer], prompt='New', seed=79)
    check('generate', answer.status == SUCCESS, answer)
    check('saved', Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, file(), None))


def reopen():
    """In another GIMP: the same prompt, and with the same seed the same bytes."""
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file())
    Gimp.Selection.none(image)
    layers = image.get_layers()
    equal('layers', len(layers), 5)
    target = by_name(image, 'Target')[0]
    for name, seed, n in [('Ein Boot', 1234, 1), ('Whole layer', 77, 1), ('Visible', 78, 1), ('New', 79, 1)]:
        layer = by_name(image, name)[0]
        job = job_of(layer)
        equal(name + '/seed', job['seed'], seed)
        if name == 'Ein Boot':
            equal(name + '/prompt', job['prompt'], PROMPT)
        equal(name + '/target', job['target'].get('tattoo'), target.get_tattoo())
        position = image.get_item_position(layer)
        answer = call('again', image, [layer], seed=seed)
        if not check(name + '/again', answer.status == SUCCESS, answer):
            continue
        new = answer.layers[0]
        equal(name + '/position', image.get_item_position(new), position)
        equal(name + '/old stays', image.get_item_position(layer), position + 1)
        equal(name + '/bytes', pixels(new), pixels(layer))
        equal(name + '/place', tuple(new.get_offsets())[1:], tuple(layer.get_offsets())[1:])
        masks = [l.get_mask() for l in (new, layer)]
        check(name + '/mask', (masks[0] is None) == (masks[1] is None) and
              (masks[0] is None or pixels(masks[0]) == pixels(masks[1])))
        equal(name + '/remembers', {k: v for k, v in job_of(new).items() if k not in ('soft-edge', 'frame-asked', 'canvas')},
              {k: v for k, v in job.items() if k not in ('soft-edge', 'frame-asked', 'canvas')})
        answer = call('again', image, [layer], prompt='Another')
        equal(name + '/other prompt', job_of(answer.layers[0])['prompt'], 'Another')
        check(name + '/other seed', answer.seed != seed)


def newer():
    image, layer = new_image(100, 100)
    for name, text, words in [('newer', '{"version": 2, "prompt": "x"}', 'newer'), ('damaged', '{"version": 1, "prompt":', 'damaged'),
                              ('not json', 'hello', 'damaged'), ('range', '{"version": 1, "steps": 4000}', 'steps'),
                              ('type', '{"version": 1, "prompt": [1]}', 'prompt'), ('empty', ' ', 'damaged'),
                              ('deep', '[' * 100000, 'damaged'), ('huge', '{"version":1,"prompt":"%s"}' % ('x' * 2000000), 'damaged')]:
        parasite = Gimp.Parasite.new('sfumato/job', Gimp.PARASITE_PERSISTENT, text.encode())
        layer.attach_parasite(parasite)
        answer = call('again', image, [layer])
        check(name, answer.status == EXECUTION_ERROR and words in answer.error, answer)
        kept = layer.get_parasite('sfumato/job')
        equal(name + '/kept', data_of(kept).decode(), text)


def gone():
    image, layer = new_image(200, 150)
    under = layer.copy()
    image.insert_layer(under, None, 1)
    under.set_name('Under')
    reference = layer.copy()
    image.insert_layer(reference, None, 2)
    reference.set_name('Sloop')
    select(image, 50, 40, 60, 60)
    made = call('edit', image, [layer], prompt='x', reference_1=reference).layers[0]
    image.remove_layer(reference)
    answer = call('again', image, [made])
    check('reference', answer.status == EXECUTION_ERROR and 'Picture 2' in answer.error and 'Sloop' in answer.error, answer)
    made = call('edit', image, [layer], prompt='x').layers[0]
    image.remove_layer(layer)
    answer = call('again', image, [made])
    check('target', answer.status == EXECUTION_ERROR and 'Photo' in answer.error, answer)


def last_values():
    image, layer = new_image(200, 150)
    select(image, 50, 40, 60, 60)
    call('fill', image, [layer], prompt='Written at the start', seed=5, strength=0.5)
    answer = call('fill', image, [layer], run_mode=Gimp.RunMode.WITH_LAST_VALS)
    if check('fill', answer.status == SUCCESS, answer):
        job = job_of(answer.layers[0])
        equal('same', (job['prompt'], job['seed'], job['strength']), ('Written at the start', 5, 0.5))
    other = layer.copy()
    image.insert_layer(other, None, 1)
    other.set_name('Sloop')
    call('fill', image, [layer], prompt='with a picture', seed=6, reference_1=other)
    answer = call('fill', image, [layer], run_mode=Gimp.RunMode.WITH_LAST_VALS)
    if check('references', answer.status == SUCCESS, answer):
        equal('the same', [r.get('tattoo') for r in job_of(answer.layers[0])['references']], [other.get_tattoo()])
    image.remove_layer(other)
    answer = call('fill', image, [layer], run_mode=Gimp.RunMode.WITH_LAST_VALS)
    check('reference gone', answer.status == EXECUTION_ERROR and 'Picture 2 is gone' in answer.error, answer)
    answer = call('remove', image, [layer], run_mode=Gimp.RunMode.WITH_LAST_VALS)
    check('nothing stored opens the window', answer.status == EXECUTION_ERROR and 'display' in answer.error, answer)


def with_layer():
    image, layer = new_image(200, 150)
    check('', call('edit', image, [layer], prompt='x', reference_1=layer).status == SUCCESS)


def layer_of_yesterday():
    """Ctrl+F in another GIMP, where the numbers of then belong to other layers."""
    image, layer = new_image(200, 150)
    answer = call('edit', image, [layer], run_mode=Gimp.RunMode.WITH_LAST_VALS)
    check('', answer.status == EXECUTION_ERROR and 'Picture 2 is gone' in answer.error, answer)


def nothing_typed_stays():
    """Prompts end neither in the image nor in a file of GIMP's own."""
    image, layer = new_image(200, 150)
    select(image, 50, 40, 60, 60)
    call('fill', image, [layer], prompt='Zanzibar')
    call('fill', image, [layer], run_mode=Gimp.RunMode.WITH_LAST_VALS)
    for name in image.get_parasite_list():
        check(name, b'Zanzibar' not in data_of(image.get_parasite(name)))
    found = []
    for folder, _, names in os.walk(os.environ['GIMP3_DIRECTORY']):
        for name in names:
            if b'Zanzibar' in open(os.path.join(folder, name), 'rb').read():
                found.append(name)
    equal('files', found, [])


def again_copies():
    """Soft edges: the mask that came out goes in, and comes out as it was. Made from what lies below, not from itself."""
    image, layer = new_image(300, 220)
    for name, feather, options in [('hard', 0, {}), ('feathered', 12, {}), ('soft edge', 0, {'soft_edge': 15}),
                                   ('tight', 0, {'frame': 'tight'}), ('frame', 0, {'frame': '10 10 200 180'}),
                                   ('visible', 0, {'source': 'visible'})]:
        for command in 'fill', 'edit':
            select(image, 90, 60, 100, 80, feather=feather)
            answer = call(command, image, [layer], prompt='x', seed=3, **options)
            Gimp.Selection.none(image)
            again = call('again', image, answer.layers, seed=3)
            what = name + '/' + command
            if not check(what, answer.status == again.status == SUCCESS, answer, again):
                continue
            equal(what + '/pixels', pixels(again.layers[0]) == pixels(answer.layers[0]), True)
            equal(what + '/mask', pixels(again.layers[0].get_mask()) == pixels(answer.layers[0].get_mask()), True)
            for made in answer.layers + again.layers:
                image.remove_layer(made)

# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expand Canvas and Split into Layers: what was there stays, byte by byte, and what is new is where it belongs."""
import subprocess
from array import array

from inside import *

RUNS = [
    {'env': {'QI_STUB': 'fill:200,30,60'},
     'cases': ['sides', 'kinds', 'stack', 'beyond_the_canvas', 'in_passes', 'results', 'expand_refusals', 'split_refusals', 'remembers']},
    {'env': {'QI_STUB': 'copy'}, 'cases': ['copied', 'split', 'split_kinds', 'split_of_what', 'split_results', 'again', 'last_values']},
    {'env': {'QI_STUB': 'stack'}, 'cases': ['stacked']},
    {'env': {'QI_STUB': 'fail:denoise'}, 'cases': ['nothing_left']},
    {'cases': ['edit_tiny', 'expand_tiny', 'split_tiny', 'no_layered_model']},
]
COLOR = (200, 30, 60)
MODELS = os.path.join(os.environ.get('SFUMATO_TEST_DATA', ''), 'models')
P, B = Gimp.Precision, Gimp.ImageBaseType


def shown(image, format="R'G'B'A u8", box=None):
    """What one sees in box, in one format, whatever the image's own is."""
    layer = Gimp.Layer.new_from_visible(image, image, 'visible')
    data = pixels(layer, box, format)
    layer.delete()
    return data


def mean_difference(a, b):
    return sum(abs(x - y) for x, y in zip(a, b)) / max(1, len(a))


# -- expand --------------------------------------------------------------------------------------------

def expand_and_compare(name, image, drawables, margins, format="R'G'B'A u8", painted=True, **arguments):
    """The invariants of one call; its answer. margins: left, right, top, bottom."""
    left, right, top, bottom = margins
    width, height = image.get_width(), image.get_height()
    before = shown(image, format)
    chosen = [layer.get_id() for layer in image.get_selected_layers()]
    where = {l.get_id(): tuple(l.get_offsets())[1:] for l in image.get_layers() if not l.is_group()}
    own = {l.get_id(): pixels(l) for l in image.get_layers() if not l.is_group()}
    mask = selection(image)
    answer = call('expand', image, drawables, left=left, right=right, top=top, bottom=bottom, **arguments)
    if not check(name + '/success', answer.status == SUCCESS, answer):
        return answer
    equal(name + '/canvas', (image.get_width(), image.get_height()), (width + left + right, height + top + bottom))
    old = (left, top, width, height)
    check(name + '/old rectangle', shown(image, format, old) == before)
    equal(name + '/places', {i: tuple(Gimp.Item.get_by_id(i).get_offsets())[1:] for i in where},
          {i: (x + left, y + top) for i, (x, y) in where.items()})
    check(name + '/pixels of the layers', all(pixels(Gimp.Item.get_by_id(i)) == data for i, data in own.items()))
    equal(name + '/selected layers', sorted(l.get_id() for l in image.get_selected_layers()), sorted(chosen))
    new_mask = selection(image)
    rows = range(height)
    check(name + '/selection', all(new_mask[(y + top) * image.get_width() + left:][:width] == mask[y * width:(y + 1) * width] for y in rows))
    layer = answer.layers[0]
    equal(name + '/layer', (layer.get_width(), layer.get_height(), *tuple(layer.get_offsets())[1:]),
          (image.get_width(), image.get_height(), 0, 0))
    if painted:
        now = shown(image)
        w, h = image.get_width(), image.get_height()
        holes = sum(now[(y * w + x) * 4 + 3] != 255 for y in range(0, h, 3) for x in range(0, w, 3)
                    if not (left <= x < left + width and top <= y < top + height))
        equal(name + '/all is painted', holes, 0)
    return answer


def sides():
    """All eight directions and odd sizes."""
    for name, margins in [('left', (30, 0, 0, 0)), ('right', (0, 31, 0, 0)), ('top', (0, 0, 17, 0)), ('bottom', (0, 0, 0, 29)),
                          ('top left', (30, 0, 20, 0)), ('top right', (0, 33, 21, 0)), ('bottom left', (7, 0, 0, 9)),
                          ('bottom right', (0, 1, 0, 1)), ('all', (40, 41, 30, 31))]:
        image, layer = new_image(201, 147)
        answer = expand_and_compare(name, image, [layer], margins, prompt='more of it')
        if answer.status == SUCCESS:
            color = tuple(shown(image, "R'G'B' u8", (0 if margins[0] else image.get_width() - 1, 0 if margins[2] else image.get_height() - 1, 1, 1)))
            equal(name + '/color', color, COLOR)
        image.delete()


def kinds():
    for name, options, format in [
            ('rgb', {}, "R'G'B'A u8"), ('rgba', {'alpha': True}, "R'G'B'A u8"), ('gray', {'base': B.GRAY}, "R'G'B'A u8"),
            ('u16', {'precision': P.U16_NON_LINEAR}, "R'G'B'A u16"), ('u16 alpha', {'precision': P.U16_LINEAR, 'alpha': True}, 'RGBA u16'),
            ('half', {'precision': P.HALF_PERCEPTUAL}, "R'G'B'A half"), ('float', {'precision': P.FLOAT_LINEAR}, 'RGBA float'),
            ('float alpha', {'precision': P.FLOAT_NON_LINEAR, 'alpha': True}, "R'G'B'A float"),
            ('adobe', {'profile': Gimp.ColorProfile.new_rgb_adobe()}, None), ('indexed', {'base': B.INDEXED}, "R'G'B'A u8")]:
        image, layer = new_image(120, 90, **options)
        if 'float' in name: # values that no whole numbers have
            values = array('f', pixels(layer, format='RGBA float'))
            write(layer, array('f', (v * 0.987654 + 0.0012345 if i % 4 < 3 else v for i, v in enumerate(values))).tobytes(), 'RGBA float')
        answer = expand_and_compare(name, image, [layer], (16, 9, 0, 24), format, painted=name != 'indexed')
        if answer.status == SUCCESS:
            made = answer.layers[0]
            equal(name + '/mode', (made.is_rgb(), made.is_gray(), made.is_indexed()), (layer.is_rgb(), layer.is_gray(), layer.is_indexed()))
            equal(name + '/precision', image.get_precision(), options.get('precision', P.U8_NON_LINEAR))
        image.delete()


def stack():
    """Layers above and below, with offsets, masks and groups; guides; a selection; the target in the middle."""
    image, bottom = new_image(200, 150)
    middle = Gimp.Layer.new(image, 'Middle', 90, 70, Gimp.ImageType.RGBA_IMAGE, 60, Gimp.LayerMode.MULTIPLY)
    image.insert_layer(middle, None, 0)
    middle.set_offsets(50, 40)
    write(middle, photo(90, 70, seed=4), "R'G'B' u8")
    outside = Gimp.Layer.new(image, 'Outside', 60, 60, Gimp.ImageType.RGBA_IMAGE, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(outside, None, 0)
    outside.set_offsets(-30, -20)
    outside.fill(Gimp.FillType.WHITE)
    group = Gimp.GroupLayer.new(image, 'Group')
    image.insert_layer(group, None, 0)
    inner = middle.copy()
    image.insert_layer(inner, group, 0)
    inner.set_offsets(100, 20)
    mask = inner.create_mask(Gimp.AddMaskType.WHITE)
    inner.add_mask(mask)
    image.add_vguide(120)
    image.set_selected_layers([middle])
    select(image, 20, 30, 60, 50, feather=6)
    answer = expand_and_compare('', image, [middle], (64, 0, 32, 16), prompt='sky')
    if answer.status != SUCCESS:
        return
    made = answer.layers[0]
    equal('order', [l.get_id() for l in image.get_layers()],
          [l.get_id() for l in (group, outside, made, middle, bottom)])
    guide = image.find_next_guide(0)
    equal('guide', image.get_guide_position(guide), 184)
    equal('inner place', tuple(inner.get_offsets())[1:], (164, 52))
    equal('name', made.get_name(), 'sky')
    own = pixels(made.get_mask(), format='Y u8')
    w = image.get_width()
    check('mask', all(own[y * w + x] == (0 if 64 <= x < 264 and 32 <= y < 182 else 255) for y in range(image.get_height()) for x in range(w)))


def beyond_the_canvas():
    """Of a layer larger than the canvas, nothing is lost; of one smaller than it, its border stays as it was."""
    image, layer = new_image(200, 150)
    layer.resize(260, 190, 30, 20)
    expand_and_compare('larger', image, [layer], (20, 20, 10, 10), painted=False)
    image, layer = new_image(200, 150, alpha=True)
    layer.scale(120, 90, False)
    layer.set_offsets(40, 30)
    expand_and_compare('smaller', image, [layer], (20, 0, 0, 10), painted=False)
    image, layer = new_image(100, 80)
    group = Gimp.GroupLayer.new(image, 'Group')
    image.insert_layer(group, None, 0)
    image.reorder_item(layer, group, 0)
    answer = expand_and_compare('in a group', image, [layer], (16, 0, 0, 0), painted=False)
    if answer.status == SUCCESS:
        equal('in a group/parent', answer.layers[0].get_parent().get_id(), group.get_id())
    image, layer = new_image(100, 80)
    answer = expand_and_compare('no drawable', image, [], (16, 0, 0, 0))
    equal('no drawable/on top', image.get_item_position(answer.layers[0]), 0)


def in_passes():
    """More than a model takes at once."""
    image, layer = new_image(1500, 900)
    answer = expand_and_compare('', image, [layer], (900, 0, 0, 0), quality='fast')
    check('color', answer.status == SUCCESS and tuple(shown(image, "R'G'B' u8", (3, 890, 1, 1))) == COLOR)


def results():
    image, layer = new_image(120, 90)
    answer = expand_and_compare('', image, [layer], (16, 8, 4, 0), results=3, seed=70, prompt='First\nsecond')
    if answer.status != SUCCESS:
        return
    equal('n', len(answer.layers), 3)
    equal('seed', answer.seed, 70)
    equal('shown', [l.get_visible() for l in answer.layers], [True, False, False])
    equal('places', [tuple(l.get_offsets())[1:] for l in answer.layers], [(0, 0)] * 3)
    equal('seeds', [job_of(l)['seed'] for l in answer.layers], [70, 71, 72])
    equal('name', answer.layers[0].get_name(), 'First')
    check('above', all(image.get_item_position(l) < image.get_item_position(layer) for l in answer.layers))


def expand_refusals():
    image, layer = new_image(120, 90)

    def refused(name, status, words, *args, **arguments):
        before, n, size = composite(image), len(image.get_layers()), (image.get_width(), image.get_height())
        answer = call(*args, **arguments)
        check(name, answer.status == status and all(w in (answer.error or '') for w in words), answer)
        check(name + '/unchanged', composite(image) == before and len(image.get_layers()) == n
              and (image.get_width(), image.get_height()) == size)

    refused('nothing', EXECUTION_ERROR, ['The canvas would not grow.'], 'expand', image, [layer])
    refused('far', EXECUTION_ERROR, ['262244', 'a side may have'], 'expand', image, [layer], left=262124)
    refused('no image', EXECUTION_ERROR, ['No image is open'], 'expand', None, [], left=10)
    refused('sampler', CALLING_ERROR, ['nonsense'], 'expand', image, [layer], left=10, sampler='nonsense')
    refused('display', EXECUTION_ERROR, ['no display'], 'expand', image, [layer], run_mode=Gimp.RunMode.INTERACTIVE)


def remembers():
    image, layer = new_image(120, 90)
    answer = call('expand', image, [layer], left=16, top=8, prompt='a — 狐', seed=41)
    job = job_of(answer.layers[0])
    for key, value in {'version': 1, 'task': 'expand', 'left': 16, 'right': 0, 'top': 8, 'bottom': 0, 'prompt': 'a — 狐', 'seed': 41,
                       'canvas': [136, 98], 'offsets': [0, 0]}.items():
        equal('expand/' + key, job.get(key), value)
    equal('expand/target', job['target'].get('tattoo'), layer.get_tattoo())
    answer = call('split', image, [layer], layers=3, prompt='cat', seed=42)
    for name, one in [('group', answer.layers[0]), ('layer', answer.layers[0].get_children()[0])]:
        job = job_of(one)
        equal(name, [job[k] for k in ('version', 'task', 'layers', 'prompt', 'seed')], [1, 'split', 3, 'cat', 42])
        equal(name + '/target', job['target'].get('tattoo'), layer.get_tattoo())


def copied():
    """What lies beyond is not seen by the model: with an engine that gives back what it got, only the old is checked."""
    for name, options in [('rgb', {}), ('rgba', {'alpha': True}), ('u16', {'precision': P.U16_NON_LINEAR})]:
        image, layer = new_image(240, 160, **options)
        expand_and_compare(name, image, [layer], (48, 0, 0, 32), "R'G'B'A u16" if name == 'u16' else "R'G'B'A u8", painted=False)
        image.delete()


def nothing_left():
    image, layer = new_image(120, 90)
    for command, arguments in [('expand', {'left': 16}), ('split', {})]:
        before = composite(image)
        answer = call(command, image, [layer], **arguments)
        check(command, answer.status == EXECUTION_ERROR and answer.error.startswith('Not enough graphics memory.'), answer)
        check(command + '/unchanged', composite(image) == before and len(image.get_layers()) == 1)


# -- split ---------------------------------------------------------------------------------------------

def smooth(width, height):
    """RGB without anything that is lost where a picture is enlarged and made small again."""
    return b''.join(bytes((40 + 150 * x // width, 220 - 180 * y // height, 60 + 80 * (x + y) // (width + height)))
                    for y in range(height) for x in range(width))


def split_and_compare(name, image, drawables, n, composite=True, **arguments):
    """The invariants of one call; the group."""
    before, count = shown(image), len(image.get_layers())
    own = {l.get_id(): (pixels(l), l.get_visible()) for l in image.get_layers() if not l.is_group()}
    chosen = [l.get_id() for l in image.get_selected_layers()]
    mask = selection(image)
    answer = call('split', image, drawables, layers=n, **arguments)
    if not check(name + '/success', answer.status == SUCCESS, answer):
        return None
    group = answer.layers[0]
    check(name + '/a group', group.is_group() and len(answer.layers) == arguments.get('results', 1))
    parts = list(reversed(group.get_children()))
    equal(name + '/n', len(parts), n)
    check(name + '/names', len({p.get_name() for p in parts} | {group.get_name()}) == n + 1, [p.get_name() for p in parts])
    check(name + '/alpha channels', all(p.has_alpha() for p in parts))
    check(name + '/originals stay', all(pixels(Gimp.Item.get_by_id(i)) == data and Gimp.Item.get_by_id(i).get_visible() == v
                                        for i, (data, v) in own.items()))
    equal(name + '/selected layers', sorted(l.get_id() for l in image.get_selected_layers()), sorted(chosen))
    check(name + '/selection', selection(image) == mask)
    mean = mean_difference(on_white(shown(image)), on_white(before))
    check(name + '/composite', not composite or mean <= 2, 'differs by', mean)
    return group


def split():
    """The engine gives the picture N times: its alpha is the model's, its colors are the original's."""
    image, layer = new_image(240, 160, alpha=True)
    original = pixels(layer, format="R'G'B'A u8")
    # Four times the same half transparent picture is no longer half transparent.
    group = split_and_compare('', image, [layer], 4, composite=False, prompt='a cat', seed=7)
    if not group:
        return
    equal('name', group.get_name(), 'a cat')
    equal('order', [l.get_id() for l in image.get_layers()], [group.get_id(), layer.get_id()])
    for part in group.get_children():
        equal(part.get_name() + '/place', (part.get_width(), part.get_height(), *tuple(part.get_offsets())[1:]), (240, 160, 0, 0))
        data = pixels(part, format="R'G'B'A u8")
        worst = max(abs(a - b) for a, b in zip(data[3::4], original[3::4]))
        check(part.get_name() + '/alpha', worst <= 2, worst) # the frame is enlarged for the model, and made small again
    top = pixels(group.get_children()[0], format="R'G'B'A u8")
    differ = sum(top[i:i + 3] != original[i:i + 3] for i in range(0, len(top), 4) if 0 < top[i + 3] < 255 and original[i + 3])
    equal('colors of the topmost', differ, 0)


def seed_color(seed):
    """As the engine that stands in draws it."""
    m = (1 << 64) - 1
    x = (seed * 0x9e3779b97f4a7c15 + 0x632be59bd9b4e019) & m
    x = ((x ^ (x >> 31)) * 0xbf58476d1ce4e5b9) & m
    x ^= x >> 29
    return bytes(x >> (8 * k + 8) & 255 for k in range(3))


def stacked():
    """Of layers whose every pixel is known: alpha as it came; the original's colors where a layer is seen, its own where not."""
    width, height, n, seed = 1024, 768, 4, 50
    image, layer = new_image(width, height)
    original = pixels(layer, format="R'G'B'A u8")
    group = split_and_compare('', image, [layer], n, seed=seed)
    if not group:
        return
    for k, part in enumerate(reversed(group.get_children())):
        name, data = 'layer %d' % (k + 1), pixels(part, format="R'G'B'A u8")
        wrong = {'alpha': 0, 'seen': 0, 'hidden': 0}
        for y in (0, 1, height // 2 - 1, height // 2, height - 1):
            for x in range(width):
                i = (y * width + x) * 4
                block, lower = x * n // width, y >= height // 2
                wrong['alpha'] += data[i + 3] != (255 if k == 0 else 0 if block != k else 128 if lower else 255)
                if k == 0 and block and not lower:
                    wrong['hidden'] += data[i:i + 3] != seed_color(seed)
                elif k == 0 or block == k:
                    wrong['seen'] += data[i:i + 3] != original[i:i + 3]
        equal(name, wrong, {'alpha': 0, 'seen': 0, 'hidden': 0})
        check(name + '/not all of it', data != original)
    check('composite', shown(image) == original)
    layer.set_visible(False) # the group alone is the picture too, but where its lowest layer is half hidden
    mean = mean_difference(shown(image), original)
    check('the group alone', mean <= 2, mean)


def split_kinds():
    for name, options in [('rgb', {}), ('gray', {'base': B.GRAY}), ('u16', {'precision': P.U16_NON_LINEAR, 'alpha': True}),
                          ('float', {'precision': P.FLOAT_LINEAR, 'alpha': True}), ('adobe', {'profile': Gimp.ColorProfile.new_rgb_adobe()})]:
        image, layer = new_image(120, 90, data=smooth(120, 90), **options)
        group = split_and_compare(name, image, [layer], 2, composite='alpha' not in options)
        if group:
            equal(name + '/mode', {(p.is_rgb(), p.is_gray()) for p in group.get_children()}, {(layer.is_rgb(), layer.is_gray())})
        image.delete()


def split_of_what():
    """Of a layer with offsets and a selection all of it; of a group and of nothing, what one sees of it."""
    image, bottom = new_image(200, 150, data=smooth(200, 150))
    small = Gimp.Layer.new(image, 'Small', 80, 60, Gimp.ImageType.RGBA_IMAGE, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(small, None, 0)
    small.set_offsets(50, 40)
    write(small, smooth(80, 60), "R'G'B' u8")
    select(image, 60, 50, 20, 20)
    group = split_and_compare('offsets', image, [small], 2)
    if group:
        equal('offsets/place', [tuple(p.get_offsets())[1:] for p in group.get_children()], [(50, 40)] * 2)
        equal('offsets/order', [l.get_id() for l in image.get_layers()], [group.get_id(), small.get_id(), bottom.get_id()])
        image.remove_layer(group)
    Gimp.Selection.none(image)
    group = split_and_compare('visible', image, [], 2)
    if group:
        equal('visible/size', [(p.get_width(), p.get_height()) for p in group.get_children()], [(200, 150)] * 2)
        equal('visible/name', group.get_name(), 'Layers')
        part = group.get_children()[0]
        again = split_and_compare('a part', image, [part], 3)
        if again:
            equal('a part/parent', again.get_parent().get_id(), group.get_id())


def split_results():
    image, layer = new_image(120, 90)
    answer = call('split', image, [layer], layers=2, results=2, seed=70)
    if not check('', answer.status == SUCCESS, answer):
        return
    equal('groups', [l.is_group() for l in answer.layers], [True, True])
    equal('shown', [l.get_visible() for l in answer.layers], [True, False])
    equal('seeds', [job_of(l)['seed'] for l in answer.layers], [70, 71])
    equal('default', len(call('split', image, [layer]).layers[0].get_children()), 4)


def split_refusals():
    image, layer = new_image(120, 90)
    answer = call('split', None, [])
    check('no image', answer.status == EXECUTION_ERROR and 'No image is open' in answer.error, answer)
    far = Gimp.Layer.new(image, 'Far', 20, 20, Gimp.ImageType.RGBA_IMAGE, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(far, None, 0)
    far.set_offsets(500, 500)
    answer = call('split', image, [far])
    check('off the canvas', answer.status == EXECUTION_ERROR and 'outside the canvas' in answer.error, answer)
    answer = call('split', image, [layer], run_mode=Gimp.RunMode.INTERACTIVE)
    check('display', answer.status == EXECUTION_ERROR and 'no display' in answer.error, answer)
    equal('unchanged', len(image.get_layers()), 2)


# -- again ---------------------------------------------------------------------------------------------

def again():
    image, layer = new_image(160, 120)
    first = call('expand', image, [layer], left=32, bottom=16, seed=5).layers[0]
    size = image.get_width(), image.get_height()
    answer = call('again', image, [first], seed=5)
    if check('expand', answer.status == SUCCESS, answer):
        equal('expand/size', (image.get_width(), image.get_height()), size)
        equal('expand/above', image.get_item_position(answer.layers[0]), image.get_item_position(first) - 1)
        check('expand/bytes', pixels(answer.layers[0]) == pixels(first))
        check('expand/mask', pixels(answer.layers[0].get_mask()) == pixels(first.get_mask()))
    group = call('split', image, [layer], layers=2, seed=6).layers[0]
    for name, target in [('group', group), ('layer of it', group.get_children()[1])]:
        answer = call('again', image, [target], seed=6)
        if check(name, answer.status == SUCCESS, answer):
            equal(name + '/above', image.get_item_position(answer.layers[0]), image.get_item_position(group) - 1)
            check(name + '/outside of it', answer.layers[0].get_parent() is None)
            check(name + '/bytes', [pixels(p) for p in answer.layers[0].get_children()] == [pixels(p) for p in group.get_children()])
    # What was edited before the canvas grew looks at the same pixels after.
    image, layer = new_image(160, 120)
    select(image, 60, 40, 40, 40)
    edited = call('edit', image, [layer], prompt='x', seed=8).layers[0]
    Gimp.Selection.none(image)
    call('expand', image, [layer], left=32, top=16, seed=5)
    answer = call('again', image, [edited], seed=8)
    if check('edit', answer.status == SUCCESS, answer):
        equal('edit/place', tuple(answer.layers[0].get_offsets())[1:], tuple(edited.get_offsets())[1:])
        check('edit/bytes', pixels(answer.layers[0]) == pixels(edited))


def last_values():
    image, layer = new_image(120, 90)
    call('expand', image, [layer], left=24, prompt='sky', seed=3)
    answer = call('expand', image, [layer], run_mode=Gimp.RunMode.WITH_LAST_VALS)
    if check('expand', answer.status == SUCCESS, answer):
        equal('expand/grown again', image.get_width(), 120 + 24 + 24)
        equal('expand/prompt', job_of(answer.layers[0])['prompt'], 'sky')
    call('split', image, [layer], layers=3, seed=3)
    answer = call('split', image, [layer], run_mode=Gimp.RunMode.WITH_LAST_VALS)
    check('split', answer.status == SUCCESS and len(answer.layers[0].get_children()) == 3, answer)


# -- with real models ----------------------------------------------------------------------------------

def edit_tiny():
    """An instruction for a selection, by models that look at pictures."""
    for kind in 'edit', 'edit-plus', 'edit-2511':
        image, layer = new_image(160, 120)
        select(image, 50, 40, 48, 40, feather=4)
        before, size = composite(image)
        mask = selection(image)
        answer = call('edit', image, [layer], prompt='make it blue', model=os.path.join(MODELS, kind), steps=1, seed=3, guidance=1)
        if check(kind, answer.status == SUCCESS, answer):
            same, changed, n = outside_equal(before, composite(image)[0], mask, size)
            check(kind + '/outside', same, n, 'pixels differ')
            check(kind + '/inside', changed)


def expand_tiny():
    for kind in 'base', 'edit-plus':
        image, layer = new_image(96, 72)
        answer = expand_and_compare(kind, image, [layer], (32, 0, 0, 16), model=os.path.join(MODELS, kind), steps=1, seed=3)
        check(kind + '/drawn', answer.status == SUCCESS and len(set(shown(image, "R'G'B' u8", (0, 0, 32, 72)))) > 20)


def layers_by_command_line(layer, n, **arguments):
    """What the model makes of it, as the command line gives it: RGBA, bottom to top."""
    home = os.environ['HOME']
    picture, folder = os.path.join(home, 'picture.png'), os.path.join(home, 'stack')
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, layer.get_image(), Gio.File.new_for_path(picture), None)
    words = [word for key, value in arguments.items() for word in ('--' + key.replace('_', '-'), str(value))]
    subprocess.run([os.environ['SFUMATO'], 'split', '--quiet', '--image', picture, '--layers', str(n), '--output-dir', folder, *words], check=True)
    made = [Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(os.path.join(folder, 'layer-%d.png' % (k + 1)))) for k in range(n)]
    return [pixels(image.get_layers()[0], format="R'G'B'A u8") for image in made]


def split_tiny():
    image, layer = new_image(96, 64)
    original = pixels(layer, format="R'G'B'A u8")
    asked = dict(model=os.path.join(MODELS, 'layered'), prompt='a cat', steps=2, seed=3, guidance=1)
    wanted = layers_by_command_line(layer, 3, **asked)
    group = split_and_compare('', image, [layer], 3, **asked)
    if not group:
        return
    made = [pixels(part, format="R'G'B'A u8") for part in reversed(group.get_children())]
    through = [1.0] * (96 * 64)
    for k in reversed(range(3)):
        worst = max(abs(a - b) for a, b in zip(made[k][3::4], wanted[k][3::4]))
        check('layer %d/alpha' % (k + 1), worst <= 1, worst)
        check('layer %d/not all of it' % (k + 1), made[k] != original)
        seen = [i for i, t in enumerate(through) if t >= 0.25 and made[k][4 * i + 3]]
        hidden = [i for i, t in enumerate(through) if t == 0 and made[k][4 * i + 3]]
        equal('layer %d/colors where it is seen' % (k + 1),
              sum(made[k][4 * i:4 * i + 3] != original[4 * i:4 * i + 3] for i in seen), 0)
        equal('layer %d/colors where it is hidden' % (k + 1),
              sum(made[k][4 * i:4 * i + 3] != wanted[k][4 * i:4 * i + 3] for i in hidden), 0)
        through = [t * (1 - made[k][4 * i + 3] / 255) for i, t in enumerate(through)]
    check('layers differ', len(set(made)) == 3)


def no_layered_model():
    """Said before any work, and nothing done."""
    image, layer = new_image(96, 64)
    began = time.monotonic()
    answer = call('split', image, [layer], model=os.path.join(MODELS, 'base'))
    check('split', answer.status == EXECUTION_ERROR and answer.error.startswith('The model for layers is missing.')
          and 'Qwen-Image-Layered' in answer.error, answer)
    for command, arguments in [('edit', {'prompt': 'x'}), ('expand', {'left': 16}), ('generate', {'prompt': 'x'})]:
        answer = call(command, image, [layer], model=os.path.join(MODELS, 'layered'), **arguments)
        check(command, answer.status == EXECUTION_ERROR and answer.error.startswith('This model cannot do that.'), answer)
    loras = os.path.join(os.environ['SFUMATO_TEST_LORAS'], 'base')
    for file in 'style-2511.safetensors', 'few-match.safetensors':
        answer = call('edit', image, [layer], prompt='x', model=os.path.join(MODELS, 'edit-plus'), loras=os.path.join(loras, file))
        check(file, answer.status == EXECUTION_ERROR and answer.error.startswith('This add-on does not fit.'), answer)
    answer = call('generate', image, [layer], prompt='Picture 1 at night', model=os.path.join(MODELS, 'base'), reference_1=layer)
    check('references', answer.status == EXECUTION_ERROR and answer.error.startswith('This model cannot do that.'), answer)
    print('# refused in %.1f s' % (time.monotonic() - began), file=sys.stderr)
    equal('unchanged', (len(image.get_layers()), image.get_width()), (1, 96))

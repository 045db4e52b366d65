# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fill and edit put back exactly what they should and nothing else: every kind of image, every kind of target."""
from inside import *

RUNS = [
    {'env': {'QI_STUB': 'fill:200,30,60'},
     'cases': ['large', 'kinds', 'targets', 'group', 'layer_mask', 'channel', 'none', 'several', 'offsets', 'locked_hidden', 'nothing_below',
               'selections', 'edges', 'refusals', 'results', 'new_pictures']},
    {'env': {'QI_STUB': 'fill:200,30,60'}, 'fonts': True, 'cases': ['text_layer']},
    {'env': {'QI_STUB': 'copy'}, 'cases': ['copied', 'chained']},
    {'env': {'QI_STUB': 'shift:16,0,1'}, 'cases': ['moved_too_far']},
    {'env': {'QI_STUB': 'fail:denoise'}, 'cases': ['out_of_memory']},
    {'env': {'QI_STUB': 'die:denoise'}, 'cases': ['engine_dies']},
]
COLOR = (200, 30, 60)


def fill_and_compare(name, image, drawables, wanted=COLOR, tolerance=1, command='fill', changes=True,
                     rounded=False, **arguments):
    """The invariants of one call; the new layer. changes: whether pixels inside must differ; None: either will do."""
    before, size = composite(image)
    mask = selection(image)
    selected = [layer.get_id() for layer in image.get_selected_layers()]
    targets = {d.get_id(): pixels(d) for d in drawables if d.is_valid() and not isinstance(d, Gimp.GroupLayer)}
    answer = call(command, image, drawables, prompt='a boat', **arguments)
    if not check(name + '/success', answer.status == SUCCESS, answer):
        return None
    after, _ = composite(image)
    same, changed, n = outside_equal(before, after, mask, size, u32=rounded)
    check(name + '/outside', same, n, 'pixels (or blocks) differ where nothing is selected')
    check(name + '/inside', changes is None or changed == changes or 255 not in mask,
          'something changed' if changed else 'nothing changed', 'where all is selected')
    check(name + '/selection', selection(image) == mask)
    equal(name + '/selected layers', sorted(layer.get_id() for layer in image.get_selected_layers()), sorted(selected))
    check(name + '/target', all(pixels(Gimp.Item.get_by_id(i)) == data for i, data in targets.items()))
    layer = answer.layers[0]
    ramp(name, image, layer, mask)
    if wanted:
        inside_color(name, image, layer, mask, wanted, tolerance)
    return layer


def ramp(name, image, layer, mask):
    """The layer's mask is the selection, within 1/255, or below it where an edge was made soft."""
    own = layer.get_mask()
    if not check(name + '/mask', own is not None):
        return
    _, x0, y0 = layer.get_offsets()
    w, h, width = layer.get_width(), layer.get_height(), image.get_width()
    values = pixels(own, format='Y u8')
    soft = any(0 < v < 255 for v in mask)
    worst, above = 0, 0
    for y in range(max(0, -y0), min(h, image.get_height() - y0)):
        row = mask[(y + y0) * width + max(0, x0):(y + y0) * width + min(width, x0 + w)]
        own_row = values[y * w + max(0, -x0):y * w + max(0, -x0) + len(row)]
        if row != own_row:
            worst = max(worst, max(abs(a - b) for a, b in zip(row, own_row)))
            above = max(above, max(b - a for a, b in zip(row, own_row)))
    check(name + '/ramp', worst <= 1 if soft else above <= 0, 'worst', worst, 'above', above)


def inside_color(name, image, layer, mask, wanted, tolerance):
    """What is wholly selected and wholly shown has the stub's color."""
    _, x0, y0 = layer.get_offsets()
    w, h = layer.get_width(), layer.get_height()
    own, colors = pixels(layer.get_mask(), format='Y u8'), pixels(layer, format="R'G'B'A u8")
    if 255 not in own:
        return
    i = own.index(255, len(own) // 2) if 255 in own[len(own) // 2:] else own.index(255)
    color = tuple(colors[i * 4:i * 4 + 3])
    check(name + '/color', all(abs(a - b) <= tolerance for a, b in zip(color, wanted)), color, wanted)
    equal(name + '/opaque', colors[i * 4 + 3], 255)


def large():
    image, layer = new_image(6000, 4000)
    select(image, 2100, 1700, 300, 300, feather=40)
    made = fill_and_compare('6000x4000', image, [layer])
    check('small', made.get_width() < 2000 and made.get_height() < 2000, made.get_width(), made.get_height())


def kinds():
    P, B = Gimp.Precision, Gimp.ImageBaseType
    gray = round(255 * (0.2126 * (200 / 255) ** 2.2 + 0.7152 * (30 / 255) ** 2.2 + 0.0722 * (60 / 255) ** 2.2) ** (1 / 2.2))
    wide = Gimp.ColorProfile.new_rgb_adobe()
    for name, wanted, tolerance, options in [
            ('rgb-u8', COLOR, 0, {}),
            ('rgba-u8', COLOR, 0, {'alpha': True}),
            ('rgb-u8-linear', COLOR, 7, {'precision': P.U8_LINEAR}),
            ('rgb-u16', COLOR, 0, {'precision': P.U16_NON_LINEAR}),
            ('rgba-u16-linear', COLOR, 1, {'precision': P.U16_LINEAR, 'alpha': True}),
            ('rgb-float-linear', COLOR, 0, {'precision': P.FLOAT_LINEAR}),
            ('rgba-float', COLOR, 0, {'precision': P.FLOAT_NON_LINEAR, 'alpha': True}),
            ('rgba-half-perceptual', COLOR, 1, {'precision': P.HALF_PERCEPTUAL, 'alpha': True}),
            ('rgb-u32', COLOR, 0, {'precision': P.U32_NON_LINEAR}),
            ('gray-u8', (gray,) * 3, 3, {'base': B.GRAY}),
            ('graya-u16', (gray,) * 3, 3, {'base': B.GRAY, 'precision': P.U16_NON_LINEAR, 'alpha': True}),
            ('rgb-adobe-u8', COLOR, 2, {'profile': wide}),
            ('rgb-adobe-float', COLOR, 1, {'profile': wide, 'precision': P.FLOAT_LINEAR}),
            ('indexed', None, 0, {'base': B.INDEXED})]:
        image, layer = new_image(240, 160, **options)
        select(image, 60, 40, 90, 70, feather=9)
        # GIMP blends in floats, which whole numbers of 32 bits do not survive below any second layer.
        made = fill_and_compare(name, image, [layer], wanted, tolerance, rounded=name == 'rgb-u32')
        if made:
            equal(name + '/type', made.get_image_type_name() if hasattr(made, 'get_image_type_name') else
                  (made.is_rgb(), made.is_gray(), made.is_indexed()), (layer.is_rgb(), layer.is_gray(), layer.is_indexed()))
        image.delete()


def targets():
    """Above the target, wherever that is in the stack."""
    image, bottom = new_image(200, 150)
    top = bottom.copy()
    image.insert_layer(top, None, 0)
    image.set_selected_layers([bottom])
    select(image, 50, 40, 60, 60)
    answer = call('fill', image, [bottom], prompt='a boat')
    equal('order', [layer.get_id() for layer in image.get_layers()], [top.get_id(), answer.layers[0].get_id(), bottom.get_id()])
    check('visible', answer.layers[0].get_visible())
    check('mask not in hand', not answer.layers[0].get_edit_mask())


def group():
    image, layer = new_image(200, 150)
    outer = Gimp.GroupLayer.new(image, 'group')
    image.insert_layer(outer, None, 0)
    inner = layer.copy()
    image.insert_layer(inner, outer, 0)
    write(inner, bytes([9, 8, 7]) * (200 * 150), "R'G'B' u8")
    image.set_selected_layers([outer])
    select(image, 50, 40, 60, 60)
    made = fill_and_compare('group', image, [outer])
    equal('above the group', image.get_item_position(made), image.get_item_position(outer) - 1)
    check('not in it', made.get_parent() is None)
    image.set_selected_layers([inner])
    made = fill_and_compare('in a group', image, [inner])
    equal('parent', made.get_parent().get_id(), outer.get_id())


def layer_mask():
    image, layer = new_image(200, 150)
    mask = layer.create_mask(Gimp.AddMaskType.WHITE)
    layer.add_mask(mask)
    layer.set_edit_mask(True)
    select(image, 50, 40, 60, 60)
    made = fill_and_compare('mask', image, [mask])
    equal('above its layer', image.get_item_position(made), image.get_item_position(layer) - 1)
    check('mask stays in hand', layer.get_edit_mask())


def channel():
    image, layer = new_image(200, 150)
    top = layer.copy()
    image.insert_layer(top, None, 0)
    select(image, 50, 40, 60, 60)
    saved = Gimp.Selection.save(image)
    image.set_selected_channels([saved])
    made = fill_and_compare('channel', image, [saved])
    equal('on top', image.get_item_position(made), 0)
    equal('selected channels', [c.get_id() for c in image.get_selected_channels()], [saved.get_id()])


def none():
    image, layer = new_image(200, 150)
    select(image, 50, 40, 60, 60)
    made = fill_and_compare('none', image, [])
    equal('on top', image.get_item_position(made), 0)


def several():
    image, layer = new_image(200, 150)
    top = layer.copy()
    image.insert_layer(top, None, 0)
    image.set_selected_layers([layer, top])
    select(image, 50, 40, 60, 60)
    made = fill_and_compare('several', image, [layer, top])
    equal('above the topmost', [l.get_id() for l in image.get_layers()], [made.get_id(), top.get_id(), layer.get_id()])


def offsets():
    for name, x, y in [('in', 30, 20), ('negative', -60, -50), ('beyond', 120, 90)]:
        image, layer = new_image(200, 150)
        layer.set_offsets(x, y)
        under = Gimp.Layer.new(image, 'under', 200, 150, Gimp.ImageType.RGBA_IMAGE, 100, Gimp.LayerMode.NORMAL)
        image.insert_layer(under, None, 1)
        under.fill(Gimp.FillType.WHITE)
        image.set_selected_layers([layer])
        select(image, 60, 50, 90, 70, feather=6)
        fill_and_compare(name, image, [layer])


def locked_hidden():
    for name, act in [('content', lambda l: l.set_lock_content(True)), ('position', lambda l: l.set_lock_position(True)),
                      ('alpha', lambda l: l.set_lock_alpha(True)), ('hidden', lambda l: l.set_visible(False))]:
        image, layer = new_image(200, 150)
        act(layer)
        select(image, 50, 40, 60, 60)
        fill_and_compare(name, image, [layer])


def nothing_below():
    """A layer that is the lowest to be seen: where it is masked there is as much nothing as before."""
    image, layer = new_image(200, 150, alpha=True)
    layer.set_visible(False)
    small = Gimp.Layer.new(image, 'small', 50, 40, Gimp.ImageType.RGBA_IMAGE, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(small, None, 1)
    small.set_offsets(30, 30)
    small.fill(Gimp.FillType.WHITE)
    select(image, 50, 40, 60, 60, feather=5)
    fill_and_compare('beside a small one', image, [layer])
    fill_and_compare('of a small one', image, [small], source='visible', changes=False)


def selections():
    """One pixel, two islands, all of it, a faint one."""
    for name, boxes in [('one pixel', [(77, 66, 1, 1)]), ('two islands', [(20, 20, 30, 30), (150, 100, 25, 25)]),
                        ('all', [(0, 0, 200, 150)]), ('line', [(0, 70, 200, 1)])]:
        image, layer = new_image(200, 150)
        for i, box in enumerate(boxes):
            image.select_rectangle(Gimp.ChannelOps.ADD if i else Gimp.ChannelOps.REPLACE, *box)
        fill_and_compare(name, image, [layer])
    image, layer = new_image(200, 150)
    select(image, 50, 40, 60, 60)
    write(image.get_selection(), bytes([3]) * 3600, 'Y u8', (50, 40, 60, 60))
    fill_and_compare('faint', image, [layer])


def edges():
    for name, box in [('left', (-20, 40, 60, 60)), ('right', (170, 40, 60, 60)), ('top', (60, -30, 60, 60)),
                      ('bottom', (60, 120, 60, 60)), ('corner', (-10, -10, 50, 50))]:
        image, layer = new_image(200, 150)
        select(image, *box, feather=5)
        fill_and_compare(name, image, [layer])


def refusals():
    image, layer = new_image(200, 150)

    def refused(name, status, words, *args, **arguments):
        before, n = composite(image), len(image.get_layers())
        answer = call(*args, **arguments)
        check(name, answer.status == status and all(w in (answer.error or '') for w in words), answer)
        check(name + '/unchanged', composite(image) == before and len(image.get_layers()) == n)

    refused('no selection', EXECUTION_ERROR, ['Nothing is selected. Fill needs a selection.'], 'fill', image, [layer], prompt='x')
    Gimp.Selection.none(image)
    refused('empty selection', EXECUTION_ERROR, ['Nothing is selected.'], 'remove', image, [layer])
    small = Gimp.Layer.new(image, 'Far', 20, 20, Gimp.ImageType.RGBA_IMAGE, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(small, None, 0)
    select(image, 100, 100, 40, 40)
    refused('misses', EXECUTION_ERROR, ['The selection misses the layer.', '“Far”'], 'fill', image, [small], prompt='x')
    refused('edit misses', EXECUTION_ERROR, ['The selection misses the layer.'], 'edit', image, [small], prompt='x')
    refused('no image', EXECUTION_ERROR, ['No image is open'], 'edit', None, [], prompt='x')
    refused('sampler', CALLING_ERROR, ['sampler', 'nonsense'], 'fill', image, [layer], prompt='x', sampler='nonsense')
    refused('lettering', CALLING_ERROR, ['nowhere'], 'fill', image, [layer], prompt='x', lettering='nowhere: SALE')
    refused('prompt', CALLING_ERROR, ['20480'], 'fill', image, [layer], prompt='x' * 20481)
    refused('frame', EXECUTION_ERROR, ['round'], 'fill', image, [layer], prompt='x', frame='round')
    refused('models', EXECUTION_ERROR, ['window'], 'models', image, [layer])
    refused('not ours', EXECUTION_ERROR, ['This layer cannot be edited again.'], 'again', image, [layer])
    refused('display', EXECUTION_ERROR, ['no display'], 'fill', image, [layer], run_mode=Gimp.RunMode.INTERACTIVE)


def results():
    image, layer = new_image(200, 150)
    select(image, 50, 40, 60, 60)
    answer = call('fill', image, [layer], prompt='First line of a prompt\nand a second', results=3, seed=70)
    equal('status', answer.status, SUCCESS)
    equal('n', len(answer.layers), 3)
    equal('seed', answer.seed, 70)
    equal('shown', [l.get_visible() for l in answer.layers], [True, False, False])
    check('above', all(image.get_item_position(l) < image.get_item_position(layer) for l in answer.layers))
    check('name', all(l.get_name().startswith('First line of a prompt') and '\n' not in l.get_name() for l in answer.layers),
          [l.get_name() for l in answer.layers])
    equal('seeds', [job_of(l)['seed'] for l in answer.layers], [70, 71, 72])
    answer = call('fill', image, [layer], prompt='狐' * 100, seed=1)
    equal('long name', answer.layers[0].get_name(), '狐' * 60)
    answer = call('remove', image, [layer])
    equal('remove', answer.status, SUCCESS)
    check('drawn seed', answer.seed >= 0, answer.seed)
    equal('remembered', job_of(answer.layers[0])['seed'], answer.seed)
    equal('no prompt', job_of(answer.layers[0])['prompt'], '')


def new_pictures():
    answer = call('generate', prompt='a boat', width=256, height=128, seed=5)
    if check('no image', answer.status == SUCCESS and answer.image is not None, answer):
        equal('size', (answer.image.get_width(), answer.image.get_height()), (256, 128))
        equal('its layer', [l.get_id() for l in answer.image.get_layers()], [l.get_id() for l in answer.layers])
        equal('color', tuple(pixels(answer.layers[0], (7, 7, 1, 1), "R'G'B' u8")), COLOR)
    image, layer = new_image(200, 150)
    n = len(Gimp.get_images())
    answer = call('generate', image, [layer], prompt='a boat')
    if check('a layer', answer.status == SUCCESS, answer):
        equal('in the image', answer.image.get_id(), image.get_id())
        equal('no further image', len(Gimp.get_images()), n)
        equal('above', [l.get_id() for l in image.get_layers()], [answer.layers[0].get_id(), layer.get_id()])
        check('no mask', answer.layers[0].get_mask() is None)
    answer = call('generate', image, [layer], prompt='a boat', destination='image', width=64, height=64, results=2)
    if check('another image', answer.status == SUCCESS, answer):
        check('is another', answer.image.get_id() != image.get_id())
        equal('layers', len(answer.image.get_layers()), 2)
        equal('shown', [l.get_visible() for l in answer.layers], [True, False])
    image, layer = new_image(200, 150)
    select(image, 50, 40, 60, 60, feather=5)
    fill_and_compare('masked', image, [layer], command='generate')


def text_layer():
    image, layer = new_image(300, 150)
    fonts = Gimp.fonts_get_list('') # waits for them: a GIMP just started may still be reading, and ends badly where it is told to meanwhile
    text = Gimp.TextLayer.new(image, 'SALE', Gimp.context_get_font() or fonts[0], 40, Gimp.Unit.pixel())
    image.insert_layer(text, None, 0)
    text.set_offsets(40, 40)
    image.set_selected_layers([text])
    select(image, 50, 45, 50, 30)
    made = fill_and_compare('text', image, [text])
    check('still text', isinstance(Gimp.Item.get_by_id(text.get_id()), Gimp.TextLayer))
    check('result is none', not isinstance(made, Gimp.TextLayer))


def copied():
    """The engine gives back what it was given: nothing may differ by more than 1."""
    P, B = Gimp.Precision, Gimp.ImageBaseType
    for name, options in [('rgb', {}), ('rgba', {'alpha': True}), ('gray', {'base': B.GRAY}),
                          ('u16', {'precision': P.U16_NON_LINEAR}), ('adobe', {'profile': Gimp.ColorProfile.new_rgb_adobe()})]:
        image, layer = new_image(240, 160, **options)
        select(image, 60, 40, 90, 70, feather=9)
        before = composite_u8(image)
        for command in 'edit', 'fill':
            made = fill_and_compare(name + '/' + command, image, [layer], wanted=None, command=command,
                                    changes=None if name == 'rgba' else False) # its colors are resampled with their alpha
            after = composite_u8(image)
            worst = max(abs(a - b) for a, b in zip(on_white(before), on_white(after)))
            check(name + '/' + command + '/worst', worst <= 1, worst)
            equal(name + '/' + command + '/alpha', after[3::4], before[3::4])
            image.remove_layer(made)
        image.delete()


def chained():
    """Ten edits on top of each other: what is outside of all of them never moves."""
    image, layer = new_image(240, 160)
    select(image, 60, 40, 90, 70)
    before, size = composite(image)
    mask = selection(image)
    target = layer
    for _ in range(10):
        answer = call('edit', image, [target], prompt='the same', source='visible')
        if answer.status != SUCCESS:
            check('edit', False, answer)
            return
        target = answer.layers[0]
    after, _ = composite(image)
    check('outside', outside_equal(before, after, mask, size)[0])


def moved_too_far():
    image, layer = new_image(400, 300)
    select(image, 150, 100, 100, 100)
    answer = call('edit', image, [layer], prompt='x', frame='layer')
    check('said', answer.status == EXECUTION_ERROR and 'The picture moved too far.' in answer.error, answer)
    equal('nothing placed', len(image.get_layers()), 1)


def out_of_memory():
    image, layer = new_image(200, 150)
    select(image, 50, 40, 60, 60)
    answer = call('fill', image, [layer], prompt='x')
    check('said', answer.status == EXECUTION_ERROR and answer.error.startswith('Not enough graphics memory.'), answer)
    equal('nothing placed', len(image.get_layers()), 1)


def engine_dies():
    image, layer = new_image(200, 150)
    select(image, 50, 40, 60, 60)
    answer = call('fill', image, [layer], prompt='x')
    check('said', answer.status == EXECUTION_ERROR and answer.error.startswith('The engine stopped unexpectedly.'), answer)
    equal('nothing placed', len(image.get_layers()), 1)


# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cases share. Runs inside GIMP, in the process of its Python interpreter."""
import importlib, json, os, random, sys, time, traceback

import gi
gi.require_version('Gimp', '3.0')
gi.require_version('Gegl', '0.4')
from gi.repository import Gegl, Gimp, Gio, GLib, GObject

SUCCESS, CANCEL = Gimp.PDBStatusType.SUCCESS, Gimp.PDBStatusType.CANCEL
EXECUTION_ERROR, CALLING_ERROR = Gimp.PDBStatusType.EXECUTION_ERROR, Gimp.PDBStatusType.CALLING_ERROR
_out = None
_case = ''


def check(name, good, *why):
    _out.write(json.dumps({'name': _case + ('/' + name if name else ''), 'good': bool(good),
                           'why': ' '.join(str(w)[:2000] for w in why)}) + '\n')
    _out.flush()
    return good


def equal(name, value, wanted):
    return check(name, value == wanted, 'is', repr(value), 'wanted', repr(wanted))


def main(module, names, out):
    global _out, _case
    _out = open(out, 'a')
    cases = importlib.import_module(module)
    for name in names:
        _case = name
        began = time.monotonic()
        try:
            getattr(cases, name)()
        except Exception:
            check('exception', False, traceback.format_exc())
        for image in Gimp.get_images():
            image.delete()
        print('%s took %.1f s' % (name, time.monotonic() - began), file=sys.stderr, flush=True)
    _out.write('{"name": "end"}\n')
    _out.close()


class Answer:
    def __init__(self, values, error):
        self.status, self.error, self.layers, self.seed, self.image = values.index(0), error, [], None, None
        if self.status == SUCCESS and values.length() > 1:
            self.layers = list(values.get_core_object_array(1)) if hasattr(values, 'get_core_object_array') else None
            self.seed = values.index(2)
            self.image = values.index(3) if values.length() > 3 else None

    def __str__(self):
        return '%s: %s' % (self.status, self.error)


def call(name, image=None, drawables=None, run_mode=Gimp.RunMode.NONINTERACTIVE, **arguments):
    """Our procedure plug-in-sfumato-NAME; underscores in names of arguments stand for hyphens."""
    pdb = Gimp.get_pdb()
    procedure = pdb.lookup_procedure('plug-in-sfumato-' + name)
    config = procedure.create_config()
    config.set_property('run-mode', run_mode)
    if image:
        config.set_property('image', image)
    config.set_core_object_array('drawables', drawables or [])
    for key, value in arguments.items():
        config.set_property(key.replace('_', '-'), value)
    values = procedure.run(config)
    return Answer(values, pdb.get_last_error())


# -- images -------------------------------------------------------------------------------------------

def rect(x, y, width, height):
    return Gegl.Rectangle.new(x, y, width, height)


def pixels(drawable, box=None, format=None):
    """Bytes of a drawable, in its own format or another one."""
    buffer = drawable.get_buffer()
    box = box or (0, 0, drawable.get_width(), drawable.get_height())
    return bytes(buffer.get(rect(*box), 1.0, format, Gegl.AbyssPolicy.NONE))


def write(drawable, data, format, box=None):
    buffer = drawable.get_buffer()
    box = box or (0, 0, drawable.get_width(), drawable.get_height())
    buffer.set(rect(*box), format, data)
    buffer.flush()
    drawable.update(*box)


def composite(image):
    """(bytes of what is visible, bytes per pixel), in the image's own precision."""
    layer = Gimp.Layer.new_from_visible(image, image, 'visible')
    data = pixels(layer)
    layer.delete()
    return data, len(data) // (image.get_width() * image.get_height())


def composite_u8(image):
    layer = Gimp.Layer.new_from_visible(image, image, 'visible')
    data = pixels(layer, format="R'G'B'A u8")
    layer.delete()
    return data


def on_white(rgba):
    """What one sees of bytes that may be transparent."""
    if rgba[3::4].count(255) * 4 == len(rgba):
        return rgba
    out = bytearray(rgba)
    for i in range(0, len(rgba), 4):
        a = rgba[i + 3]
        out[i:i + 3] = bytes((v * a + 255 * (255 - a) + 127) // 255 for v in rgba[i:i + 3])
    return out


def selection(image):
    return pixels(image.get_selection(), format='Y u8')


def photo(width, height, seed=1):
    """RGB bytes, smooth in the large and lively in the small: a picture that registration can hold on to."""
    r = random.Random(seed)
    tile = 128
    noise = bytes(r.randrange(48) for _ in range(tile * tile))
    rows = []
    for y in range(height):
        ny, line = (y % tile) * tile, bytearray(width * 3)
        n = noise[ny:ny + tile]
        lively = (n * (width // tile + 1))[:width]
        line[0::3] = bytes((v + 40 + (y * 150 // height)) & 255 for v in lively)
        line[1::3] = bytes(v + 90 for v in lively)
        line[2::3] = bytes((v + x * 180 // width) & 255 for x, v in enumerate(lively))
        rows.append(bytes(line))
    return b''.join(rows)


def new_image(width, height, base=Gimp.ImageBaseType.RGB, precision=Gimp.Precision.U8_NON_LINEAR, alpha=False,
              profile=None, data=None):
    """One layer with a photo, or data (RGB bytes)."""
    indexed = base == Gimp.ImageBaseType.INDEXED
    image = Gimp.Image.new_with_precision(width, height, Gimp.ImageBaseType.RGB if indexed else base, precision)
    if profile:
        image.set_color_profile(profile)
    kind = {Gimp.ImageBaseType.GRAY: Gimp.ImageType.GRAY_IMAGE}.get(base, Gimp.ImageType.RGB_IMAGE)
    layer = Gimp.Layer.new(image, 'Photo', width, height, kind, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    write(layer, data or photo(width, height), "R'G'B' u8")
    if alpha:
        layer.add_alpha()
        values = bytearray(pixels(layer, format="R'G'B'A u8"))
        for i in range(3, len(values), 4):
            values[i] = max(0, min(255, (i // 4 % width) * 340 // width - 50)) # nothing at the left, all at the right
        write(layer, bytes(values), "R'G'B'A u8")
    if indexed:
        image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 32, False, True, '')
    image.set_selected_layers([layer])
    return image, layer


def select(image, x, y, width, height, feather=0):
    Gimp.context_set_feather(feather > 0)
    if feather:
        Gimp.context_set_feather_radius(feather, feather)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, x, y, width, height)
    Gimp.context_set_feather(False)


def outside_equal(before, after, mask, bytes_per_pixel, u32=False):
    """(all bytes where mask is 0 are equal, some are not where it is 255, number of pixels outside that differ)
    u32: equal but for what a 32-bit float rounds away."""
    n_differ, changed = 0, False
    n, b = len(mask), bytes_per_pixel
    step = 1 << 14
    for at in range(0, n, step):
        m, x, y = mask[at:at + step], before[at * b:(at + step) * b], after[at * b:(at + step) * b]
        if x == y:
            continue
        if not any(m) and not u32:
            n_differ += 1
            continue
        for i, v in enumerate(m):
            p, q = x[i * b:i * b + b], y[i * b:i * b + b]
            if p != q:
                if v == 0 and not (u32 and all(abs(int.from_bytes(p[k:k + 4], 'little') - int.from_bytes(q[k:k + 4], 'little'))
                                               <= 4096 for k in range(0, b, 4))):
                    n_differ += 1
                elif v == 255:
                    changed = True
    return n_differ == 0, changed, n_differ


def data_of(parasite):
    """Its bytes, which come as signed numbers."""
    return bytes(v & 255 for v in parasite.get_data() or ())


def job_of(layer):
    parasite = layer.get_parasite('sfumato/job')
    return json.loads(data_of(parasite).decode()) if parasite else None

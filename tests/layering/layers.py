# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may include whom. A folder may always include itself; a file named here means that header alone."""

LAYERS = {
    'base': [],
    'shaders': [],
    'compute': ['base', 'shaders'],
    'models': ['base', 'compute/compute.h', 'compute/op.h', 'compute/dtype.h', 'compute/ring.h'],
    'compose': ['base'],
    'wire': ['base'],
    'worker': ['base', 'wire', 'models/engine.h', 'models/engine-info.h', 'models/model-choice.h', 'models/model-set.h'],
    # The command line also shows what a model consists of, which is no picture and so no business of the engine.
    # Its benchmarks time ops and blocks by themselves.
    'cli': ['base', 'compose', 'models/engine.h', 'models/model-choice.h', 'models/model-set.h', 'models/report.h',
            'wire/client.h',
            'compute/compute.h', 'compute/op.h', 'models/diffusion/mmdit-block.h', 'models/text/encoder-layer.h'],
    'ui': ['base', 'compose', 'wire/client.h'],
    'plugin': ['base', 'compose', 'wire', 'ui'],
    'demo': [],  # the judge knows pictures, no engine
    # tests may include anything, internal headers too
}

# Headers of other people's libraries, and the only folders that may know them. GLib and libc are everybody's.
LIBRARIES = {
    'vulkan/': ['compute'],
    'volk.h': ['compute'],
    'vk_mem_alloc.h': ['compute'],
    'yyjson.h': ['models', 'cli', 'plugin', 'demo'],
    'gdk-pixbuf/': ['cli', 'ui', 'plugin', 'demo'],
    'ft2build.h': ['demo'],
    'gtk/': ['ui', 'plugin'],
    'gdk/': ['ui', 'plugin'],
    'libgimp/': ['plugin'],
    'gegl': ['plugin'],
    'babl/': ['plugin'],
}

# Headers the build makes, by the folder that makes them.
GENERATED = {'shader-id.h': 'shaders', 'worker-bus.h': 'wire'}

# What a program must not be linked with: (folder of the program, pattern of a library, reason).
UNLINKED = [
    ('worker', r'libg[td]k-|libgimp', 'the model must not crash for a window'),
    ('cli', r'libgtk-|libgimp', 'everything right of the socket builds without GIMP'),
    ('plugin', r'libvulkan', 'a driver must not crash the plug-in'),
]

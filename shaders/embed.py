#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Embed SPIR-V files as C tables: code, and what the dispatch check needs (bindings and their access, push size,
specialisation ids), read from the disassembly. Each file is checked by spirv-val first."""
import argparse
import hashlib
import os
import re
import struct
import subprocess
import sys


def reflect(path, dis):
    """(bindings {number: (reads, writes)}, push bytes, spec ids, matrix units) of one module."""
    text = subprocess.run([dis, '--raw-id', '--no-header', path], check=True, capture_output=True, text=True).stdout
    binding, flags, member_flags, offsets, spec, struct_of = {}, {}, {}, {}, [], {}
    pointers, variables, structs, sizes = {}, {}, {}, {}
    for line in text.splitlines():
        word = line.split()
        if not word:
            continue
        if word[0] == 'OpDecorate':
            if word[2] == 'Binding':
                binding[word[1]] = int(word[3])
            elif word[2] in ('NonWritable', 'NonReadable'):
                flags.setdefault(word[1], set()).add(word[2])
            elif word[2] == 'SpecId':
                spec.append(int(word[3]))
        elif word[0] == 'OpMemberDecorate':
            if word[3] in ('NonWritable', 'NonReadable'):
                member_flags.setdefault(word[1], []).append((word[2], word[3]))
            elif word[3] == 'Offset':
                offsets.setdefault(word[1], {})[int(word[2])] = int(word[4])
        elif len(word) > 2 and word[1] == '=':
            kind = word[2]
            if kind == 'OpTypePointer':
                pointers[word[0]] = (word[3], word[4])
            elif kind == 'OpTypeStruct':
                structs[word[0]] = word[3:]
            elif kind in ('OpTypeInt', 'OpTypeFloat'):
                sizes[word[0]] = int(word[3]) // 8
            elif kind == 'OpTypeVector':
                sizes[word[0]] = sizes.get(word[3], 0) * int(word[4])
            elif kind == 'OpVariable':
                variables[word[0]] = (word[3], word[4])

    def size(t):
        if t in structs:
            return max((offsets.get(t, {}).get(i, 0) + size(m) for i, m in enumerate(structs[t])), default=0)
        return sizes.get(t, 0)

    bindings, push = {}, 0
    for var, (pointer, storage) in variables.items():
        pointee = pointers[pointer][1]
        if storage == 'PushConstant':
            push = max(push, size(pointee))
        if storage not in ('StorageBuffer', 'Uniform') or var not in binding:
            continue
        own = set(flags.get(var, set()))
        n = len(structs.get(pointee, []))
        for flag in ('NonWritable', 'NonReadable'):
            if n and len({m for m, f in member_flags.get(pointee, []) if f == flag}) == n:
                own.add(flag)
        reads, writes = bindings.get(binding[var], (False, False))
        bindings[binding[var]] = (reads or 'NonReadable' not in own, writes or 'NonWritable' not in own)
    return bindings, push, sorted(set(spec)), 'OpCapability CooperativeMatrixKHR' in text


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ('dis', 'val', 'out-c', 'out-h'):
        parser.add_argument('--' + name, required=True)
    parser.add_argument('spv', nargs='+')
    args = parser.parse_args()
    head = '/* SPDX-FileCopyrightText: Sfumato authors\n * SPDX-License-Identifier: GPL-3.0-or-later */\n' \
           '/* Made by shaders/embed.py. */\n'
    ids, code, rows, digest = [], [], [], hashlib.sha256()
    for path in args.spv:
        name = os.path.basename(path)[:-len('.spv')]
        subprocess.run([args.val, '--target-env', 'vulkan1.3', path], check=True)
        bindings, push, spec, matrix = reflect(path, args.dis)
        if push > 128:
            sys.exit('%s: %d bytes of push constants; 128 are allowed' % (name, push))
        if spec != list(range(len(spec))):
            sys.exit('%s: specialisation ids %s are not 0, 1, …' % (name, spec))
        both = [i for i, access in bindings.items() if access == (True, True)]
        if both:
            sys.exit('%s: binding %d is neither readonly nor writeonly' % (name, both[0]))
        data = open(path, 'rb').read()
        digest.update(data)
        words = struct.unpack('<%dI' % (len(data) // 4), data)
        ids.append('  QI_SHADER_%s,' % re.sub(r'\W', '_', name).upper())
        code.append('static const guint32 code_%s[] = {\n%s\n};\n' % (
            name, '\n'.join(','.join('0x%x' % w for w in words[i:i + 12]) + ',' for i in range(0, len(words), 12))))
        # A binding that a variant does not use is missing here, and gets whatever the caller passes.
        writes = sum(1 << i for i, access in bindings.items() if access[1])
        rows.append('  { "%s", code_%s, sizeof code_%s, %d, 0x%x, %d, %d, %s },' % (
            name, name, name, max(bindings, default=-1) + 1, writes, push, len(spec), 'TRUE' if matrix else 'FALSE'))
    with open(args.out_h, 'w') as f:
        f.write(head + '#pragma once\n#include <glib.h>\n\ntypedef enum\n{\n' + '\n'.join(ids) + '\n  QI_N_SHADERS\n} QiShaderId;\n\n'
                'typedef struct\n{\n  const char *name;\n  const guint32 *code;\n  gsize code_bytes;\n  guint n_bindings;\n'
                '  guint32 writes; /* bit i: binding i is written, else it is read */\n  guint push_bytes;\n  guint n_spec;\n'
                '  gboolean matrix; /* uses matrix units, for which subgroups must be full */\n} QiShaderInfo;\n\n'
                'extern const QiShaderInfo qi_shader_table[QI_N_SHADERS];\n'
                'extern const char qi_shader_digest[]; /* of them all */\n')
    with open(args.out_c, 'w') as f:
        f.write(head + '#include "shader-id.h"\n\n' + '\n'.join(code) +
                '\nconst QiShaderInfo qi_shader_table[QI_N_SHADERS] = {\n' + '\n'.join(rows) + '\n};\nconst char qi_shader_digest[] = "%s";\n' % digest.hexdigest())


if __name__ == '__main__':
    main()

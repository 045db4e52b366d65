#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""./dev train STAGE [OPTION…]: one stage of the demo model's training; README.md here tells them all."""
import importlib
import os
import sys

STAGES = {
    'preview': ('preview', 'a sheet of random scenes and their captions: FILE [SIZE]'),
    'vocabulary': ('vocabulary', 'the tokenizer'),
    'compare': ('compare', 'the networks against the original implementation: FOLDER of golden cases'),
    'vae': ('train_vae', 'the VAE: [--minutes M]'),
}


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in STAGES:
        print('./dev train STAGE …\n' + '\n'.join('  %-10s %s' % (name, what) for name, (_, what) in STAGES.items()), file=sys.stderr)
        sys.exit(2)
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    module, _ = STAGES[sys.argv.pop(1)]
    importlib.import_module(module).main()


if __name__ == '__main__':
    main()

# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Message catalogues for tests: what the sources say, and a language that nobody speaks."""
import os, re, subprocess

MARK = '⟦'  # begins every message of the pseudo-language


def entries(text):
    """(msgid, msgid_plural or None, [msgstr…], flags) of a catalogue, the header left out."""
    for block in re.split(r'\n\s*\n', text):
        fields, at, flags = {}, None, ''
        for line in block.splitlines():
            if line.startswith('#,'):
                flags += line
            if line.startswith('#'):
                continue
            m = re.match(r'(msgid_plural|msgid|msgstr(?:\[\d\])?)\s+(".*")$', line)
            if m:
                at = m[1]
                fields[at] = unquote(m[2])
            elif line.startswith('"') and at:
                fields[at] += unquote(line)
        if fields.get('msgid'):
            yield fields['msgid'], fields.get('msgid_plural'), [v for k, v in fields.items() if k.startswith('msgstr')], flags


def unquote(line):
    return re.sub(r'\\(.)', lambda m: {'n': '\n', 't': '\t'}.get(m[1], m[1]), line.strip()[1:-1])


def quote(text):
    return '"%s"' % text.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n')


def template(root):
    """The .pot of the sources that POTFILES names and that are there."""
    listed = [p for p in open(os.path.join(root, 'po', 'POTFILES')).read().split() if os.path.exists(os.path.join(root, p))]
    return subprocess.run(['xgettext', '--from-code=UTF-8', '--keyword=_', '--keyword=N_', '--keyword=ngettext:1,2',
                           '--keyword=C_:1c,2', '--keyword=g_dngettext:2,3', '--add-comments=Translators', '-o', '-', *listed],
                          cwd=root, stdout=subprocess.PIPE, check=True, text=True).stdout


def pseudo(root, folder):
    """A catalogue xx in folder: every message in brackets, mnemonics and formats kept."""
    lines = ['msgid ""', 'msgstr "Content-Type: text/plain; charset=UTF-8\\nPlural-Forms: nplurals=2; plural=n != 1;\\n"', '']
    for one, many, _, _ in entries(template(root)):
        lines.append('msgid ' + quote(one))
        if many:
            lines += ['msgid_plural ' + quote(many), 'msgstr[0] ' + quote(MARK + one + '⟧'), 'msgstr[1] ' + quote(MARK + many + '⟧'), '']
        else:
            lines += ['msgstr ' + quote(MARK + one + '⟧'), '']
    at = os.path.join(folder, 'xx', 'LC_MESSAGES')
    os.makedirs(at, exist_ok=True)
    subprocess.run(['msgfmt', '-o', os.path.join(at, 'sfumato.mo'), '-'], input='\n'.join(lines), text=True, check=True)

# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo model inside GIMP: twenty words as lettering rows, read back by the judge, and the same through the command line.

What the judge reads is told in lines that begin with 'demo:'. Both ways must show the same pictures."""
import json, re, subprocess

from inside import *

RUNS = [{'cases': ['lettering']}]
WORDS = [('SALE', 'top', 'red'), ('CAT', 'bottom', 'blue'), ('NEW', 'center', 'green'), ('OK', 'top-left', 'black'),
         ('SUN', 'top-right', 'orange'), ('A1', 'left', 'purple'), ('HELLO', 'bottom', 'pink'), ('NO', 'right', 'brown'),
         ('42', 'center', 'red'), ('YES', 'top', 'blue'), ('DOG', 'bottom-left', 'green'), ('GO', 'bottom-right', 'black'),
         ('TEA', 'top', 'purple'), ('7UP', 'center', 'orange'), ('ART', 'bottom', 'red'), ('BUS', 'left', 'blue'),
         ('X', 'center', 'black'), ('FISH', 'top', 'green'), ('PEN', 'right', 'pink'), ('MAP', 'bottom', 'brown')]
PROMPT, SEED = 'a white background', 100


def folder(name):
    path = os.path.join(os.environ['HOME'], name)
    os.makedirs(path, exist_ok=True)
    return path


def judged(pictures, facts):
    run = subprocess.run([os.environ['SFUMATO_CHECK'], pictures, facts], stdout=subprocess.PIPE, text=True)
    figures = re.search(r'^all .*?words (\d+)/(\d+)', run.stdout, re.M)
    print('demo: %s: %s' % (os.path.basename(pictures), run.stdout.strip().splitlines()[-1] if run.stdout else 'nothing'),
          file=sys.stderr, flush=True)
    return (int(figures[1]), int(figures[2])) if run.returncode == 0 and figures else (-1, 0)


def lettering():
    inside, outside, facts = folder('in GIMP'), folder('command line'), os.path.join(os.environ['HOME'], 'facts.jsonl')
    with open(facts, 'w') as f:
        for word, place, color in WORDS:
            f.write(json.dumps({'prompt': word, 'kind': 'word', 'background': None, 'items': [], 'count': 0, 'relation': None, 'words': [
                {'text': word, 'colour': color, 'place': place.replace('-', ' ')}]}) + '\n')
    same = 0
    for i, (word, place, color) in enumerate(WORDS):
        row = '%s, %s: %s' % (place, color, word)
        paths = [os.path.join(where, '%04d.png' % i) for where in (inside, outside)]
        answer = call('generate', prompt=PROMPT, lettering=row, seed=SEED + i)
        if not check(word, answer.status == SUCCESS, answer):
            return
        Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, answer.image, Gio.File.new_for_path(paths[0]), None)
        subprocess.run([os.environ['SFUMATO'], 'generate', '--quiet', '--prompt', PROMPT, '--lettering', row, '--seed',
                        str(SEED + i), '--output', paths[1]], check=True)
        other = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(paths[1]))
        same += pixels(answer.layers[0], format="R'G'B' u8") == pixels(other.get_layers()[0], format="R'G'B' u8")
        equal(word + '/name', answer.layers[0].get_name().startswith('Demo: '), True)
        other.delete()
        answer.image.delete()
    equal('same bytes', same, len(WORDS))
    here, there = judged(inside, facts), judged(outside, facts)
    check('all were judged', here[1] == there[1] == len(WORDS), here, there)
    check('as many words as through the command line', here[0] >= there[0], here, there)

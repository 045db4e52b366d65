# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage choose: shows the two pictures of each pair side by side, and records which one a person likes better: FILE.jsonl [PORT].

A page for any browser of this machine; arrow keys choose, the space bar leaves a pair as it is. Which picture stands on the left
says nothing about what the checker thought. FILE is written anew at each choice: not while `prefer` is at work on it.
"""
import html
import http.server
import json
import os
import sys
import urllib.parse

PAGE = '''<!doctype html><meta charset="utf-8"><title>Which is better?</title>
<style>body { text-align: center; font: 1.2em sans-serif } img { width: 40vw; image-rendering: pixelated } button { border: 0; background: none }</style>
<h1>%(prompt)s</h1>
<form method="post"><input type="hidden" name="row" value="%(row)d">
<button name="choice" value="left"><img src="%(left)s.png" alt="left"></button>
<button name="choice" value="right"><img src="%(right)s.png" alt="right"></button>
<p><button name="choice" value="neither">neither</button></p></form>
<p>%(left_over)d pairs left, %(done)d judged by people</p>
<script>onkeydown = e => { const to = { ArrowLeft: 'left', ArrowRight: 'right', ' ': 'neither' }[e.key];
  if (to) document.querySelector(`[value=${to}]`).click() }</script>'''


class Pairs:
    """The lines of a file, and what people say of them."""

    def __init__(self, path):
        self.path, self.skipped = path, set()
        self.rows = [json.loads(line) for line in open(path, encoding='utf-8')]

    def waiting(self):
        """Rows that no person has judged; first those of which the checker could say nothing."""
        left = [i for i, row in enumerate(self.rows) if row['judged by'] != 'person' and i not in self.skipped]
        return sorted(left, key=lambda i: self.rows[i]['judged by'] != 'nobody')

    def sides(self, i):
        """What stands left and right: winner and loser, or the other way round in every other row by a hash of its number."""
        return ('winner', 'loser') if i * 2654435761 >> 16 & 1 else ('loser', 'winner')

    def choose(self, i, choice):
        """choice: left, right, or neither."""
        if choice == 'neither':
            self.skipped.add(i)
            return
        row = self.rows[i]
        if self.sides(i)[choice == 'right'] == 'loser':
            for key in '', ' seed', ' score':
                row['winner' + key], row['loser' + key] = row['loser' + key], row['winner' + key]
        row['judged by'] = 'person'
        with open(self.path + '.part', 'w', encoding='utf-8') as file:
            file.write(''.join(json.dumps(row, ensure_ascii=False) + '\n' for row in self.rows))
        os.replace(self.path + '.part', self.path)

    def page(self):
        waiting = self.waiting()
        if not waiting:
            return '<!doctype html><title>Done</title>No pair is left.'
        i = waiting[0]
        left, right = (html.escape(self.rows[i][side]) for side in self.sides(i))
        return PAGE % dict(prompt=html.escape(self.rows[i]['prompt']), row=i, left=left, right=right, left_over=len(waiting),
                           done=sum(row['judged by'] == 'person' for row in self.rows))


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, kind='text/html', data=b'', **headers):
        self.send_response(status)
        for name, value in {'Content-Type': kind, 'Content-Length': str(len(data)), 'Cache-Control': 'no-store', **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        pairs, name = self.server.pairs, os.path.splitext(self.path.strip('/'))[0]
        if self.path == '/':
            self.answer(200, 'text/html; charset=utf-8', pairs.page().encode())
        elif any(name in (row['winner'], row['loser']) for row in pairs.rows):
            with open(os.path.join(os.path.dirname(pairs.path), name + '.png'), 'rb') as file:
                self.answer(200, 'image/png', file.read())
        else:
            self.answer(404)

    def do_POST(self):
        said = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers['Content-Length'])).decode()))
        self.server.pairs.choose(int(said['row']), said['choice'])
        self.answer(303, Location='/')

    def log_message(self, *args):
        pass


def serve(path, port=0):
    server = http.server.HTTPServer(('127.0.0.1', port), Handler)
    server.pairs = Pairs(os.path.abspath(path))
    return server


def main():
    server = serve(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    print('open http://127.0.0.1:%d/ in a browser; Ctrl+C ends' % server.server_port, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pairs = server.pairs.rows
        print('\n%d of %d pairs judged by people' % (sum(row['judged by'] == 'person' for row in pairs), len(pairs)))

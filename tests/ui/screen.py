# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual screen with a window manager, for as long as a 'with' lasts."""
import os, subprocess, time


class Screen:
    def __init__(self, size='1280x900x24'):
        self.size = size

    def __enter__(self):
        read, write = os.pipe()
        self.server = subprocess.Popen(['Xvfb', '-displayfd', str(write), '-screen', '0', self.size, '-nolisten', 'tcp'],
                                       pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as lines:
            self.display = ':' + lines.readline().strip()
        self.env = dict(os.environ, DISPLAY=self.display, GDK_BACKEND='x11')
        self.manager = subprocess.Popen(['openbox', '--sm-disable'], env=self.env, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        time.sleep(0.3)
        return self

    def __exit__(self, *_):
        for process in self.manager, self.server:
            process.terminate()
            process.wait()

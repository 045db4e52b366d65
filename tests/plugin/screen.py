# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A GIMP with windows on a virtual screen, driven as people do: keys, menus, and what a screen reader is told."""
import json, os, signal, subprocess, sys, time

from gimp import Home

KEYS = {'generate': 'F6', 'edit': 'F7', 'fill': 'F8', 'remove': 'F9', 'again': 'F11', 'expand': 'F4', 'split': 'F5'}
PATIENCE = 4 # a loaded machine is no fault; what must be quick is measured
Atspi = None


def until(seconds, look, step=0.05):
    """What look() says as soon as it says anything, else what it said last."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        found = look()
        if found or time.monotonic() > end:
            return found
        time.sleep(step)


class Screen(Home):
    """The virtual screen and everything on it; GIMPs are started into it."""

    def __init__(self, plugin):
        super().__init__(plugin, ('script-fu', 'file-png', 'poll'))
        self.processes, self.gimps = [], []
        read, write = os.pipe()
        self.spawn(['Xvfb', '-displayfd', str(write), '-screen', '0', '1280x900x24', '-nolisten', 'tcp'], pass_fds=[write])
        os.close(write)
        self.display = ':' + os.fdopen(read).readline().strip()
        read, write = os.pipe()
        self.spawn(['dbus-daemon', '--session', '--nofork', '--print-address=%d' % write], pass_fds=[write])
        os.close(write)
        self.bus = os.fdopen(read).readline().strip()
        with open(os.path.join(self.gimp, 'shortcutsrc'), 'w') as f:
            f.write('(file-version 1)\n' + ''.join('(action "plug-in-sfumato-%s" "<Primary><Shift>%s")\n' % (name, key)
                                                   for name, key in KEYS.items()))
        self.env = self.environment(DISPLAY=self.display, DBUS_SESSION_BUS_ADDRESS=self.bus, NO_AT_BRIDGE='0',
                                    GDK_BACKEND='x11', GTK_IM_MODULE='ibus-is-not-there', LC_ALL='C.UTF-8')
        del self.env['GTK_IM_MODULE']
        self.spawn(['/usr/libexec/at-spi-bus-launcher', '--launch-immediately'], env=self.env)
        self.spawn(['openbox', '--sm-disable'], env=self.env)
        os.environ.update({k: self.env[k] for k in ('DISPLAY', 'DBUS_SESSION_BUS_ADDRESS', 'NO_AT_BRIDGE')})
        global Atspi
        import gi
        gi.require_version('Atspi', '2.0')
        from gi.repository import Atspi as library
        Atspi = library
        Atspi.set_timeout(5000, 15000) # of a call; 0.8 s by itself, after which a part of the tree is not seen

    def configure(self, model):
        """What Models and Devices would write."""
        folder = os.path.join(self.folder, 'config', 'sfumato')
        os.makedirs(folder)
        with open(os.path.join(folder, 'models.conf'), 'w') as f:
            f.write('[default]\nmodel=%s\n' % model)

    def spawn(self, command, **options):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
        self.processes.append(process)
        return process

    def start(self, *files, **env):
        gimp = Gimp(self, files, env)
        self.gimps.append(gimp)
        return gimp

    def applications(self, name='sfumato'):
        desktop = Atspi.get_desktop(0)
        found = []
        for i in range(desktop.get_child_count()):
            try:
                application = desktop.get_child_at_index(i)
                if application and application.get_name() == name and application.get_child_count() > 0:
                    found.append(application)
            except Exception: # it went away meanwhile
                pass
        return found

    def tool(self, *words):
        return subprocess.run(['xdotool', *map(str, words)], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True).stdout

    def activate(self, window):
        """Gives a window the keyboard. Asked for again and again: a window manager may have other plans at first, and says
        that a window is active a moment before keys really go there."""
        def there():
            self.tool('windowactivate', window)
            return until(0.5, lambda: self.tool('getwindowfocus').strip() == str(window))
        return until(10, there)

    def key(self, *keys):
        self.tool('key', '--clearmodifiers', *keys)

    def type(self, text):
        self.tool('type', '--clearmodifiers', '--delay', '8', text)

    def color(self, x, y):
        """Of one pixel of the screen."""
        read = subprocess.run(['import', '-window', 'root', '-crop', '1x1+%d+%d' % (x, y), '-depth', '8', 'rgb:-'], env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        return tuple(read[:3])

    def picture(self, path):
        subprocess.run(['import', '-window', 'root', path], env=self.env, stderr=subprocess.DEVNULL)

    def close(self):
        for gimp in self.gimps:
            gimp.end()
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait()
        super().close()


class Gimp:
    def __init__(self, screen, files, env):
        self.screen = screen
        self.folder = os.path.join(screen.folder, 'poll-%d' % len(screen.gimps))
        self.n = 0
        os.makedirs(self.folder)
        self.path = os.path.join(self.folder, 'log')
        self.process = subprocess.Popen(['gimp', '-n', '-s', '-d', '-f', *files], cwd=screen.folder,
                                        env=dict(screen.env, SFUMATO_TEST_POLL=self.folder, **env),
                                        stdout=open(self.path, 'w'), stderr=subprocess.STDOUT, start_new_session=True)
        self.ask('answer = 1', seconds=60)

    def ask(self, code, seconds=30):
        """Runs code in the test plug-in; what it left in 'answer'."""
        return self.answer(self.begin(code), code, seconds)

    def begin(self, code):
        """The same without waiting for the answer, which answer() then fetches: of a call that ends with our window."""
        self.n += 1
        path = os.path.join(self.folder, '%d.py' % self.n)
        with open(path + '.part', 'w') as f:
            f.write(code)
        os.rename(path + '.part', path)
        return path[:-2] + 'json'

    def answer(self, answer, code='', seconds=30):
        if not until(seconds, lambda: os.path.exists(answer), 0.02):
            raise TimeoutError('GIMP did not answer in %d s: %s\n%s' % (seconds, code, self.log()[-3000:]))
        reply = json.load(open(answer))
        if 'error' in reply:
            raise RuntimeError(reply['error'])
        return reply['answer']

    def log(self):
        return open(self.path, errors='replace').read()

    def window(self, pattern='GNU Image|GIMP'):
        """The number of GIMP's own window."""
        found = self.screen.tool('search', '--onlyvisible', '--pid', self.process.pid, '--name', pattern).split()
        return found[-1] if found else None

    def focus(self):
        window = until(30, self.window)
        self.screen.activate(window)
        return window

    def press(self, key, look, wanted, seconds=15):
        """A key in GIMP's own window, and whether look() then comes to be what wanted() likes. Pressed again where nothing
        at all happened, as a person would: GIMP drops keys while it has something else to do."""
        for attempt in range(3):
            window = self.focus()
            before = look()
            self.screen.key(key)
            if until(seconds / 3, lambda: look() != before, 0.2):
                break
            print('# %s had no effect; the keyboard is with “%s”, it was to be with “%s”' % (
                key, self.screen.tool('getwindowfocus', 'getwindowname').strip(), self.screen.tool('getwindowname', window).strip()))
        return until(seconds, lambda: wanted(look()), 0.2)

    def command(self, name):
        self.focus()
        self.screen.key('ctrl+shift+' + KEYS[name])

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.screen.log += self.log() if os.path.exists(self.path) else ''


def walk(node, depth=0):
    yield node
    try:
        for i in range(node.get_child_count()):
            child = node.get_child_at_index(i)
            if child:
                yield from walk(child, depth + 1)
    except Exception:
        return


class Window:
    """Our window, as a screen reader sees it."""

    def __init__(self, screen, seconds=30, which=-1):
        self.screen = screen
        found = until(seconds, screen.applications, 0.1)
        if not found:
            raise TimeoutError('no window')
        self.application = found[which]

    def find(self, name=None, role=None, showing=True):
        for node in walk(self.application):
            try:
                if ((name is None or node.get_name() == name or (hasattr(name, 'search') and name.search(node.get_name() or '')))
                        and (role is None or node.get_role_name() == role)
                        and (not showing or node.get_state_set().contains(Atspi.StateType.SHOWING))):
                    return node
            except Exception:
                pass
        return None

    def all(self, role):
        """Those on the screen."""
        found = []
        for node in walk(self.application):
            try:
                if node.get_role_name() == role and node.get_state_set().contains(Atspi.StateType.SHOWING):
                    found.append(node)
            except Exception:
                pass
        return found

    def wait(self, name=None, role=None, seconds=10):
        found = until(seconds, lambda: self.find(name, role), 0.05)
        if not found:
            raise TimeoutError('there is no %s “%s” among: %s' % (role, name, self.dump()))
        return found

    def dump(self):
        """All that is named, for a message; a node may go away while it is asked."""
        said = []
        for node in walk(self.application):
            try:
                if node.get_name():
                    said.append('%s “%s”' % (node.get_role_name(), node.get_name()))
            except Exception:
                pass
        return ', '.join(said)

    def press(self, name, role='button'):
        self.wait(name, role).do_action(0)

    def prompt(self):
        """Also where it is scrolled away; the keyboard's coming brings it back."""
        found = until(10, lambda: self.find('Prompt', 'text', showing=False))
        if not found:
            raise TimeoutError('there is no prompt among: %s' % self.dump())
        return found

    def text(self, node):
        """What is written in it; None where it is gone."""
        try:
            return Atspi.Text.get_text(node, 0, -1)
        except Exception:
            return None

    def middle(self, node):
        """Where its centre is on the screen."""
        area = Atspi.Component.get_extents(node, Atspi.CoordType.SCREEN)
        return area.x + area.width // 2, area.y + area.height // 2

    def shows(self, node):
        """Whether this one is on the screen, which is asked in a moment; a look at the whole tree takes tenths of a second."""
        try:
            node.clear_cache()
            return node.get_state_set().contains(Atspi.StateType.SHOWING)
        except Exception: # gone
            return False

    def present(self):
        """Gives it the keyboard."""
        found = self.screen.tool('search', '--onlyvisible', '--name', '^Sfumato').split()
        if found:
            self.screen.activate(found[-1])

    def gone(self, seconds=5):
        return until(seconds, lambda: not self.screen.applications(), 0.05)

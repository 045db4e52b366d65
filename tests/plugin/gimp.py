# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real GIMP for tests: a home of its own, no more plug-ins than needed, and what it prints looked at."""
import glob, os, re, shutil, signal, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
# GIMP 3.0 says these about itself, in every console start or exit.
NOISE = re.compile(r'gimp_flush\(\): error: Broken pipe')
# Of our process, which GLib names by the program's file.
OURS = re.compile(r"\(sfumato:\d+\):.*(CRITICAL|WARNING)|Plug-in crashed: \"sfumato|sfumato: (fatal|LibGimp)|"
                  r"\(killing\)|plug-in \"sfumato.*(CRITICAL|WARNING)|MUST NOT")


class Home:
    """A folder with everything a GIMP writes, deleted at the end; plug-ins: ours and those named."""

    def __init__(self, plugin, plug_ins=('python-eval', 'script-fu', 'file-png')):
        self.folder = tempfile.mkdtemp(prefix='sfumato-gimp-')
        self.gimp = os.path.join(self.folder, 'gimp')
        self.log = ''
        path = os.path.join(self.folder, 'plug-ins')
        os.makedirs(os.path.join(path, 'sfumato'))
        os.makedirs(self.gimp)
        os.makedirs(os.path.join(self.folder, 'run'), 0o700)
        os.symlink(os.path.abspath(plugin), os.path.join(path, 'sfumato', 'sfumato'))
        for name in plug_ins:
            found = glob.glob('/usr/lib/*/gimp/3.0/plug-ins/' + name) + glob.glob(os.path.join(HERE, name))
            os.symlink(found[0], os.path.join(path, name))
        with open(os.path.join(self.gimp, 'gimprc'), 'w') as f:
            f.write('(plug-in-path "%s")\n(check-updates no)\n(show-welcome-dialog no)\n(config-version "3.0.4")\n' % path)

    def environment(self, **more):
        # QI_ settings of the caller would change what is tested.
        env = {k: v for k, v in os.environ.items() if not k.startswith(('QI_', 'LANG', 'LC_', 'G_DEBUG'))}
        env.update(HOME=self.folder, GIMP3_DIRECTORY=self.gimp, XDG_CACHE_HOME=os.path.join(self.folder, 'cache'),
                   XDG_CONFIG_HOME=os.path.join(self.folder, 'config'), XDG_RUNTIME_DIR=os.path.join(self.folder, 'run'),
                   LC_ALL='C.UTF-8', PYTHONDONTWRITEBYTECODE='1', QI_FATAL='1',
                   # Compiled shaders are kept by home otherwise, and a new one would compile all of them anew.
                   MESA_SHADER_CACHE_DIR=os.path.expanduser('~/.cache/mesa_shader_cache'))
        env.update(more)
        return env

    def console(self, *batch, interpreter='python-fu-eval', fonts=False, timeout=900, **env):
        """Runs batches in a console; (exit status, all that was printed)."""
        command = ['gimp-console', '-n', '-i', '-s', '-d', *([] if fonts else ['-f']),
                   '--batch-interpreter=' + interpreter]
        for line in batch:
            command += ['-b', line]
        run = subprocess.run(command + ['--quit'], env=self.environment(**env), stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, timeout=timeout, text=True, errors='replace', cwd=self.folder)
        self.log += run.stdout
        for line in re.findall(r'\w+ took [0-9.]+ s|demo: .*', run.stdout):
            print('#', line)
        return run.returncode, run.stdout

    def faults(self):
        """Lines that our process should not have printed."""
        return [line for line in self.log.splitlines() if OURS.search(line) and not NOISE.search(line)]

    def workers(self):
        """Processes of the engine that still run for this home."""
        return self.running(b'sfumato-worker')

    def running(self, pattern):
        """Processes of this home, since other tests may run beside this one, with that in their command line."""
        found = []
        for entry in os.listdir('/proc'):
            try:
                if entry.isdigit() and pattern in open('/proc/%s/cmdline' % entry, 'rb').read() and \
                        ('HOME=' + self.folder).encode() in open('/proc/%s/environ' % entry, 'rb').read().split(b'\0'):
                    found.append(int(entry))
            except OSError:
                pass
        return found

    def close(self):
        for pid in self.workers():
            try:
                os.kill(pid, signal.SIGTERM)
            except OSError:
                pass
        shutil.rmtree(self.folder, ignore_errors=True)


class Tap:
    def __init__(self):
        self.n = self.n_failed = 0

    def point(self, name, good, *why):
        """why: what to say where it failed; functions are asked only then."""
        self.n += 1
        self.n_failed += not good
        if not good:
            for line in '\n'.join(str(w() if callable(w) else w) for w in why).splitlines():
                print('# ' + line)
        print('%sok %d - %s' % ('' if good else 'not ', self.n, name), flush=True)
        return good

    def end(self):
        print('1..%d' % self.n, flush=True)
        return self.n_failed > 0

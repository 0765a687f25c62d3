# SPDX-License-Identifier: GPL-2.0
"""A guest: one QEMU running one kernel variant, in a run folder of its own.

Owns the QEMU command line, the run folder, and the verdict on the whole run.
build/runs/NAME keeps qemu-cmd (run it again by hand), config, console.log,
results.tap, qmp.log, status and meta.json.  What to do in the guest is for
others to decide.
"""
import fcntl
import json
import os
import shlex
import shutil
import subprocess
import sys
import time

from . import console, ktap, leaks
from .agent import Agent, GuestCrashed, GuestError, GuestTimeout, errno_name
from .qmp import Qmp, QmpError, QmpTimeout

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, 'build')
# A processor that its host does not run for a while has no broken timer, and is not locked up.  A loop in the
# kernel is found when it lasts a minute.
CMDLINE = 'console=ttyS0 panic=-1 oops=panic no_timer_check watchdog_thresh=30 rcupdate.rcu_cpu_stall_timeout=60'
MIB = 1 << 20
ACCELERATION = {
    'kvm': ['-accel', 'kvm', '-cpu', 'host'],
    # Emulation copies by the byte where the processor says that it is quick at strings.
    'tcg': ['-accel', 'tcg,thread=multi', '-cpu', 'max,erms=off,fsrm=off'],
    # String instructions that count as one for any length would hide the cost of memory.
    'icount': ['-accel', 'tcg,thread=single', '-icount', 'shift=0,sleep=off', '-cpu', 'max,erms=off,fsrm=off'],
}
OST_DONE, OST_IN_PROGRESS = 0, (0x84, 0x85)
OST_EJECT = (3, 0x103)
PATIENCE = 5  # a limit for what hangs: how much slower a busy host may make a guest


class UnplugRefused(GuestError):
    """The guest said no to a device_del; .event tells how."""

    def __init__(self, device, event):
        super().__init__('%s: unplug refused: %s' % (device, json.dumps(event)))
        self.event = event


PREPARED = {}  # each variant once for a process


def prepare(variant, build=True):
    """Make image and initramfs of a variant, or only the initramfs; return both paths."""
    if variant not in PREPARED:
        PREPARED[variant] = make_images(variant, build)
    return PREPARED[variant]


def run_script(*command):
    """Run a script of this repository, which must succeed; return what it printed."""
    answer = subprocess.run(command, cwd=TOP, stdout=subprocess.PIPE, text=True)
    if answer.returncode:
        raise GuestError('%s failed' % ' '.join(command))
    return answer.stdout.strip()


def make_images(variant, build):
    """Run the scripts that make image and initramfs; what a failed build left is not taken."""
    folder = os.path.join(BUILD, 'out', variant)
    image = os.path.join(folder, 'arch/x86/boot/bzImage')
    if build and not os.environ.get('MHP_NO_BUILD'):
        run_script('scripts/build', variant)
    if os.path.exists(os.path.join(folder, 'unfinished')):
        raise GuestError('the last build of %s has not succeeded (scripts/build %s)' % (variant, variant))
    initrd = run_script('scripts/initramfs', variant)
    if not os.path.exists(image):
        raise GuestError('no kernel %s' % image)
    return image, initrd


def kvm_works(variant, image, initrd):
    """Whether this machine really runs a guest under KVM: probed once for each boot of the machine."""
    memory = os.path.join(BUILD, 'kvm-probe.json')
    boot = open('/proc/sys/kernel/random/boot_id').read().strip()
    if not os.access('/dev/kvm', os.R_OK | os.W_OK):
        return False
    lock = open(memory + '.lock', 'w')  # until the return: who comes second knows then
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        with open(memory) as f:
            known = json.load(f)
        if known['boot'] == boot:
            return known['works']
    except (OSError, ValueError, KeyError):
        pass
    try:
        guest = Guest('kvm-probe', variant, accel='kvm', images=(image, initrd), boot_timeout=6)
        works = not guest.close()
    except (GuestError, QmpError):
        works = False
    with open(memory, 'w') as f:
        json.dump({'boot': boot, 'works': works}, f)
    return works


class Guest:
    """Boots on construction; close() gives the verdict.

    nodes is a list of (MiB, cpus) for a NUMA topology that adds up to all the memory,
    (0, 0) for a node without memory or processors; scale is how much slower than usual this
    kernel is; allow is a list of regexes for console lines that this test provokes.  With icount
    the guest's time is the number of its instructions.
    """

    def __init__(self, name, variant, mem=1024, smp=2, slots=8, maxmem='64G', nodes=None, cmdline='', extra=(),
                 scale=1.0, allow=(), accel=None, images=None, boot_timeout=60, icount=False):
        self.name, self.variant, self.scale, self.allow = name, variant, scale, list(allow)
        self.patience = scale * PATIENCE  # factor for every time-out; a crash is noticed at once
        self.mem = sum(mib for mib, _ in nodes) if nodes else mem
        self.smp, self.slots, self.maxmem, self.nodes = smp, slots, maxmem, nodes
        self.cmdline = ' '.join(filter(None, (CMDLINE, cmdline)))
        self.extra = list(extra)
        self.image, self.initrd = images or prepare(variant, build=False)
        self.accel = accel or ('icount' if icount else 'kvm' if kvm_works(variant, self.image, self.initrd) else 'tcg')
        self.folder = os.path.join(BUILD, 'runs', name)
        self.failed_inside = 0
        self.dimm_in_slot = {}
        self.problems = None
        self.agent = self.qmp = self.process = None
        self._fill_folder()
        self.booted = time.time()
        try:
            self._start(boot_timeout * self.patience)
        except (GuestError, QmpError) as e:
            self.kill()
            last = self.console().strip().splitlines()[-3:]
            raise type(e)('no boot of %s: %s; last console lines: %s' % (name, e, ' | '.join(last)))

    # The run folder and QEMU

    def path(self, name):
        """A file of the run folder."""
        return os.path.join(self.folder, name)

    def _fill_folder(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        shutil.copy(os.path.join(BUILD, 'out', self.variant, '.config'), self.path('config'))
        for name in ('console.log', 'results.tap', 'qmp.log', 'status'):
            open(self.path(name), 'w').close()
        with open(self.path('qemu-cmd'), 'w') as f:
            f.write(self._command())
        os.chmod(self.path('qemu-cmd'), 0o755)

    def _command(self):
        """The text of qemu-cmd."""
        lines = [' '.join(shlex.quote(w) for w in group) for group in self._arguments()]
        return ('#!/bin/sh\n# Boot this guest again; for a shell: SERIAL=mon:stdio APPEND=mhp.shell ./qemu-cmd\n'
                'cd "$(dirname "$0")"\nexec qemu-system-x86_64 \\\n\t' + ' \\\n\t'.join(lines) +
                ' \\\n\t-serial "${SERIAL:-file:console.log}" \\\n\t-append "%s $APPEND" "$@"\n' % self.cmdline)

    def _arguments(self):
        """QEMU's arguments in groups of one line each."""
        yield ['-M', 'q35', '-m', '%dM,slots=%d,maxmem=%s' % (self.mem, self.slots, self.maxmem), '-smp', str(self.smp)]
        yield ACCELERATION[self.accel]
        yield ['-nodefaults', '-display', 'none', '-no-reboot', '-name', 'mhp-' + self.name]
        yield from self._numa()
        yield ['-qmp', 'unix:qmp.sock,server=on,wait=off', '-device', 'virtio-serial-pci']
        yield ['-chardev', 'file,id=ktap,path=results.tap', '-device', 'virtserialport,chardev=ktap,name=mhp.ktap']
        yield ['-chardev', 'file,id=status,path=status', '-device', 'virtserialport,chardev=status,name=mhp.status']
        yield ['-chardev', 'socket,id=ctl,path=ctl.sock,server=on,wait=off',
               '-device', 'virtserialport,chardev=ctl,name=mhp.ctl']
        yield ['-kernel', self.image, '-initrd', self.initrd]
        if self.extra:
            yield self.extra

    def _numa(self):
        """-numa arguments: processors are numbered through the nodes."""
        first = 0
        for number, (mib, cpus) in enumerate(self.nodes or ()):
            node = 'node,nodeid=%d' % number
            if cpus:
                node += ',cpus=%d-%d' % (first, first + cpus - 1)
                first += cpus
            if mib:
                yield ['-object', 'memory-backend-ram,id=ram%d,size=%dM' % (number, mib)]
                node += ',memdev=ram%d' % number
            yield ['-numa', node]

    def _start(self, timeout):
        with open(self.path('qemu.log'), 'w') as log:
            self.process = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', self.path('qemu-cmd')],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        folder = os.open(self.folder, os.O_PATH)  # a path that is short enough for a unix socket
        try:
            near = '/proc/self/fd/%d/' % folder
            self.qmp = Qmp(near + 'qmp.sock', self.path('qmp.log'), gone=lambda: self.process.poll() is not None)
            self.agent = Agent(near + 'ctl.sock', 100, self._why_gone)
        except QmpTimeout as e:
            raise GuestCrashed('%s; QEMU said: %s' % (e, open(self.path('qemu.log')).read().strip()))
        finally:
            os.close(folder)
        self.agent.wait_hello(timeout)
        self.boot_seconds = time.time() - self.booted

    def _why_gone(self):
        bad = console.scan(self.console(), self.allow)
        said = open(self.path('qemu.log')).read().strip()
        return 'the guest is gone' + (': ' + console.summary(bad) if bad else '') + (' (%s)' % said if said else '')

    def kill(self):
        """End QEMU at once."""
        if self.qmp:
            self.qmp.close()
        if self.agent:
            self.agent.close()
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def configured(self, symbol):
        """Whether the kernel has CONFIG_symbol built in or as a module."""
        with open(self.path('config')) as f:
            return any(line.startswith('CONFIG_%s=' % symbol) for line in f)

    def console(self):
        """The kernel's messages so far."""
        with open(self.path('console.log'), errors='replace') as f:
            return f.read()

    # Commands in the guest

    def start(self, command):
        """Start a shell command in the background; return its Job."""
        return self.agent.start('run', command.encode(), what=command)

    def sh(self, command, timeout=60, check=False):
        """Run a shell command; return (status, output).  check raises if the status is not 0."""
        job = self.start(command)
        status, output = self._finish(job, timeout)
        if check and status:
            raise GuestError('%s: status %d: %s' % (command, status, output.strip()))
        return status, output

    def stop(self, job, signal=15):
        """End a program, whatever it says then."""
        job.kill(signal)
        job.wait(60 * self.patience)

    def _finish(self, job, timeout):
        """Wait for a job; when it hangs, have the kernel say where, and kill it."""
        try:
            return job.wait(timeout * self.patience)
        except GuestTimeout:
            self.agent.start('write', b'/proc/sysrq-trigger\0w')
            job.kill(9)
            raise

    def write(self, path, text, timeout=150):
        """One write to a file; return the errno's name, or None if it was taken."""
        data = text if isinstance(text, bytes) else text.encode()
        job = self.agent.start('write', path.encode() + b'\0' + data, what='%s > %s' % (text, path))
        return errno_name(self._finish(job, timeout)[0])

    def start_write(self, path, text):
        """A write in the background; its status is the errno, and signal 10 interrupts it."""
        return self.agent.start('write', path.encode() + b'\0' + text.encode(), what='%s > %s' % (text, path))

    def read(self, path, timeout=60, check=True):
        """The content of a file; with check=False (errno name or None, content)."""
        job = self.agent.start('read', path.encode(), what='read ' + path)
        name, text = errno_name(self._finish(job, timeout)[0]), job.output
        if not check:
            return name, text
        if name:
            raise GuestError('%s: %s' % (path, name))
        return text

    def kselftest(self, script, timeout=None):
        """Run a program of /selftests with its standard output on mhp.ktap; return its Ktap.

        Its exit status has to agree with what it printed; .stderr has the rest.
        """
        before = os.path.getsize(self.path('results.tap'))
        limit = timeout or self._settings_timeout()
        job = self.start('cd /selftests && exec %s >/dev/virtio-ports/mhp.ktap' % (
            script if script.startswith('/') else './' + script))
        status, stderr = self._finish(job, limit)
        result = self._results(before)
        result.status, result.stderr = status, stderr
        if status not in ({'pass': (0,), 'skip': (0, 4)}.get(result.verdict, range(-64, 256))):
            result.problems.append('exit status %d' % status)
        if result.verdict in ('fail', 'lost'):
            self.failed_inside += 1
        return result

    def _results(self, start):
        """The Ktap that results.tap has from some byte on; QEMU may write the end of it a moment after the job's."""
        end = time.monotonic() + 5 * self.patience
        while True:
            with open(self.path('results.tap'), errors='replace') as f:
                f.seek(start)
                result = ktap.parse(f.read())
            if result.verdict != 'lost' or time.monotonic() > end:
                return result
            time.sleep(0.05)

    def _settings_timeout(self):
        settings = os.path.join(TOP, 'tools/testing/selftests/memory-hotplug/settings')
        for line in open(settings) if os.path.exists(settings) else ():
            if line.startswith('timeout='):
                return int(line[len('timeout='):])
        return 45

    # DIMMs

    def add_dimm(self, dimm, size, node=0, addr=None, reserve=True, backing=None):
        """Plug a pc-dimm of size bytes, and return what QEMU says of it.

        reserve=False does not count it against the host's memory.  With backing, the path of
        a file that is made for it, what is written to the DIMM need not stay in the host's memory.
        """
        kind = {'qom_type': 'memory-backend-ram'}
        if backing:
            kind = {'qom_type': 'memory-backend-file', 'mem-path': backing, 'share': True, 'discard-data': True}
        self.qmp.execute('object-add', **kind, id='mem-' + dimm, size=size, reserve=reserve)
        where = {} if addr is None else {'addr': addr}
        try:
            self.qmp.execute('device_add', driver='pc-dimm', id=dimm, memdev='mem-' + dimm, node=node, **where)
        except QmpError:
            self.qmp.execute('object-del', id='mem-' + dimm)
            raise
        data = self.query_dimms()[dimm]
        self.dimm_in_slot[data['slot']] = dimm
        return data

    def _unplug_answer(self, dimm, event):
        """Whether an event decides the fate of an unplug: the device is gone, or the guest refused."""
        data = event.get('data', {})
        if event['event'] in ('DEVICE_DELETED', 'MEM_UNPLUG_ERROR', 'DEVICE_UNPLUG_GUEST_ERROR'):
            return data.get('device') == dimm
        info = data.get('info', {})
        return (event['event'] == 'ACPI_DEVICE_OST' and info.get('device') == dimm and info['source'] in OST_EJECT and
                info['status'] not in (OST_DONE, *OST_IN_PROGRESS))

    def ask_unplug(self, dimm):
        """Ask the guest to let go of a pc-dimm; return the mark to wait from."""
        mark = self.qmp.mark()
        self.qmp.execute('device_del', id=dimm)
        return mark

    def wait_unplugged(self, dimm, mark, timeout=120):
        """Wait until a pc-dimm is gone and free its backend, or raise UnplugRefused."""
        event = self.qmp.wait_event(lambda e: self._unplug_answer(dimm, e), timeout * self.patience, mark,
                                    'end of the unplug of %s' % dimm)
        if event['event'] != 'DEVICE_DELETED':
            raise UnplugRefused(dimm, event)
        self._free_backend('mem-' + dimm)

    def del_dimm(self, dimm, timeout=120):
        """Unplug a pc-dimm; return the seconds until it was gone, or raise UnplugRefused."""
        started = time.monotonic()
        self.wait_unplugged(dimm, self.ask_unplug(dimm), timeout)
        return time.monotonic() - started

    def _free_backend(self, backend):
        """The backend is in use until QEMU's RCU has let go of the device."""
        end = time.monotonic() + 10 * self.patience
        while True:
            try:
                return self.qmp.execute('object-del', id=backend)
            except QmpTimeout:
                raise
            except QmpError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def query_dimms(self):
        """What QEMU knows of the DIMMs: id -> its data."""
        return {d['data']['id']: d['data'] for d in self.qmp.execute('query-memory-devices')}

    def ost_events(self, mark=0):
        """The _OST answers of the guest since a mark: (device, source, status).

        The last one of an unplug comes when QEMU has forgotten the device: its slot tells which it was.
        """
        infos = [e['data']['info'] for e in self.qmp.events_since(mark, 'ACPI_DEVICE_OST')]
        return [(i.get('device') or self.dimm_in_slot.get(int(i['slot'])), i['source'], i['status']) for i in infos]

    # The end

    def _power_off(self):
        """Ask for a power-off; yield what went wrong."""
        try:
            job = self.agent.start('quit', b'', self.failed_inside)
            left = job.wait(20 * self.patience)[0] - self.failed_inside
            if left:
                yield '%d processes were left in the guest' % left
            event = self.qmp.wait_event(lambda e: e['event'] == 'SHUTDOWN', 30 * self.patience, what='power-off')
            if event['data']['reason'] != 'guest-shutdown':
                yield 'the guest ended by %s' % event['data']['reason']
            self.process.wait(100)
        except (GuestError, QmpError, subprocess.TimeoutExpired) as e:
            yield 'no orderly end: %s' % e

    def _leaks(self):
        """Yield what kmemleak has found, where it was asked for."""
        if self.process.poll() is not None or leaks.WORD not in self.cmdline.split():
            return
        try:
            found = leaks.found(self)
        except (GuestError, QmpError) as e:
            found = str(e)
        if found:
            yield 'kmemleak: ' + found

    def close(self):
        """Power off and judge the run: a list of problems, empty if all is well."""
        if self.problems is not None:
            return self.problems
        problems = list(self._leaks()) + list(self._power_off())
        self.kill()
        status = open(self.path('status')).read().strip()
        if status != '0':
            problems.append('status of the guest: %s' % (status or 'none (lost)'))
        bad = console.scan(self.console(), self.allow)
        if bad:
            problems.append('console: ' + console.summary(bad))
        self.problems = problems
        self._write_meta(status)
        return problems

    def _write_meta(self, status):
        meta = {'name': self.name, 'variant': self.variant, 'accel': self.accel, 'image': self.image,
                'initrd': self.initrd, 'cmdline': self.cmdline, 'booted': self.booted, 'ended': time.time(),
                'boot_seconds': getattr(self, 'boot_seconds', None), 'scale': self.scale, 'status': status,
                'problems': self.problems, 'command': sys.argv}
        with open(self.path('meta.json'), 'w') as f:
            json.dump(meta, f, indent=1)

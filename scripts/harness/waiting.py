# SPDX-License-Identifier: GPL-2.0
"""What makes the kernel wait: a disk that hangs, a CPU that is not given away.

Owns the ways in which pages of a DIMM come to wait for a disk, the life of a guest that has such pages, and the
program that keeps a CPU to itself; also how long an answer takes, in the guest's time.
"""
import contextlib
import re

from . import devices, disks, pages, rounds
from .agent import GuestError, GuestTimeout, errno_name
from .devices import require, require_answers
from .guest import MIB
from .qmp import QmpError
from .readings import meminfo
from .report import Failure

PAGE = 4096
BLOCK = 128 * MIB
LOCKED, UPTODATE, DIRTY, WRITEBACK, PRIVATE = (1 << bit for bit in (0, 3, 4, 8, 35))  # of /proc/kpageflags
GROUP = '/sys/fs/cgroup/test'  # a control group of those whose memory is swapped, or on node 1
IN_GROUP = 'echo $$ >%s/cgroup.procs; ' % GROUP
LONG_MS = 600000  # a bound that no test waits for
MARGIN_MS = 1000  # what an end may take that is due
TRIES = 5  # of the host, which may be busy
HANGS = 3  # seconds after which an end that is due does not come by itself
LOOKS = 32  # directories that are looked into


class Kind:
    """How pages come to wait.

    prepare is done while the disk works and there is no DIMM, make when the DIMM is online; both may return jobs.
    start is a command for when the disk hangs; without one the last job is told to end.  waits tells whether a page
    waits, by its flags; without it the pages that wait are not in the DIMM, and ready tells when there are enough.
    """

    def __init__(self, prepare, make=None, start=None, waits=None, ready=None, far=False, mem=1024):
        self.prepare, self.make, self.start, self.waits, self.ready = prepare, make, start, waits, ready
        self.far, self.mem = far, mem  # far: on a node of its own, the first block in its kernel zone


def page_kinds(hung, words, group=False):
    """Start the program that makes memory, where DIMM stands for the DIMM's pages; return its job once it is ready."""
    first, end = (hung.dimm.addr // PAGE, (hung.dimm.addr + hung.dimm.size) // PAGE) if hung.dimm else (0, 0)
    job = hung.guest.start('%sexec /selftests/page_kinds %s' % (
        IN_GROUP if group else '', words.replace('DIMM', '%d %d' % (first, end))))
    job.wait_output('ready', 120 * hung.guest.patience)
    return job


def make_group(guest, controller):
    """Make the control group."""
    guest.sh('echo +%s >/sys/fs/cgroup/cgroup.subtree_control && mkdir %s' % (controller, GROUP), check=True)


def has(flag):
    """Whether a flag is among those of a page."""
    return lambda flags: flags & flag


# Files

def know_bitmaps(hung):
    """Mount the disk, and read what the file system must know to find room; nothing is written by itself."""
    disks.mount_lazily(hung.guest)
    hung.guest.sh('cat /proc/fs/ext4/vda/mb_groups >/dev/null', check=True)


def dirty_file(hung):
    """A file that is not on the disk yet."""
    return [page_kinds(hung, 'file-dirty 32 DIMM /mnt')]


def file_on_disk(hung):
    """A file of which nothing is in memory."""
    disks.mount_lazily(hung.guest)
    hung.guest.sh('dd if=/dev/zero of=/mnt/file bs=1M count=32 2>/dev/null && sync && '
                  'echo 1 >/proc/sys/vm/drop_caches && echo 1024 >/sys/block/vda/queue/read_ahead_kb', check=True)


# Swap

def swap(hung):
    """The disk as swap, and a control group whose memory is to go there."""
    disks.swap_on(hung.guest)
    make_group(hung.guest, 'memory')


def anon_in_group(hung):
    """Memory of the control group."""
    return [page_kinds(hung, 'anon 32 DIMM', group=True)]


def swapped(hung):
    """The same, swapped out; whoever reads it swaps it in."""
    jobs = anon_in_group(hung)
    hung.guest.sh('echo 30M >%s/memory.reclaim' % GROUP, check=True)
    return jobs


# Buffers

DIRECTORIES = '''
mkdir -p /mnt && mount -t ext4 /dev/vda /mnt && (cd /mnt && for i in $(seq %d); do mkdir d$i && : >d$i/f$i; done) &&
umount /mnt && mount -t ext4 /dev/vda /mnt && stat /mnt/d* >/dev/null''' % (LOOKS)


def directories(hung):
    """Directories of which only the inodes are in memory; whoever looks into one reads one buffer."""
    hung.guest.sh(DIRECTORIES, check=True)
    make_group(hung.guest, 'cpuset')


def free_movable(guest, node):
    """Free memory of a node in pageblocks for movable memory, in MiB; what is in per-CPU lists does not count."""
    lines = re.findall(r'^Node +%d, zone +\w+, type +Movable +([\d ]+)$' % node, guest.read('/proc/pagetypeinfo'), re.M)
    return sum(int(count) << order for line in lines for order, count in enumerate(line.split())) * PAGE // MIB


def second_block_for_movable(hung):
    """Fill the DIMM's first block, and put the second one online, to which no kernel memory comes then.

    More processes of the control group than will be needed leave pageblocks for kernel memory behind.  There is
    nothing else but these in the first block when the second comes, and some pages that are used up first.
    """
    guest = hung.guest
    require_answers(guest, GROUP + '/cpuset.mems', [('1', None)])
    guest.sh(IN_GROUP + 'for i in $(seq 96); do sleep 2 & done; wait', check=True)
    jobs = [page_kinds(hung, 'anon %d DIMM' % free_movable(guest, 1), group=True)]
    rounds.online(guest, hung.dimm.blocks[1:], 'online_kernel')
    return jobs + [page_kinds(hung, 'anon 8 DIMM', group=True)]


LOOK_INTO = IN_GROUP + 'for i in $(seq %d); do stat /mnt/d$i/nothing & done 2>/dev/null; wait' % (LOOKS)


# Kernel zones without kernel memory

def know_bitmaps_in_group(hung):
    """As know_bitmaps(), with a control group."""
    know_bitmaps(hung)
    make_group(hung.guest, 'cpuset')


def moved_file(hung):
    """A file that is not on the disk yet, in a kernel zone in which there is nothing else: its pages move there."""
    guest = hung.guest
    rounds.online(guest, hung.dimm.blocks[1:], 'online_kernel')
    require_answers(guest, GROUP + '/cpuset.mems', [('0', None)])
    jobs = [page_kinds(hung, 'file-dirty 32 DIMM /mnt', group=True)]
    require_answers(guest, GROUP + '/cpuset.mems', [('1', None)])
    rounds.wait_until(guest, lambda: any(has(DIRTY)(flags) for flags in pages.flags_in(guest, hung.dimm.blocks[0])), 20,
                      'pages of the file on node 1')
    return jobs


# Pages outside of the DIMM

def dirty_outside(hung):
    """Fill what is not the DIMM with pages of a file that are to be written."""
    know_bitmaps(hung)
    return [page_kinds(hung, 'file-dirty 300 DIMM /mnt')]


def anon(hung):
    """Memory that fits elsewhere only when the pages outside are written."""
    return [page_kinds(hung, 'anon 200 DIMM')]


def swap_on(hung):
    """The disk as swap."""
    disks.swap_on(hung.guest)


def anon_everywhere(hung):
    """Memory that fits elsewhere only when some of it is swapped out."""
    return [page_kinds(hung, 'anon 200 DIMM'), page_kinds(hung, 'anon 300 DIMM')]


KINDS = {
    'writeback': Kind(know_bitmaps, dirty_file, 'sync', has(WRITEBACK)),
    'reading': Kind(file_on_disk, None, 'cat /mnt/file >/dev/null', has(LOCKED)),
    'swap-out': Kind(swap, anon_in_group, 'echo 16M >%s/memory.reclaim' % GROUP, has(WRITEBACK)),
    'swap-in': Kind(swap, swapped, None, has(LOCKED)),
    'buffers': Kind(directories, second_block_for_movable, LOOK_INTO,
                    lambda flags: flags & PRIVATE and not flags & UPTODATE, far=True),
    'moved': Kind(know_bitmaps_in_group, moved_file, 'sync', has(WRITEBACK), far=True),
    'reclaim-files': Kind(dirty_outside, anon, 'sync', mem=512,
                          ready=lambda guest: meminfo(guest, 'Writeback') > 200 * 1024),
    'reclaim-swap': Kind(swap_on, anon_everywhere, 'true', mem=512, ready=lambda guest: True),
}


def where_is(guest, program):
    """Where in the kernel a program is."""
    try:
        calls = re.findall(r' (\w+)\S*\+0x', guest.sh('cat /proc/$(pidof %s)/stack' % program, 5)[1])
    except GuestTimeout:
        calls = []
    return ' < '.join(calls[:8]) or 'a place that the guest does not tell'


class Hung:
    """A guest whose disk hangs, with a DIMM that has pages which wait for it, and a second DIMM that is offline.

    As a context it ends with a disk that works; then all content is right, and both DIMMs can go.
    """

    def __init__(self, t, kind, size=2 * BLOCK):
        self.kind, self.dimm, self.jobs = kind, None, []
        self.guest = guest = t.guest(mem=kind.mem, nodes=[(kind.mem, 2), (0, 0)] if kind.far else None,
                                     extra=disks.arguments())
        # A task that waits for the disk is none that the kernel has lost.
        require_answers(guest, '/proc/sys/kernel/hung_task_timeout_secs', [('0', None)])
        self.jobs += kind.prepare(self) or []
        self.dimm = rounds.add(guest, 'dimm0', size, node=1 if kind.far else 0)
        self.other = rounds.add(guest, 'dimm1', BLOCK)
        if kind.far:
            rounds.online(guest, self.dimm.blocks[:1], 'online_kernel')
        else:
            rounds.online(guest, self.dimm.blocks)
        self.jobs += kind.make(self) or [] if kind.make else []
        self.folder = devices.group_of(guest, self.dimm)

    def __enter__(self):
        self.hang()
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            return self.end()
        with contextlib.suppress(GuestError, QmpError):
            self.lift()
            for job in self.jobs:
                self.guest.stop(job, 9)
        return None

    def hang(self):
        """Have the disk hang, and pages wait for it."""
        disks.throttle(self.guest, disks.HANGING)
        if self.kind.start:
            self.jobs.append(self.guest.start(self.kind.start))
        else:
            self.jobs[-1].kill()
        ready = self.kind.ready or (lambda guest: self.are_stuck())
        rounds.wait_until(self.guest, lambda: ready(self.guest), 20, 'pages that wait')
        self.before = self.books()

    def lift(self):
        """Have the disk work again."""
        disks.throttle(self.guest, 0)

    def end(self):
        """End it all, with a disk that works."""
        self.lift()
        for job in self.jobs:
            if 'page_kinds' in job.what:
                job.kill()
            status, output = job.wait(120 * self.guest.patience)
            require(status == 0 or 'stat ' in job.what, '%s ended with %s: %s' % (job.what, status, output.strip()))
            require('page_kinds' not in job.what or 'intact' in output, 'the content is wrong: ' + output)
        require_answers(self.guest, self.folder + '/offline_timeout_ms', [(str(LONG_MS), None)])
        for dimm in (self.other,) if self.kind.far else (self.dimm, self.other):
            rounds.remove(self.guest, dimm)

    def waiting(self):
        """How many pages of each block wait."""
        return {block: sum(1 for flags in pages.flags_in(self.guest, block) if self.kind.waits(flags))
                for block in self.dimm.blocks}

    def are_stuck(self):
        """Whether the same number of pages waits twice in a row."""
        counts = self.waiting()
        return any(counts.values()) and counts == self.waiting()

    def block(self):
        """The last block that has some of them: kernel memory is in those before."""
        return max(block for block, count in self.waiting().items() if count)

    def books(self):
        """What the kernel says of its memory: what is written to the disk cannot be waited for."""
        return rounds.Snapshot(self.guest.sh(rounds.GATHER)[1])

    def require_back(self):
        """Fail unless all that was to go is in use again as before; how much is free is not compared."""
        rounds.require_blocks(self.guest, self.dimm.blocks, 'state', 'online')
        found = rounds.compare(self.before, self.books(), bounds={})
        require(not found, 'the guest is not as before:\n' + '\n'.join(found))


class Hog:
    """A program that keeps CPU 1 to itself; as a context it has ended afterwards."""

    def __init__(self, guest):
        self.guest, self.job = guest, guest.start('exec /selftests/hog_cpu 1')
        self.job.wait_output('ready', 60 * guest.patience)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lift()

    def lift(self):
        """End it."""
        if not self.job.ended:
            self.guest.stop(self.job, 9)


# Answers

def finish(cause, job, seconds):
    """Wait for the program timed, which is to end; return what it says.

    A hang is a failure: then the cause (of class Hung or Hog) is taken away, so that the guest can end.
    """
    try:
        return job.wait(seconds + HANGS * cause.guest.patience)[1]
    except GuestTimeout:
        where = where_is(cause.guest, 'timed')
        cause.lift()
        output = job.wait(120 * cause.guest.patience)[1]
        raise Failure('%s: has ended only without what it waited for, and says %s; it was in %s' % (
            job.what, output.strip(), where))


def timed_write(cause, folder, word, seconds, alarm='', on=''):
    """Write a word to a state; return (errno's name, ms), with ms in the guest's time.  A hang is a failure."""
    job = cause.guest.start('exec %s/selftests/timed write %s/state %s %s' % (on, folder, word, alarm))
    output = finish(cause, job, seconds)
    match = re.match(r'^(\d+) ([\d.]+)$', output)
    require(match, 'timed says %s' % output)
    return errno_name(int(match.group(1))), float(match.group(2))


def in_tries(scale, attempt, margin=MARGIN_MS, tries=TRIES):
    """Fail unless one of some attempts, which return how many ms an end was late, is not late by more than a margin."""
    late = []
    while not late or late[-1] > margin * scale:
        require(len(late) < tries, 'late by %s ms, %d are allowed' % (late, margin * scale))
        late.append(attempt())

# SPDX-License-Identifier: GPL-2.0
"""The works that make bench measures, each the same for every kernel.

A work boots its own guests, does what a user would, and gives figures to its
Bench: put(row, value, unit).  Works on the instruction clock ("icount") read the
monotonic clock of a guest whose time is its instructions; works on the wall
clock ("wall") run alone on the machine.

What is timed: writes to sysfs from before the first to after the last, in one
process of the guest; an ACPI operation from the interrupt to the end of the
hotplug work, by two trace events.  Every guest first sees one DIMM come and go
(the warm-up), and the first of several repetitions does not count, so that nothing
is timed that only a first operation does.  RCU grace
periods are expedited on the instruction clock: an ordinary one ends with a tick,
and then a short figure would depend on where between two ticks it began.
"""
import os
import re
import time

from . import devices, disks, rounds
from .agent import GuestError
from .guest import BUILD, MIB, UnplugRefused
from .report import Failure

GIB = 1024 * MIB
TRACING = '/sys/kernel/tracing/'
EXPEDITED = 'rcupdate.rcu_expedited=1'
ICOUNT_GUEST = {'icount': True, 'smp': 2, 'scale': 20.0, 'cmdline': EXPEDITED}
USED_MIB = 400
IN_USE_GIB = (17, 3)  # stock moves pages through all of a DIMM, and so the host has to have all of it
WORKS = {}


class Work:
    """A work: what it is called, on which clock it runs, whether a quick run has it."""

    def __init__(self, function, clock, quick, cost, gib):
        self.gib = gib  # memory that a guest takes of the host: with the stock kernel, with ours
        self.function, self.name, self.clock, self.quick = function, function.__name__, clock, quick
        self.place = len(WORKS)
        self.cost = cost  # stock seconds on the host, roughly: the longest are started first
        self.title = function.__doc__.splitlines()[0].rstrip('.')


def work(clock='icount', quick=False, cost=10, gib=(2, 2)):
    """Register a work."""
    def register(function):
        WORKS[function.__name__] = Work(function, clock, quick, cost, gib)
        return function
    return register


# Steps

def warm_up(guest):
    """One small DIMM comes, is used and goes."""
    dimm = rounds.add(guest, 'warm', 256 * MIB)
    rounds.online(guest, dimm.blocks)
    rounds.offline(guest, dimm.blocks)
    rounds.remove(guest, dimm, 300)


def trace_acpi(guest):
    """Have the guest trace what hotplug_work_ms() looks at."""
    for event in ('irq/irq_handler_entry', 'workqueue/workqueue_execute_start', 'workqueue/workqueue_execute_end'):
        if guest.write(TRACING + 'events/%s/enable' % event, '1'):
            raise GuestError('no trace event ' + event)
    guest.write(TRACING + 'trace_clock', 'mono')
    guest.write(TRACING + 'buffer_size_kb', '4096')


def boot(bench, **options):
    """A guest on the instruction clock that has been warmed up."""
    guest = bench.guest(**{**ICOUNT_GUEST, **options})
    trace_acpi(guest)
    warm_up(guest)
    return guest


def program(guest, command, timeout=600):
    """Run the bench program; return the nanoseconds it tells."""
    status, output = guest.sh('/bench ' + command, timeout)
    match = re.search(r'^ns (\d+)$', output, re.M)
    if status or not match:
        raise Failure('bench %s: status %d: %s' % (command.split()[0], status, output.strip()))
    return int(match.group(1))


def write_names(guest, word, names, warm='-'):
    """Milliseconds for a word written to the state of what has these names."""
    return program(guest, 'state %s %s %s' % (word, warm, ' '.join(names))) / 1e6


def write_states(guest, word, blocks, warm=None):
    """Milliseconds for a word written to the state of these blocks."""
    return write_names(guest, word, ['memory%d' % block for block in blocks],
                       '-' if warm is None else 'memory%d' % warm)


def write_device(guest, word, dimm):
    """Milliseconds for a word written to the state of a device; to all of its blocks where it has no file for that."""
    if guest.sh('test -e %s/memory%d/group' % (rounds.MEMORY, dimm.blocks[0]))[0]:
        return write_states(guest, word, dimm.blocks)
    return write_names(guest, word, [os.path.basename(devices.group_of(guest, dimm))])


def hotplug_work_ms(guest):
    """Milliseconds from the ACPI interrupt to the end of the hotplug work it led to, or None."""
    begin = end = None
    for line in guest.read(TRACING + 'trace').splitlines():
        match = re.search(r'\s(\d+\.\d+): (\w+): (.*)', line)
        if not match:
            continue
        when, event, rest = float(match.group(1)), match.group(2), match.group(3)
        if event == 'irq_handler_entry' and 'name=acpi' in rest and begin is None:
            begin = when
        elif event == 'workqueue_execute_end' and 'acpi_hotplug_work_fn' in rest:
            end = when
    return None if begin is None or end is None else (end - begin) * 1e3


def timed_acpi(guest, action):
    """Do something that makes the guest's ACPI work once; return how many milliseconds that took.

    The guest does nothing else meanwhile: the action has no command run in it before
    the ACPI work is done, and what was asked of it before has ended.
    """
    guest.sh('/bench mark start', check=True)
    guest.sh(': >%strace' % TRACING, check=True)
    time.sleep(0.1)
    action()
    guest.sh('/bench mark stop', check=True)
    for _ in range(100):
        spent = hotplug_work_ms(guest)
        if spent is not None:
            return spent
        time.sleep(0.1)
    raise Failure('no end of the ACPI hotplug work in the trace')


def add_timed(guest, name, size, backing=None):
    """Plug a DIMM and wait for its blocks; return it and the milliseconds."""
    result = []
    spent = timed_acpi(guest, lambda: result.append(rounds.add(guest, name, size, backing=backing)))
    return result[0], spent


def remove_timed(guest, dimm):
    """Unplug a DIMM, whatever is in it; return the milliseconds."""
    def unplug():
        try:
            guest.del_dimm(dimm.name, 900)
        except UnplugRefused as e:
            raise Failure(str(e))
    return timed_acpi(guest, unplug)


def cache_image():
    """A file system image with a file of USED_MIB to fill the page cache from."""
    folder, image = os.path.join(BUILD, 'bench/cache'), os.path.join(BUILD, 'bench/cache.img')
    if not os.path.exists(image):
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, 'data'), 'wb') as f:
            for number in range(USED_MIB):
                f.write((b'%07d\n' % number) * (MIB // 8))
        disks.make_image(image, USED_MIB + 64, '-O', '^has_journal', '-d', folder)
    return image


CACHE_DEVICE = ('-drive', 'if=none,id=cache,format=raw,readonly=on,file=%s', '-device', 'virtio-blk-pci,drive=cache')


def fill(guest, kind, mib=USED_MIB):
    """Start the program that uses memory; it has used it when this returns."""
    if kind == 'hugetlb':
        guest.write('/proc/sys/vm/nr_hugepages', str(mib // 2))
    if kind == 'cache':
        guest.sh('mkdir -p /mnt && mount -o ro -t ext4 /dev/vda /mnt', check=True)
    job = guest.start('exec /bench fill %s %d /mnt/data' % (kind, mib))
    job.wait_output('ready', 120 * guest.patience)
    return job


def end_fill(job, guest):
    """Stop it; its memory must have the content it was given."""
    job.kill()
    status, output = job.wait(60 * guest.patience)
    if status:
        raise Failure('the memory lost its content: status %d %s' % (status, output))


def used_dimm(bench, kind, gib=16, mib=USED_MIB):
    """A guest with a DIMM online in which memory of this kind is used: guest, DIMM, job."""
    extra = [w % cache_image() if '%s' in w else w for w in CACHE_DEVICE] if kind == 'cache' else []
    guest = boot(bench, extra=extra)
    dimm = rounds.add(guest, 'dimm0', gib * GIB)
    rounds.online(guest, dimm.blocks)
    job = fill(guest, kind, mib)
    used = rounds.used_in(guest, dimm)
    if used < mib * 9 // 10:
        raise Failure('only %d of %d MiB are in the DIMM' % (used, mib))
    return guest, dimm, job


def put_moves(bench, row, guest, before, mib):
    """The figure "pages moved per page in use"."""
    bench.put(row + ': pages moved per page in use', (rounds.migrated(guest) - before) / (mib * 256), '')


# Works: empty memory

ONE_GIB = {'add': 'add 1 GiB by device_add', 'online': 'online 1 GiB', 'offline': 'offline 1 GiB',
           'remove': 'remove 1 GiB, offline, by device_del'}


def one_dimm(guest, name, gib):
    """A DIMM of so many GiB and one block comes and goes: milliseconds for what would be without the block.

    The block is put on- and offline just before the others, so that nothing first counts.
    """
    dimm, spent = add_timed(guest, name, gib * GIB + 128 * MIB)
    blocks, warm = dimm.blocks[:-1], dimm.blocks[-1]
    share = len(blocks) / len(dimm.blocks)
    return {'add': spent * share, 'online': write_states(guest, 'online_movable', blocks, warm),
            'offline': write_states(guest, 'offline', blocks, warm), 'remove': remove_timed(guest, dimm) * share}


@work(quick=True, cost=20)
def one_gib(bench):
    """1 GiB, empty: add by probe and by DIMM, online and offline block by block."""
    guest = boot(bench)
    for number in range(13):
        spent = program(guest, 'probe %#x %#x 8' % ((256 + number) * GIB, 128 * MIB)) / 1e6
        if number:
            bench.put('add 1 GiB by probe', spent, 'ms')
    for number in range(51):
        figures = one_dimm(guest, 'dimm%d' % number, 1)
        for name, value in figures.items() if number else ():
            bench.put(ONE_GIB[name], value, 'ms')


@work(quick=True, cost=40)
def sixteen_gib(bench):
    """16 GiB, empty: online and offline block by block, up and down."""
    guest = boot(bench)
    dimm = rounds.add(guest, 'dimm0', 16 * GIB)
    times = 2 if bench.kernel == 'stock' else 8  # a tick is 3 % of what ours takes, and nothing in stock's 680 ms
    for name, step in (('ascending', 1), ('descending', -1)) * times:
        blocks = dimm.blocks[::step]
        bench.put('online 16 GiB ' + name, write_states(guest, 'online_movable', blocks), 'ms')
        bench.put('offline 16 GiB ' + name, write_states(guest, 'offline', blocks), 'ms')


@work(quick=True, cost=20)
def sixteen_gib_at_once(bench):
    """16 GiB, empty: online and offline as a device."""
    guest = boot(bench)
    dimm = rounds.add(guest, 'dimm0', 16 * GIB)
    for number in range(3 if bench.kernel == 'stock' else 9):
        for word in ('online_movable', 'offline'):
            spent = write_device(guest, word, dimm)
            if number:
                bench.put('%s 16 GiB as a device' % word.partition('_')[0], spent, 'ms')


@work(quick=True, cost=20)
def empty_device_del(bench):
    """16 GiB, empty: device_del."""
    guest = boot(bench)
    for number in range(11):
        dimm = rounds.add(guest, 'dimm%d' % number, 16 * GIB)
        rounds.online(guest, dimm.blocks)
        spent = remove_timed(guest, dimm)
        if number:
            bench.put('device_del 16 GiB, online, empty', spent, 'ms')


def growth(times, warm):
    """Cost per GiB of a DIMM of each of these sizes (GiB: how often), after some that do not count."""
    def run(bench):
        guest = boot(bench, mem=4096, maxmem='128G')
        for gib, number in [(g, n) for g in times for n in range(warm + times[g])]:
            figures = one_dimm(guest, 'dimm%d-%d' % (gib, number), gib)
            for name, value in figures.items() if number >= warm else ():
                bench.put('%s, per GiB of %d' % (name, gib), value / gib, 'ms')
    return run


@work(quick=True, cost=20)
def growth_small(bench):
    """Growth with size: 1 and 4 GiB."""
    growth({1: 50, 4: 20}, 6)(bench)


@work(cost=60, gib=(4, 4))
def growth_large(bench):
    """Growth with size: 16 and 64 GiB."""
    growth({16: 6, 64: 3}, 1)(bench)


def toggle_timed(guest, dimm):
    """Put a DIMM on- and offline, block by block and as a device; return the milliseconds for each."""
    blocks = ['memory%d-%d' % (dimm.blocks[0], dimm.blocks[-1])]
    by_block = [write_names(guest, word, blocks) for word in ('online_movable', 'offline')]
    at_once = [write_device(guest, word, dimm) for word in ('online_movable', 'offline')]
    return dict(zip(('online', 'offline', 'online as a device', 'offline as a device'), by_block + at_once))


@work(cost=200, gib=(6, 6))
def many_blocks(bench):
    """A DIMM of 100 and one of 10,000 blocks, cost per block; with stock only that of 100.

    The blocks carry their struct pages: 20 GiB of the 1,250, which go to a file.
    """
    guest = boot(bench, mem=2048, maxmem='1400G', cmdline=EXPEDITED + ' memory_hotplug.memmap_on_memory=Y',
                 extra=['-cpu', 'max,erms=off,fsrm=off,phys-bits=44'])
    for nr in (100, 100, 100) if bench.kernel == 'stock' else (100, 100, 100, 10000):
        backing = guest.path('dimm.img')
        try:
            dimm, spent = add_timed(guest, 'dimm', nr * 128 * MIB, backing)
            figures = {'add': spent, **toggle_timed(guest, dimm), 'remove': remove_timed(guest, dimm)}
        finally:
            if os.path.exists(backing):
                os.unlink(backing)
        for name, value in figures.items():
            bench.put('%s, per block of %d' % (name, nr), value * 1e3 / nr, 'us')


# Works: memory in use

def block_by_block(bench, kind, name, step):
    """Offline a 16 GiB DIMM in use block by block."""
    guest, dimm, job = used_dimm(bench, kind)
    before = rounds.migrated(guest)
    row = 'offline 16 GiB with %d MiB %s, %s' % (USED_MIB, kind, name)
    bench.put(row, write_states(guest, 'offline', dimm.blocks[::step]), 'ms')
    put_moves(bench, row, guest, before, USED_MIB)
    end_fill(job, guest)


def unplug_in_use(bench, kind):
    """device_del of a 16 GiB DIMM in use."""
    guest, dimm, job = used_dimm(bench, kind)
    before = rounds.migrated(guest)
    row = 'device_del 16 GiB with %d MiB %s' % (USED_MIB, kind)
    bench.put(row, remove_timed(guest, dimm), 'ms')
    put_moves(bench, row, guest, before, USED_MIB)
    end_fill(job, guest)


def register_used():
    """A work for each kind of memory and each way to take it away."""
    for kind in ('anon', 'cache', 'shmem', 'thp', 'hugetlb'):
        for name, step in (('ascending', 1), ('descending', -1)):
            def by_block(bench, kind=kind, name=name, step=step):
                block_by_block(bench, kind, name, step)
            by_block.__name__ = '%s_%s' % (kind, name)
            by_block.__doc__ = '16 GiB with %d MiB of %s, block by block, %s' % (USED_MIB, kind, name)
            work(quick=(kind, step) == ('anon', 1), cost=150 if step == 1 else 30,
                 gib=IN_USE_GIB if step == 1 else (4, 3))(by_block)

        def unplug(bench, kind=kind):
            unplug_in_use(bench, kind)
        unplug.__name__ = kind + '_device_del'
        unplug.__doc__ = '16 GiB with %d MiB of %s, device_del' % (USED_MIB, kind)
        work(quick=kind == 'anon', cost=160, gib=IN_USE_GIB)(unplug)


register_used()


@work(cost=60, gib=(9, 3))
def two_dimms(bench):
    """Two 4 GiB DIMMs leave together, with 200 MiB in use in the first."""
    guest = boot(bench)
    dimms = [rounds.add(guest, 'dimm%d' % n, 4 * GIB) for n in range(2)]
    rounds.online(guest, dimms[0].blocks)
    job = fill(guest, 'anon', 200)
    rounds.online(guest, dimms[1].blocks)
    before = rounds.migrated(guest)
    mark = guest.qmp.mark()

    def unplug():
        for dimm in dimms:
            guest.ask_unplug(dimm.name)
        for dimm in dimms:
            guest.wait_unplugged(dimm.name, mark, 900)
    bench.put('device_del of two 4 GiB DIMMs, 200 MiB in use', timed_acpi(guest, unplug), 'ms')
    put_moves(bench, 'device_del of two', guest, before, 200)
    end_fill(job, guest)


# Works on the wall clock

@work(clock='wall', cost=60)
def bystander(bench):
    """A process beside the unplug of a 4 GiB DIMM with 200 MiB in use."""
    guest = bench.guest(smp=2, mem=1024, scale=4.0)
    warm_up(guest)
    stander = guest.start('exec /bench bystander')
    stander.wait_output('ready', 60)
    for number in range(5):
        dimm = rounds.add(guest, 'dimm%d' % number, 4 * GIB)
        rounds.online(guest, dimm.blocks)
        job = fill(guest, 'anon', 200)
        time.sleep(3)
        stander.kill(10)  # SIGUSR1: the busy phase
        guest.del_dimm(dimm.name, 300)
        stander.kill(10)
        end_fill(job, guest)
    stander.kill()
    figures = {}
    for phase, kind, text in re.findall(r'^(\w+) (\w+) n (.*)$', stander.wait(60)[1], re.M):
        values = re.findall(r'(p\S+|max) (\d+)', text)
        figures.update({(phase, kind, name): int(value) for name, value in values})
    for kind in ('alloc', 'cpu'):
        for name in ('p50', 'p99', 'p99.9'):
            idle, busy = figures['idle', kind, name], figures['busy', kind, name]
            bench.put('bystander, %s, %s: busy to idle' % (kind, name), busy / idle, '')
        bench.put('bystander, %s: longest delay' % kind, figures['busy', kind, 'max'] / 1e6, 'ms')


def come_and_go(guest, name, times):
    """A DIMM of 16 GiB comes, goes online as a device and offline some times, and goes: milliseconds of each step."""
    dimm, added = add_timed(guest, name, 16 * GIB)
    onlined = []
    for _ in range(times):
        onlined.append(write_device(guest, 'online_movable', dimm))
        write_device(guest, 'offline', dimm)
    remove_timed(guest, dimm)
    return added, min(onlined)


@work(clock='wall', cost=90)
def processors(bench):
    """Add of 16 GiB, and its online as a device: what a second processor gains."""
    spent = {}
    for smp in (1, 2):
        guest = bench.guest(smp=smp, mem=2048, scale=4.0, cmdline=EXPEDITED)
        trace_acpi(guest)
        warm_up(guest)
        come_and_go(guest, 'first', 1)
        figures = [come_and_go(guest, 'dimm%d' % number, 4) for number in range(10)]
        spent[smp] = [min(values) for values in zip(*figures)]
        problems = guest.close()  # before the next one takes its folder
        if problems:
            raise Failure('; '.join(problems))
    for smp, name in ((1, 'one processor'), (2, 'two processors')):
        bench.put('add 16 GiB, ' + name, spent[smp][0], 'ms')
        bench.put('online 16 GiB as a device, ' + name, spent[smp][1], 'ms')
    bench.put('online 16 GiB as a device: one processor to two', spent[1][1] / spent[2][1], '')
    bench.put('add and online 16 GiB: one processor to two', sum(spent[1]) / sum(spent[2]), '')


def survives(bench, mem):
    """Whether a guest of mem MiB has 12 GiB online after a hot-add."""
    guest = bench.guest(mem=mem, maxmem='32G', cmdline='memhp_default_state=online_movable', scale=2.0, judged=False)
    try:
        dimm = rounds.plug(guest, 'big', 12 * GIB)
        rounds.wait_blocks(guest, dimm.blocks, 'online', 30)
    except (Failure, GuestError):
        return False
    finally:
        guest.kill()
    return 'Out of memory' not in guest.console()


@work(clock='wall', cost=60)
def smallest_guest(bench):
    """The smallest guest that has 12 GiB online after a hot-add."""
    low, high = 96, 1024  # MiB: dies, lives
    if not survives(bench, high):
        raise Failure('even %d MiB are too little' % high)
    while high - low > 32:
        middle = (low + high) // 64 * 32
        if survives(bench, middle):
            high = middle
        else:
            low = middle
    bench.put('smallest guest for 12 GiB more', high, 'MiB')

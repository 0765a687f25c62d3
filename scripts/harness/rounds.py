# SPDX-License-Identifier: GPL-2.0
"""Steps of memory hotplug in a guest, and snapshots to show that nothing is left behind.

Owns what "as it was" means (snapshot, compare), the four steps (add, online,
offline, remove) with their checks, and the round that the main job runs.  Every
step raises Failure with what is wrong; nothing here prints, except through say().
"""
import re
import time

from . import counters
from .guest import MIB, UnplugRefused
from .report import Failure

MEMORY = '/sys/devices/system/memory'
NODE = '/sys/devices/system/node'
KIB_PER_PAGE = 4
DEPOT_POOL = 16  # kB
NEVER_EMPTY = ('iomem', 'tree', 'threads', 'slabs', 'blocks')  # parts that each of our kernels tells

# One shell command gathers it all: the sections are separated by lines "@name".
# What must add up is read by one process: the end of another would give memory back in between.
GATHER = r'''
cat /proc/sys/vm/stat_refresh 2>/dev/null
echo @iomem; cat /proc/iomem
cd /proc && head -v -n 100000 meminfo zoneinfo buddyinfo
echo @tree; find /sys/devices/system/memory /sys/bus/memory /sys/devices/system/node /sys/firmware/memmap 2>/dev/null |
	sort | xargs stat -c '%A %N'
echo @memmap; grep -rs . /sys/firmware/memmap | sort
echo @masks; cd /sys/devices/system/node && grep -s . online possible has_*
echo @threads; cat /proc/[0-9]*/comm 2>/dev/null | grep -E '^(kswapd|kcompactd)' | sort
echo @slabs; cat /proc/slabinfo
echo @depot; cat /sys/kernel/debug/stackdepot/stats 2>/dev/null
echo @audit; cat /sys/kernel/debug/memory_hotplug/audit 2>/dev/null
echo @blocks; cd /sys/devices/system/memory && for file in state valid_zones phys_index online; do
	grep -s . memory*/$file; done
'''


# Slabs that are empty, or of which a processor has the free objects, are given back too.  The files in the loop have
# names and inodes: the kernel spares them at first, RCU frees them later, and KASAN keeps them until the cache shrinks.
SHRINK = 'for cache in %s; do echo 1 >/sys/kernel/slab/$cache/shrink; done'
SETTLE = '; '.join(('sync; echo 3 >/proc/sys/vm/drop_caches', SHRINK % '$(ls /sys/kernel/slab)',
                    'for try in 1 2 3; do echo 2 >/proc/sys/vm/drop_caches; done',
                    'echo 1 >/sys/module/rcutree/parameters/do_rcu_barrier',
                    SHRINK % 'dentry inode_cache proc_inode_cache',
                    'echo 1 >/proc/sys/vm/compact_memory; echo >/proc/sys/vm/stat_refresh'))


class Snapshot:
    """What the kernel says about its memory at one moment."""

    def __init__(self, text):
        parts = re.split(r'^(?:@|\n?==> )(\w+)(?: <==)?\n', text, flags=re.M)
        self.parts = dict(zip(parts[1::2], parts[2::2]))
        self.meminfo = {k: int(v) for k, v in re.findall(r'^([\w()]+):\s+(\d+)', self.parts['meminfo'], re.M)}
        self.zones, self.pcp_pages = read_zones(self.parts['zoneinfo'])
        self.blocks = read_blocks(self.parts.get('blocks', ''))
        self.masks = dict(re.findall(r'^(\w+):(.*)$', self.parts['masks'], re.M))
        self.threads = self.parts['threads'].split()
        self.slabs = counters.read_slabs(self.parts.get('slabs', ''))
        self.counters = counters.read(self.meminfo, self.unexplained, self.slabs)

    @property
    def total(self):
        """MemTotal in kB."""
        return self.meminfo['MemTotal']

    @property
    def free(self):
        """Free memory in kB, with what waits in per-CPU lists: pages go from one to the other, so of one moment."""
        return (sum(zone.get('free', 0) for zone in self.zones.values()) + self.pcp_pages) * KIB_PER_PAGE

    @property
    def unexplained(self):
        """The part of MemTotal (kB) that no counter claims: what the kernel took for itself.

        The pools of the stack depot, of which KASAN and page owner fill more with each new call path, are known.
        """
        names = ('Buffers', 'Cached', 'SwapCached', 'AnonPages', 'Slab', 'KernelStack', 'PageTables',
                 'SecPageTables', 'Percpu', 'VmallocUsed')
        pools = re.search(r'^pools: (\d+)$', self.parts.get('depot', ''), re.M)
        return (self.total - self.free - sum(self.meminfo.get(n, 0) for n in names) -
                (int(pools.group(1)) * DEPOT_POOL if pools else 0))

    @property
    def buddy(self):
        """The free memory (kB) that the buddy lists have."""
        pages = 0
        for line in self.parts['buddyinfo'].splitlines():
            counts = line.split('zone')[1].split()[1:]
            pages += sum(int(n) << order for order, n in enumerate(counts))
        return pages * KIB_PER_PAGE


def read_zones(text):
    """/proc/zoneinfo: {(node, zone): {spanned, present, managed, free, start_pfn}}, pages in per-CPU lists."""
    zones, zone, pcp = {}, None, 0
    for line in text.splitlines():
        words = line.replace(':', ' ').replace(',', ' ').split()
        if line.startswith('Node'):
            zone = zones.setdefault((int(words[1]), words[3]), {})
        elif words[0] in ('spanned', 'present', 'managed', 'start_pfn'):
            zone[words[0]] = int(words[1])
        elif words[:2] == ['pages', 'free']:
            zone['free'] = int(words[2])
        elif words[0] == 'count':
            pcp += int(words[1])
    for zone in zones.values():
        if not zone.get('spanned'):
            zone.pop('start_pfn', None)  # of no meaning in an empty zone
    return zones, pcp


def read_blocks(text):
    """The attribute files of all blocks: {number: {file: content}}."""
    blocks = {}
    for number, name, value in re.findall(r'^memory(\d+)/(\w+):(.*)$', text, re.M):
        blocks.setdefault(int(number), {})[name] = value
    return blocks


def snapshot(guest):
    """Take a snapshot.

    Lists and counter of free memory are read one after the other, while the guest
    goes on: they count as different when they are so every time.  What a try leaves
    in the caches (the names of all files of all blocks) is none of the next one's.
    """
    for _ in range(5):
        taken = Snapshot(guest.sh(GATHER, 60)[1])
        wanted = NEVER_EMPTY + (('audit',) if guest.configured('MEMORY_HOTREMOVE') else ())
        missing = [name for name in wanted if not taken.parts.get(name, '').strip()]
        if missing:
            raise Failure('the guest tells nothing of %s' % ', '.join(missing))
        if abs(taken.buddy - taken.meminfo['MemFree']) <= 2048:
            return taken
        settle(guest)
    raise Failure('buddyinfo has %d kB, MemFree %d kB' % (taken.buddy, taken.meminfo['MemFree']))


def line_differences(name, before, after):
    """The lines that came and went, a few of them."""
    old, new = before.splitlines(), after.splitlines()
    lines = ['- ' + line for line in old if line not in new] + ['+ ' + line for line in new if line not in old]
    if not lines and before != after:
        lines = ['the same lines in another order']
    return ['%s: %s' % (name, line) for line in lines[:6]] + \
           (['%s: %d lines more' % (name, len(lines) - 6)] if len(lines) > 6 else [])


def audit_lines(taken, types_of=()):
    """What the kernel's own books say, without what changes by itself.

    That is the types of pageblocks outside ZONE_MOVABLE, where allocations change
    them, but for those in types_of, ranges of bytes.
    """
    spans = [(start // 4096, end // 4096) for start, end in types_of]
    kept = []
    for line in taken.parts.get('audit', '').splitlines():
        match = re.match(r'pageblocks (\w+) (0x\w+)-(0x\w+) (\w+)', line)
        if not match or match.group(1) == 'Movable':
            kept.append(line)
            continue
        first, last = int(match.group(2), 16), int(match.group(3), 16)
        for start, end in spans:
            if first < end and last >= start:
                kept.append('types %#x-%#x %s' % (max(first, start), min(last, end - 1), match.group(4)))
    return '\n'.join(kept)


def zone_figures(taken):
    """Spanned, present, managed and start of each zone, as text."""
    return '\n'.join('node %d zone %s: %s' % (node, zone, ' '.join(
        '%s %d' % (k, v) for k, v in sorted(figures.items()) if k != 'free'))
        for (node, zone), figures in sorted(taken.zones.items()))


def compare(before, after, bounds=counters.BOUNDS, types_of=()):
    """What differs between two snapshots, as a list of lines; empty if all is as it was and the books balance."""
    found = [line for line in after.parts.get('audit', '').splitlines() if line.startswith('problem')]
    found += line_differences('audit', audit_lines(before, types_of), audit_lines(after, types_of))
    for name in ('iomem', 'tree', 'memmap', 'masks', 'threads', 'blocks'):
        found += line_differences(name, before.parts[name], after.parts[name])
    found += line_differences('zoneinfo', zone_figures(before), zone_figures(after))
    if before.total != after.total:
        found.append('MemTotal: %d kB, was %d kB' % (after.total, before.total))
    return found + counters.grown(before, after, bounds)


def settle(guest):
    """Give back what caches keep, so that MemFree can be compared."""
    guest.sh(SETTLE, 60)


def settled(guest):
    """A snapshot to compare with: caches have given back what they keep."""
    settle(guest)
    return snapshot(guest)


def require_same(guest, before, what='afterwards', types_of=(), ignored=None):
    """Fail unless a new snapshot equals the one from before; return it.

    Work that the kernel puts off (RCU, per-CPU caches) gets two seconds; types_of is as for
    audit_lines(), ignored a regex for what may differ.
    """
    bounds = counters.bounds_of(guest)
    for last in (False, False, False, True):
        after = settled(guest)
        found = [line for line in compare(before, after, bounds, types_of)
                 if not (ignored and re.search(ignored, line))]
        if not found:
            return after
        if last:
            raise Failure('the guest is not as before %s:\n%s' % (what, '\n'.join(found)))
        time.sleep(0.6 * guest.scale)


class Dimm:
    """A pc-dimm that was added, and its blocks."""

    def __init__(self, name, size, addr, node, block_size):
        self.name, self.size, self.addr, self.node = name, size, addr, node
        self.blocks = list(range(addr // block_size, (addr + size) // block_size))


def block_size(guest):
    """Bytes in a block."""
    return int(guest.read(MEMORY + '/block_size_bytes'), 16)


def block_files(guest, blocks, name):
    """One attribute of each of some blocks; None for a block that is not there."""
    text = guest.sh('cd %s && grep -s . memory*/%s' % (MEMORY, name))[1]
    found = {int(n): v for n, v in re.findall(r'^memory(\d+)/\w+:(.*)$', text, re.M)}
    return [found.get(b) for b in blocks]


def require_blocks(guest, blocks, name, wanted):
    """Fail unless an attribute reads the same wanted text in each block."""
    for block, value in zip(blocks, block_files(guest, blocks, name)):
        if value != wanted:
            raise Failure('memory%d/%s is %s, not %s' % (block, name, value, wanted))


def wait_until(guest, done, seconds, what):
    """Poll the guest until done()."""
    end = time.monotonic() + seconds * guest.patience
    while not done():
        if time.monotonic() > end:
            raise Failure('%s: not within %g s' % (what, seconds * guest.patience))
        time.sleep(0.05)


def wait_blocks(guest, blocks, state, seconds):
    """Wait until each of some blocks is there and in a state."""
    wait_until(guest, lambda: set(block_files(guest, blocks, 'state')) <= {state}, seconds,
               'blocks %s %s' % (blocks, state))


def plug(guest, name, size, node=0, addr=None, backing=None):
    """Plug a DIMM, and do not look at what the guest does; return it."""
    block = block_size(guest)
    data = guest.add_dimm(name, size, node=node, addr=addr, reserve=False, backing=backing)
    return Dimm(name, size, data['addr'], node, block)


def wait_added(guest, dimm, mark):
    """Wait for the blocks of a plugged DIMM, offline, and for the guest's success through _OST."""
    def answers():
        return [o[2] for o in guest.ost_events(mark) if o[:2] == (dimm.name, 1)]
    wait_until(guest, answers, 30, '_OST for the insertion of ' + dimm.name)
    if answers() != [0]:
        raise Failure('%s: the guest answered the insertion with _OST %s' % (dimm.name, answers()))
    wait_until(guest, lambda: None not in block_files(guest, dimm.blocks, 'state'), 10, 'blocks of ' + dimm.name)
    require_blocks(guest, dimm.blocks, 'state', 'offline')


def add(guest, name, size, node=0, addr=None, backing=None):
    """Plug a DIMM and wait until it is added."""
    mark = guest.qmp.mark()
    dimm = plug(guest, name, size, node, addr, backing)
    wait_added(guest, dimm, mark)
    return dimm


def set_state(guest, blocks, word):
    """Write a word to the state of each block; return the seconds it took."""
    started = time.monotonic()
    for block in blocks:
        error = guest.write('%s/memory%d/state' % (MEMORY, block), word)
        if error:
            raise Failure('memory%d: %s refused: %s' % (block, word, error))
    return time.monotonic() - started


def online(guest, blocks, how='online_movable'):
    """Put blocks online; return the seconds it took."""
    seconds = set_state(guest, blocks, how)
    require_blocks(guest, blocks, 'state', 'online')
    if how == 'online_movable':
        require_blocks(guest, blocks, 'valid_zones', 'Movable')
    return seconds


def offline(guest, blocks):
    """Take blocks offline; return the seconds it took."""
    seconds = set_state(guest, blocks, 'offline')
    require_blocks(guest, blocks, 'state', 'offline')
    return seconds


def wait_removed(guest, dimm, mark, timeout=180):
    """Wait until an unplugged DIMM is gone: blocks, device, and success through _OST."""
    try:
        guest.wait_unplugged(dimm.name, mark, timeout)
    except UnplugRefused as e:
        raise Failure(str(e))
    wait_until(guest, lambda: (dimm.name, 3, 0) in guest.ost_events(mark), 10,
               '_OST success for the removal of ' + dimm.name)
    bad = [o for o in guest.ost_events(mark) if o[0] == dimm.name and o[2] not in (0, 0x84, 0x85)]
    if bad:
        raise Failure('%s: _OST said %s' % (dimm.name, bad))
    left = [b for b, s in zip(dimm.blocks, block_files(guest, dimm.blocks, 'state')) if s is not None]
    if left:
        raise Failure('%s is gone, its blocks %s are still there' % (dimm.name, left))


def remove(guest, dimm, timeout=180):
    """Unplug a DIMM; the guest has to offline what is online and let go; return the seconds it took."""
    started = time.monotonic()
    wait_removed(guest, dimm, guest.ask_unplug(dimm.name), timeout)
    return time.monotonic() - started


def own_memmaps(guest):
    """Bytes of struct pages that blocks which are online have in themselves."""
    command = 'cd %s && for f in $(grep -sl 1 memory*/memmap_on_memory); do cat ${f%%/*}/state; done' % MEMORY
    return guest.sh(command)[1].split().count('online') * block_size(guest) // 64


def require_growth(guest, before, sizes):
    """Fail unless MemTotal is what it was plus these online bytes; return MemTotal in kB."""
    total = int(re.search(r'MemTotal:\s+(\d+)', guest.read('/proc/meminfo')).group(1))
    wanted = before.total + (sum(sizes) - own_memmaps(guest)) // 1024
    if total != wanted:
        raise Failure('MemTotal is %d kB, must be %d kB' % (total, wanted))
    return total


def cycle(guest, before, name, size, node=0):
    """Add, online, offline by state, online again and remove one DIMM, with the checks of each step."""
    dimm = add(guest, name, size, node)
    online(guest, dimm.blocks)
    require_growth(guest, before, [size])
    offline(guest, dimm.blocks)
    require_growth(guest, before, [])
    online(guest, dimm.blocks)
    remove(guest, dimm)


def full_round(guest, name, size, node=0):
    """One cycle of a DIMM, after which all must be as before."""
    before = settled(guest)
    cycle(guest, before, name, size, node)
    return require_same(guest, before, 'after the round of %s (%d MiB)' % (name, size // MIB))


def block_map(taken, dimms=(), size=128 * MIB):
    """The blocks as readable lines: equal neighbours in one line."""
    runs = []
    for number, files in sorted(taken.blocks.items()):
        device = next((d.name for d in dimms if number in d.blocks), 'boot')
        key = (files.get('state'), files.get('valid_zones', '-'), device)
        if runs and runs[-1][2] == key and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number, key])
    lines = ['%-9s %-25s %-8s %-16s %s' % ('block', 'address', 'state', 'zone', 'device')]
    for first, last, (state, zone, device) in runs:
        numbers = '%d-%d' % (first, last) if first != last else str(first)
        where = '%#x-%#x' % (first * size, (last + 1) * size - 1)
        lines.append('%-9s %-25s %-8s %-16s %s' % (numbers, where, state, zone, device))
    return '\n'.join(lines)


# The round of the main job

def hog(guest, mib, seed, node=None):
    """Start the pattern program, preferring a node; return it once it has filled its memory."""
    job = guest.start('exec /selftests/pattern %d 0 %d %s' % (mib, seed, '' if node is None else node))
    job.wait_output('ready', 120 * guest.patience)
    return job


def migrated(guest):
    """Pages moved since boot."""
    return int(re.search(r'^pgmigrate_success (\d+)', guest.read('/proc/vmstat'), re.M).group(1))


def used_in(guest, dimm):
    """Pages of the movable zone (of the DIMM's node) that are in use, in MiB."""
    zone = read_zones(guest.read('/proc/zoneinfo'))[0].get((dimm.node, 'Movable'), {})
    return (zone.get('managed', 0) - zone.get('free', 0)) * KIB_PER_PAGE // 1024


def end_hog(guest, job):
    """Stop the pattern program; fail unless every check it made passed; return what it says."""
    if not job.ended:
        job.kill()
    status, output = job.wait(120 * guest.patience)
    if status:
        raise Failure('pattern ended with %d: %s' % (status, output.strip()))
    return output.strip().splitlines()[-1]


def require_used(guest, dimm, mib):
    """Fail unless the pattern program's memory really is in the DIMM."""
    used = used_in(guest, dimm)
    if used < mib * 9 // 10:
        raise Failure('only %d MiB of %d MiB are in %s: the test would prove nothing' % (used, mib, dimm.name))
    return used


def main_round(guest, name, say, seed=1, size=1024 * MIB, mib=512):
    """One round of the main job; say(text) gets the account of it."""
    before = settled(guest)
    say('MemTotal %d kB, free %d kB\n%s' % (before.total, before.free, block_map(before)))
    dimm = add(guest, name, size)
    say('%s of %d MiB added at %#x: blocks %d-%d, offline' % (
        name, size // MIB, dimm.addr, dimm.blocks[0], dimm.blocks[-1]))
    require_growth(guest, before, [])
    seconds = online(guest, dimm.blocks)
    total = require_growth(guest, before, [size])
    say('put online_movable in %.3f s: MemTotal %d kB, %d kB more\n%s' % (
        seconds, total, total - before.total, block_map(snapshot(guest), [dimm])))
    offline_under_load(guest, dimm, say, seed, mib, before)
    online(guest, dimm.blocks)
    unplug_under_load(guest, dimm, say, seed + 1, mib)
    after = require_same(guest, before, 'after the round')
    say('as before: iomem, sysfs, zones, nodes, MemTotal %d kB; free %d kB (%+d kB, %d kB of it unexplained)\n%s' % (
        after.total, after.free, after.free - before.free, before.unexplained - after.unexplained, block_map(after)))


def offline_under_load(guest, dimm, say, seed, mib, before):
    """Offline block by block what the pattern program uses."""
    job = hog(guest, mib, seed)
    say('pattern: %d MiB touched, %d MiB in use in %s' % (mib, require_used(guest, dimm, mib), dimm.name))
    seconds = offline(guest, dimm.blocks)
    require_growth(guest, before, [])
    say('%d blocks taken offline through state in %.3f s' % (len(dimm.blocks), seconds))
    say('pattern: ' + end_hog(guest, job))


def unplug_under_load(guest, dimm, say, seed, mib):
    """Unplug while the pattern program uses the DIMM."""
    job = hog(guest, mib, seed)
    say('online again; pattern: %d MiB in use in %s' % (require_used(guest, dimm, mib), dimm.name))
    mark = guest.qmp.mark()
    seconds = remove(guest, dimm)
    say('device_del: %s gone in %.3f s; _OST (device, source, status): %s' % (
        dimm.name, seconds, ', '.join('(%s, %d, %#x)' % o for o in guest.ost_events(mark))))
    say('pattern: ' + end_hog(guest, job))

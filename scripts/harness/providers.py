# SPDX-License-Identifier: GPL-2.0
"""Devices that bring memory by drivers of their own: virtio-mem and dax.

Owns how they are asked from outside and by daxctl, and what the guest must say of
their blocks, groups and ranges then.
"""
import json
import os
import time

from . import devices, rounds
from .devices import require
from .guest import MIB
from .readings import meminfo, numbers, ram_ranges, require_equal
from .report import Failure

BLOCK = 128 * MIB


class VirtioMem:
    """The device, with its driver loaded: asked from outside, looked at from inside."""

    PATH = '/machine/peripheral/vm0'

    def __init__(self, guest, unit=2 * MIB):
        self.guest, self.unit = guest, unit
        self.bare = rounds.settled(guest)
        guest.sh('modprobe virtio_mem', check=True)
        self.empty = rounds.settled(guest)
        self.folder = os.path.dirname(guest.sh('grep -lx dynamic %s/group*/kind' % rounds.MEMORY, check=True)[1])
        told = guest.query_dimms()['vm0']
        self.region = told['max-size']
        self.dimm = rounds.Dimm('vm0', 0, told['memaddr'], 0, BLOCK)

    def property(self, name):
        """What QEMU says of the device."""
        return self.guest.qmp.execute('qom-get', path=self.PATH, property=name)

    def ask(self, size):
        """Tell the guest how much memory it is to have."""
        self.guest.qmp.execute('qom-set', path=self.PATH, property='requested-size', value=size)

    def ask_again(self, size):
        """Ask for a size once more: the device tells the driver only of a change."""
        self.ask(size + self.unit if size + self.unit <= self.region else size - self.unit)
        self.ask(size)

    def reach(self, size, asked=None):
        """Ask for a size, and wait until the device has it, or another one that it must get to.

        What the driver finds busy it tries again after 50 seconds, or when it is asked again;
        while the size changes it is let alone.
        """
        asked = size if asked is None else asked
        self.ask(asked)
        seen, looked = self.property('size'), time.monotonic()
        end = looked + 60 * self.guest.patience
        while seen != size:
            time.sleep(0.02)
            now, last = time.monotonic(), seen
            seen = self.property('size')
            if now > end:
                raise Failure('virtio-mem stays at %d MiB, not %d' % (seen // MIB, size // MIB))
            if seen != last:
                looked = now
            elif now - looked > 1 * self.guest.scale:
                looked = now
                self.ask_again(asked)

    def resize(self, size):
        """Have the device grow or shrink, and MemTotal with it."""
        self.reach(size)
        self.wait_total(size)

    def wait_total(self, size):
        """Wait until MemTotal is what it was plus a size."""
        wanted = self.empty.total + size // 1024
        rounds.wait_until(self.guest, lambda: meminfo(self.guest, 'MemTotal') == wanted, 10,
                          'MemTotal of %d kB with %d MiB more' % (wanted, size // MIB))

    def blocks(self):
        """The blocks of its group."""
        return numbers(self.guest.read(self.folder + '/blocks'))

    def wait_blocks(self, size):
        """Wait until just the blocks for a size are there, from the first on, and online; return them."""
        wanted = [self.dimm.addr // BLOCK + n for n in range(-(-size // BLOCK))]
        rounds.wait_until(self.guest, lambda: self.blocks() == wanted, 10, 'blocks %s of virtio-mem' % wanted)
        rounds.wait_blocks(self.guest, wanted, 'online', 10)
        return wanted

    def require_blocks(self, size, zone):
        """Fail unless it has just the blocks for a size, all in one zone and in its group."""
        wanted = self.wait_blocks(size)
        rounds.require_blocks(self.guest, wanted, 'valid_zones', zone)
        links = self.guest.sh('; '.join('readlink -f %s/group' % devices.block_folder(b) for b in wanted))[1].split()
        require_equal(set(links), {self.folder} if wanted else set(), 'groups of the blocks')
        ranges = [(self.dimm.addr, self.dimm.addr + len(wanted) * BLOCK)] if wanted else []
        # A block is gone before its range is.
        rounds.wait_until(self.guest, lambda: ram_ranges(self.guest, 'System RAM (virtio_mem)') == ranges, 10,
                          'ranges %s in iomem' % ranges)
        require_equal(self.guest.read(self.folder + '/state').strip(), 'online' if wanted else 'offline', 'the group')

    def end(self):
        """Shrink to nothing and unload the driver; fail unless nothing is left of either."""
        self.resize(0)
        self.require_blocks(0, None)
        rounds.require_same(self.guest, self.empty, 'with virtio-mem at 0')
        self.guest.sh('rmmod virtio_mem', check=True)
        rounds.require_same(self.guest, self.bare, 'without the driver')


class Dax:
    """The dax device dax0.0, as daxctl and sysfs show it."""

    FOLDER = '/sys/bus/dax/devices/dax0.0'

    def __init__(self, guest):
        self.guest = guest
        start, size = (int(guest.read('%s/%s' % (self.FOLDER, name)), 0) for name in ('resource', 'size'))
        first, end = -(-start // BLOCK), (start + size) // BLOCK
        self.size = (end - first) * BLOCK
        self.dimm = rounds.Dimm('dax0.0', self.size, first * BLOCK, 0, BLOCK)
        require(self.size >= 896 * MIB, 'the dax device has only the blocks %d to %d' % (first, end))

    def ctl(self, words):
        """Run daxctl for the device; return the status and what it said."""
        return self.guest.sh('daxctl %s dax0.0' % words, 150)

    def do(self, words):
        """Run daxctl for the device; fail unless it worked."""
        status, output = self.ctl(words)
        require(status == 0, 'daxctl %s: status %d: %s' % (words, status, output))

    def require_listed(self, **wanted):
        """Fail unless daxctl lists the device like this."""
        row = json.loads(self.guest.sh('daxctl list -d dax0.0', check=True)[1])[0]
        require_equal({name: row.get(name) for name in wanted}, wanted, 'daxctl list')

    def require_system_ram(self, online, movable=True):
        """Fail unless it is memory, on- or offline, of a group of its own."""
        count = len(self.dimm.blocks)
        self.require_listed(mode='system-ram', online_memblocks=count if online else 0, total_memblocks=count,
                            movable=movable if online else None)
        rounds.require_blocks(self.guest, self.dimm.blocks, 'state', 'online' if online else 'offline')
        require_equal(ram_ranges(self.guest, 'System RAM (kmem)'),
                      [(self.dimm.addr, self.dimm.addr + self.size)], 'iomem')
        folder = devices.group_of(self.guest, self.dimm)
        told = [self.guest.read('%s/%s' % (folder, name)).strip() for name in ('kind', 'nid', 'state', 'blocks')]
        require_equal(told, ['static', '0', 'online' if online else 'offline',
                             '%d-%d' % (self.dimm.blocks[0], self.dimm.blocks[-1])], folder)

# SPDX-License-Identifier: GPL-2.0
"""Pages of a guest by number: what they are, whose they are, huge ones and bad ones."""
import re
import struct

from . import devices, rounds
from .devices import require, require_answers
from .guest import MIB
from .readings import meminfo, require_equal

PAGE = 4096
PAGES_PER_BLOCK = 128 * MIB // PAGE
FREE_FLAG, HUGE_FLAG, POISON_FLAG = 1 << 10, 1 << 17, 1 << 19  # of /proc/kpageflags


class Pool:
    """The huge pages of one size on one node."""

    def __init__(self, guest, node, mib=2):
        self.guest, self.mib = guest, mib
        self.folder = '%s/node%d/hugepages/hugepages-%dkB/' % (rounds.NODE, node, mib * 1024)

    def count(self, name='nr_hugepages'):
        """One of its numbers; 0 if there is no such node."""
        error, text = self.guest.read(self.folder + name, check=False)
        return 0 if error else int(text)

    def fill(self, pages):
        """Have a number of pages in it."""
        require_answers(self.guest, self.folder + 'nr_hugepages', [(str(pages), None)])
        require_equal(self.count(), pages, 'huge pages in ' + self.folder)

    def mount(self, promised=0):
        """Have a file system of such pages on /mnt, with some, of any node, promised to it."""
        self.guest.sh('mkdir -p /mnt && mount -t hugetlbfs -o pagesize=%dM,min_size=%dM none /mnt' % (
            self.mib, self.mib * promised), check=True)

    def use(self, name, pages):
        """Have a file on /mnt with pages."""
        self.guest.sh('fallocate -l %dM /mnt/%s' % (self.mib * pages, name), check=True)


def flags_in(guest, block):
    """The flags of all pages of a block."""
    job = guest.start('exec dd if=/proc/kpageflags bs=64k skip=%d count=4 2>/dev/null' % (block * 4))
    job.wait(60 * guest.patience)
    require_equal(len(job.raw), PAGES_PER_BLOCK * 8, 'bytes of /proc/kpageflags')
    return struct.unpack('<%dQ' % PAGES_PER_BLOCK, job.raw)


def huge_in(guest, block, mib=2):
    """How many huge pages begin or lie in a block."""
    return sum(1 for flags in flags_in(guest, block)[::mib * MIB // PAGE] if flags & HUGE_FLAG)


def pfns_of(guest, program):
    """The pages of the largest part of a program's memory, by number."""
    pid = guest.sh('pidof ' + program, check=True)[1].strip()
    found = re.findall(r'^(\w+)-(\w+) rw', guest.read('/proc/%s/maps' % pid), re.M)
    start, end = max(((int(a, 16), int(b, 16)) for a, b in found), key=lambda part: part[1] - part[0])
    job = guest.start('exec dd if=/proc/%s/pagemap bs=4k skip=%d count=%d 2>/dev/null' % (
        pid, start // PAGE // 512, (end - start) // PAGE // 512))
    job.wait(60 * guest.patience)
    entries = struct.unpack('<%dQ' % (len(job.raw) // 8), job.raw)
    return [entry & ((1 << 55) - 1) for entry in entries if entry >> 63]


def free_page(guest, block):
    """A page of a block that nobody uses."""
    free = [n for n, flags in enumerate(flags_in(guest, block)) if flags & FREE_FLAG]
    require(free, 'memory%d has no free page' % block)
    return block * PAGES_PER_BLOCK + free[len(free) // 2]


def used_page(guest, program, blocks):
    """A page of a program in one of some blocks."""
    inside = [pfn for pfn in pfns_of(guest, program) if pfn // PAGES_PER_BLOCK in blocks]
    require(inside, '%s has no page in the blocks %s' % (program, blocks))
    return inside[len(inside) // 2]


class BadPages:
    """What has been told to be bad, and what the guest must say of it."""

    def __init__(self, guest):
        self.guest, self.pfns = guest, []

    def add(self, how, pfn):
        """Take a page out of use, hard or soft."""
        require_answers(self.guest, '%s/%s_offline_page' % (rounds.MEMORY, how), [('%#x' % (pfn * PAGE), None)])
        self.pfns.append(pfn)
        self.require_counted()

    def forget(self, pfn):
        """Take a page back into use."""
        self.guest.sh('modprobe hwpoison-inject', check=True)
        require_answers(self.guest, '/sys/kernel/debug/hwpoison/unpoison-pfn', [('%#x' % pfn, None)])
        self.pfns.remove(pfn)
        self.require_counted()

    def require_counted(self):
        """Fail unless all of them are marked and counted."""
        require_equal(meminfo(self.guest, 'HardwareCorrupted'), 4 * len(self.pfns), 'HardwareCorrupted')
        flags = devices.page_flags(self.guest, self.pfns)
        wrong = ['%#x' % pfn for pfn, value in zip(self.pfns, flags) if not value & POISON_FLAG]
        require(not wrong, 'pages that are not marked as bad: %s' % wrong)

    @property
    def blocks(self):
        """The blocks with such pages."""
        return {pfn // PAGES_PER_BLOCK for pfn in self.pfns}

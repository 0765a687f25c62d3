# SPDX-License-Identifier: GPL-2.0
"""Walkers of page frames: files of a guest by which the kernel walks over the struct pages of a DIMM.

Owns the list of them.  Each is a word for the program "walk", see walk.c.
"""
from . import rounds
from .guest import MIB

PAGE = 4096
DEBUG = '/sys/kernel/debug/'
COMPACTION = '/proc/sys/vm/compact_memory=1'
GIGANTIC = '/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages=1|0'
KMEMLEAK = DEBUG + 'kmemleak=scan'
OWN_FILES = (rounds.MEMORY + '/[a-z]*', rounds.MEMORY + '/memory*/[a-z]*', rounds.MEMORY + '/group*/[a-z]*',
             rounds.NODE + '/node*/[a-z]*', DEBUG + 'memory_hotplug/*')
UNPOISON = DEBUG + 'hwpoison/unpoison-pfn'  # refuses pages that are good, once it has looked at them
FIRST_DIMM = 4096 * MIB  # where QEMU puts it when the guest has little memory


class Frames:
    """The page frames of the first DIMM, as the files number them."""

    def __init__(self, size):
        first, end = FIRST_DIMM // PAGE, (FIRST_DIMM + size) // PAGE
        self.pfns = '%d-%d' % (first, end)
        self.words = '%d-%d' % (first * 8, end * 8)
        self.bits = '%d-%d' % (first // 8, end // 8)
        self.addresses = '%d-%d' % (FIRST_DIMM, FIRST_DIMM + size)


def proc_files(frames):
    """The files of /proc with a word for each page frame."""
    return ['/proc/%s@%s' % (name, frames.words) for name in ('kpageflags', 'kpagecount', 'kpagecgroup')]


def page_files(frames):
    """All files with something for each page frame."""
    bitmap = '/sys/kernel/mm/page_idle/bitmap@' + frames.bits
    return [*proc_files(frames), bitmap, bitmap + '=', DEBUG + 'page_owner@' + frames.pfns]


def all_walkers(guest, frames):
    """All that take no special guest, and every file of memory hotplug."""
    found = [COMPACTION, rounds.NODE + '/node*/compact=1', *page_files(frames), '/proc/kcore@' + frames.addresses,
             '/proc/pagetypeinfo', '/proc/zoneinfo', DEBUG + 'split_huge_pages=1', *OWN_FILES]
    guest.sh('modprobe hwpoison-inject', check=True)
    found.append('%s@%s=%%' % (UNPOISON, frames.pfns))
    return found

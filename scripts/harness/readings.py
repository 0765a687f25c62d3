# SPDX-License-Identifier: GPL-2.0
"""Single figures and ranges that a guest tells of its memory, and how they are compared."""
import re

from .devices import require


def require_equal(told, wanted, what):
    """Fail unless something is what it must be."""
    require(told == wanted, '%s: %s, not %s' % (what, told, wanted))


def meminfo(guest, name):
    """One line of /proc/meminfo, in its unit."""
    return int(re.search(r'^%s:\s+(\d+)' % name, guest.read('/proc/meminfo'), re.M).group(1))


def numbers(text):
    """The numbers of a list of ranges like 32-39,48."""
    ends = [part.split('-') for part in text.strip().split(',') if part]
    return [n for end in ends for n in range(int(end[0]), int(end[-1]) + 1)]


def ram_ranges(guest, name):
    """The ranges of a name in /proc/iomem: (start, end) of each, the end not included."""
    found = re.findall(r'^ *(\w+)-(\w+) : %s$' % re.escape(name), guest.read('/proc/iomem'), re.M)
    return [(int(start, 16), int(end, 16) + 1) for start, end in found]


def memmap_pages(guest):
    """How many pages hold struct pages, those from boot not counted."""
    return int(re.search(r'^nr_memmap_pages (\d+)', guest.read('/proc/vmstat'), re.M).group(1))

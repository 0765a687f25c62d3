# SPDX-License-Identifier: GPL-2.0
"""How much memory the kernel has taken for itself, counter by counter, and how much more is no leak.

Owns the bounds for what differs between two moments at which caches have given back
what they keep, and the reading of /proc/slabinfo.
"""
# In kB: twice the largest difference, or more, in 275 comparisons of all suites on the base kernel, and in 75 on the
# debug kernel, where KASAN keeps what was freed, and shadows of vmalloc() memory that is gone.
BOUNDS = {'unexplained': 448, 'SUnreclaim': 456, 'SReclaimable': 192, 'VmallocUsed': 192, 'Percpu': 0,
          'PageTables': 168, 'KernelStack': 160}
DEBUG_BOUNDS = {**BOUNDS, 'unexplained': 2432, 'SUnreclaim': 960, 'SReclaimable': 256, 'VmallocUsed': 320,
                'KernelStack': 320}
# The kernel gives the addresses of vmalloc() back late, when they are 64 MiB: their descriptors are no leak.
LATE = 'vmap_area'
FULL_SLABS = 3  # a slab that a processor allocates from counts as full
NOISY = (LATE, 'maple_node')  # of processes that have ended: RCU frees the maps of their memory seconds later


class Slab:
    """One cache of the slab allocator: objects in use, how many of them are in one slab, and its size in kB."""

    def __init__(self, words):
        self.objects, self.per_slab = int(words[1]), int(words[4])
        self.kib = int(words[14]) * int(words[5]) * 4


def read_slabs(text):
    """/proc/slabinfo: {name: Slab}."""
    return {line.split()[0]: Slab(line.split()) for line in text.splitlines()[2:]}


def read(meminfo, unexplained, slabs):
    """The counters that have bounds, in kB."""
    counters = {name: meminfo.get(name, 0) for name in BOUNDS}
    counters['unexplained'] = unexplained
    if LATE in slabs:
        counters['SUnreclaim'] -= slabs[LATE].kib
    return counters


def bounds_of(guest):
    """The bounds for the kernel of a guest."""
    return DEBUG_BOUNDS if guest.configured('KASAN') else BOUNDS


def grown(before, after, bounds):
    """What has grown between two snapshots by more than its bound, as lines; no memory may come from nowhere."""
    found = []
    for name, bound in bounds.items():
        more = after.counters[name] - before.counters[name]
        if more > bound or (name == 'unexplained' and -more > bound):
            found.append('%s: %+d kB, %d may be' % (name, more, bound))
    return found and found + ['caches with more slabs: ' + larger_caches(before.slabs, after.slabs)]


def larger_caches(before, after, count=6):
    """The caches that have grown most."""
    more = {name: slab.kib - (before[name].kib if name in before else 0) for name, slab in after.items()}
    return ', '.join('%s %+d kB' % (name, more[name]) for name in sorted(more, key=more.get, reverse=True)[:count])


def more_objects(before, after, slabs=FULL_SLABS):
    """The caches with more objects than so many slabs have, as lines."""
    more = {name: slab.objects - (before[name].objects if name in before else 0) for name, slab in after.items()}
    return ['%s: %+d objects, %d may be' % (name, count, slabs * after[name].per_slab)
            for name, count in sorted(more.items()) if count > slabs * after[name].per_slab and name not in NOISY]

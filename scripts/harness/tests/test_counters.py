# SPDX-License-Identifier: GPL-2.0
"""Leaks into any counter of the kernel's memory are found, and what is no leak is not."""
import unittest

from harness import counters, rounds

TEXT = '''@iomem
==> meminfo <==
MemTotal:         949248 kB
MemFree:          %(MemFree)d kB
Slab:              %(Slab)d kB
SReclaimable:       %(SReclaimable)d kB
SUnreclaim:        %(SUnreclaim)d kB
KernelStack:        %(KernelStack)d kB
PageTables:         %(PageTables)d kB
VmallocUsed:        %(VmallocUsed)d kB
Percpu:             %(Percpu)d kB

==> zoneinfo <==
Node 0, zone   Normal
  pages free     %(pages)d
        spanned  262144
==> buddyinfo <==
@tree
@memmap
@masks
@threads
@slabs
slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> ...
vmap_area %(vmap_area)d %(vmap_area)d     72   56    1 : tunables    0    0    0 : slabdata %(late)d %(late)d 0
kmalloc-1k %(kmalloc-1k)d 400   1024   16    4 : tunables    0    0    0 : slabdata     25     25      0
@blocks
'''
USUAL = {'MemFree': 911416, 'Slab': 7000, 'SReclaimable': 800, 'SUnreclaim': 6200, 'KernelStack': 800,
         'PageTables': 400, 'VmallocUsed': 900, 'Percpu': 400, 'vmap_area': 560, 'late': 10, 'kmalloc-1k': 352}


def taken(**more):
    """A snapshot in which some figures are larger by so much."""
    figures = {name: value + more.get(name, 0) for name, value in USUAL.items()}
    return rounds.Snapshot(TEXT % {**figures, 'pages': figures['MemFree'] // 4})


def leak(name, kib):
    """A snapshot in which memory has gone from the free pages to a counter."""
    more = {'MemFree': -kib, name: kib}
    if name.startswith('S'):
        more['Slab'] = kib
    return taken(**more)


class CountersTest(unittest.TestCase):

    def found(self, after, **words):
        return rounds.compare(taken(), after, **words)

    def test_same(self):
        self.assertEqual(self.found(taken()), [])

    def test_leak_into_any_counter(self):
        for name, bound in counters.BOUNDS.items():
            if name != 'unexplained':
                with self.subTest(name):
                    self.assertEqual(self.found(leak(name, bound)), [])
                    self.assertIn('%s: %+d kB' % (name, bound + 4), self.found(leak(name, bound + 4))[0])

    def test_leak_of_pages(self):
        for sign in (1, -1):
            self.assertEqual(self.found(taken(MemFree=sign * counters.BOUNDS['unexplained'])), [])
            self.assertTrue(self.found(taken(MemFree=sign * (counters.BOUNDS['unexplained'] + 4))))

    def test_leak_of_thirty_rounds(self):
        """What a round may lose, in kB, and thirty rounds show it."""
        for name, kib in (('SUnreclaim', 16), ('SReclaimable', 7), ('VmallocUsed', 7), ('PageTables', 6),
                          ('KernelStack', 6), ('Percpu', 1)):
            with self.subTest(name):
                self.assertTrue(self.found(leak(name, 30 * kib)))
        self.assertTrue(self.found(taken(MemFree=-30 * 16)))

    def test_less_is_no_leak(self):
        self.assertEqual(self.found(leak('SUnreclaim', -5000)), [])

    def test_late_addresses_are_no_leak(self):
        self.assertEqual(self.found(taken(MemFree=-2000, Slab=2000, SUnreclaim=2000, vmap_area=28000, late=500)), [])

    def test_slabs_are_named(self):
        self.assertIn('vmap_area', self.found(leak('SUnreclaim', 9999))[-1])

    def test_objects(self):
        before = taken().slabs
        self.assertEqual(counters.more_objects(before, taken(**{'kmalloc-1k': 48, 'vmap_area': 9999}).slabs), [])
        self.assertEqual(counters.more_objects(before, taken(**{'kmalloc-1k': 49}).slabs),
                         ['kmalloc-1k: +49 objects, 48 may be'])


if __name__ == '__main__':
    unittest.main()

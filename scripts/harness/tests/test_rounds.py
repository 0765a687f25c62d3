# SPDX-License-Identifier: GPL-2.0
"""Snapshots: equal ones compare equal, and each kind of leftover is found; bounds of time."""
import time
import unittest
from unittest import mock

from harness import devices, rounds
from harness.report import Failure

TEXT = '''@iomem
00100000-3ffdffff : System RAM
==> meminfo <==
MemTotal:         949248 kB
MemFree:          911416 kB
Cached:            14000 kB

==> zoneinfo <==
Node 0, zone    DMA32
  pages free     227854
        spanned  258048
        present  258016
        managed  233352
    cpu: 0
              count:    100
  start_pfn:           4096
Node 0, zone   Normal
  pages free     0
        spanned  0
        present  0
        managed  0
  start_pfn:           0

==> buddyinfo <==
Node 0, zone    DMA32      2      1      0      0      0      0      0      0      0      0    222
@depot
pools: 2
refcounted_allocations: 900
@tree
drwxr-xr-x '/sys/devices/system/memory/memory0'
@memmap
@masks
online:0
@threads
kcompactd0
@blocks
memory0/state:online
memory0/valid_zones:none
memory1/state:online
memory1/valid_zones:DMA32
memory2/state:online
memory2/valid_zones:DMA32
'''


class SnapshotTest(unittest.TestCase):

    def difference(self, *changes):
        changed = TEXT
        for old, new in changes:
            self.assertIn(old, changed)
            changed = changed.replace(old, new)
        return rounds.compare(rounds.Snapshot(TEXT), rounds.Snapshot(changed))

    def test_equal(self):
        self.assertEqual(rounds.compare(rounds.Snapshot(TEXT), rounds.Snapshot(TEXT)), [])

    def test_figures(self):
        taken = rounds.Snapshot(TEXT)
        self.assertEqual(taken.zones[0, 'DMA32']['managed'], 233352)
        self.assertNotIn('start_pfn', taken.zones[0, 'Normal'])
        self.assertEqual(taken.free, 911416 + 400)
        self.assertEqual(taken.buddy, 4 * (2 + 2 + 222 * 1024))

    def test_leftovers(self):
        for old, new in (('3ffdffff : System RAM', '3ffdffff : System RAM\n100000000-10fffffff : System RAM'),
                         ('spanned  258048', 'spanned  258049'), ('present  258016', 'present  258000'),
                         ('managed  233352', 'managed  233353'), ('online:0', 'online:0-1'),
                         ('kcompactd0', 'kcompactd0\nkswapd1'), ('memory0\'', 'memory0\'\n-r--r--r-- x'),
                         ('memory0/valid_zones:none', 'memory0/valid_zones:DMA32'),
                         ('MemTotal:         949248', 'MemTotal:         949244')):
            with self.subTest(new):
                self.assertTrue(self.difference((old, new)))

    def test_free_memory_may_move_into_caches(self):
        self.assertEqual(self.difference(('free     227854', 'free     225354'), ('14000 kB', '24000 kB')), [])
        self.assertEqual(self.difference(('free     227854', 'free     226854'), ('count:    100', 'count:    1100')),
                         [])

    def test_free_memory_may_not_vanish(self):
        self.assertTrue(self.difference(('free     227854', 'free     227354')))

    def test_stack_depot_is_known(self):
        self.assertEqual(self.difference(('free     227854', 'free     217854'), ('pools: 2', 'pools: 2502')), [])

    def test_block_map(self):
        lines = rounds.block_map(rounds.Snapshot(TEXT)).splitlines()
        self.assertEqual([line.split()[0] for line in lines], ['block', '0', '1-2'])


class InTimeTest(unittest.TestCase):

    def test_one_delay_is_not_the_bound(self):
        clock = [0.0, 0.05, 1.0, 1.01]  # before and after each attempt
        with mock.patch.object(devices.time, 'monotonic', lambda: clock.pop(0)):
            self.assertAlmostEqual(devices.in_time(0.04, lambda: None), 0.01)
        self.assertEqual(clock, [])

    def test_wrong_bound_is_found(self):
        with self.assertRaises(Failure):
            devices.in_time(0.001, lambda: time.sleep(0.002), tries=3)


if __name__ == '__main__':
    unittest.main()

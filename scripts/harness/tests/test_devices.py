# SPDX-License-Identifier: GPL-2.0
"""What the kernel tells of memory that stays online is read as it is meant, and another form is noticed."""
import unittest

from harness import devices
from harness.report import Failure

FAILURES = '''time name reason errno kind pfn owner
12.345678 memory32 deadline 16 pinned 0x100200 pid:17,bash
12.400000 group1 no-room 12 - - -
13.000001 memory0 unfit 22 - - -
13.500000 memory33 blocked 16 page-table 0x108000 alloc stack: a b c
'''
LOG = '''memory memory32: stays online: deadline, -16, pinned
memory_group group1: stays online: no-room, -12
'''


class FakeGuest:
    """A guest that has these texts to tell."""

    def __init__(self, failures=FAILURES, log=LOG, removable=''):
        self.failures, self.log, self.told = failures, log, removable

    def read(self, path, check=True):
        """A file, with the errno's name before it when it need not be there."""
        if path.endswith('block_size_bytes'):
            return '8000000'
        return ('ENOENT', '') if self.failures is None else (None, self.failures)

    def console(self):
        """The kernel log."""
        return self.log

    def sh(self, _command, _timeout=60):
        """All reads of removable."""
        return 0, self.told


class FailuresTest(unittest.TestCase):

    def test_read(self):
        self.assertEqual(devices.reasons(FakeGuest()), [
            ('memory32', 'deadline', 16, 0x100200, 'pinned'), ('group1', 'no-room', 12, None, None),
            ('memory0', 'unfit', 22, None, None), ('memory33', 'blocked', 16, 0x108000, 'page-table')])

    def test_known(self):
        known = devices.failure_lines(FakeGuest())[:3]
        self.assertEqual([name for name, *_ in devices.reasons(FakeGuest(), known)], ['memory33'])

    def test_none_yet(self):
        self.assertEqual(devices.reasons(FakeGuest(FAILURES.splitlines()[0] + '\n')), [])

    def test_bad(self):
        head = FAILURES.splitlines()[0] + '\n'
        for text in (None, '', FAILURES[:-1], head + '1.0 memory1 blocked 16 slab 0x100\n',
                     head + '1.0 memory1 blocked -16 slab 0x100 kmalloc-64\n',
                     head + '1.0 memory1 blocked 16 slab - -\n', head + '1.0 dimm1 blocked 16 - - -\n'):
            with self.subTest(text), self.assertRaises(Failure):
                devices.reasons(FakeGuest(text))


class LogTest(unittest.TestCase):

    def test_read(self):
        self.assertEqual(devices.log_reasons(FakeGuest()), [('memory32', 'deadline', 16, 'pinned'),
                                                            ('group1', 'no-room', 12, None)])

    def test_page_in_the_log(self):
        for more in (', PFN=0x100200, KIND=pinned, OWNER=pid:17,bash', ', pinned, 0x100200', ', pinned pid:17,bash'):
            with self.subTest(more), self.assertRaises(Failure):
                devices.log_reasons(FakeGuest(log='memory memory32: stays online: deadline, -16%s\n' % more))


class RemovableTest(unittest.TestCase):

    def test_one_read_is_enough(self):
        guest = FakeGuest(removable='memory1/removable:1\nmemory2/removable:1\nmemory1/removable:0\n'
                                    'memory2/removable:1\nmemory1/removable:1\n')
        self.assertEqual(devices.removable(guest, [1, 2, 3]), ['0', '1', None])


if __name__ == '__main__':
    unittest.main()

# SPDX-License-Identifier: GPL-2.0
"""What the programs that look, and the file of failures, say is understood."""
import unittest

from harness import devices, lookers, suite, walkers
from harness.guest import MIB
from harness.report import Failure


class Stats(unittest.TestCase):
    def test_words(self):
        stats = lookers.parse_stats('ready\n3 100 2 50 90 13 /a b\n1 0 0 5 5 0 /c=x|y\n')
        self.assertEqual(sorted(stats), ['/a b', '/c=x|y'])
        told = stats['/a b']
        self.assertEqual((told.passes, told.bytes, told.errors, told.longest, told.total, told.errno),
                         (3, 100, 2, 50, 90, 13))

    def test_command(self):
        self.assertEqual(lookers.walk_command(['/a*', '/b=%'], '-m', 7), "/selftests/walk -m -u 7 '/a*' '/b=%'")


class Failures(unittest.TestCase):
    def test_page(self):
        line = devices.FailedOffline('12.345 memory32 deadline 16 passing 0x10002c pid:63,page_kinds stack:a<b')
        self.assertEqual((line.time, line.name, line.reason, line.errno), (12.345, 'memory32', 'deadline', 16))
        self.assertEqual((line.kind, line.pfn, line.owner), ('passing', 0x10002c, 'pid:63,page_kinds stack:a<b'))

    def test_no_page(self):
        line = devices.FailedOffline('1.000 group1 no-room 12 - - -')
        self.assertEqual((line.kind, line.pfn, line.owner), (None, None, None))

    def test_other_form(self):
        with self.assertRaises(Failure):
            devices.FailedOffline('memory32 deadline 16')


class Frames(unittest.TestCase):
    def test_numbers(self):
        frames = walkers.Frames(256 * MIB)
        self.assertEqual((frames.pfns, frames.words), ('1048576-1114112', '8388608-8912896'))
        self.assertEqual((frames.bits, frames.addresses), ('131072-139264', '4294967296-4563402752'))


class Registry(unittest.TestCase):
    def test_variants(self):
        tests = suite.Registry()
        tests.test('base')(len)
        tests.test('base', 'debug')(max)
        self.assertEqual([sorted(tests.of(variant)) for variant in ('base', 'debug', 'stock')],
                         [['len', 'max'], ['max'], ['len', 'max']])


if __name__ == '__main__':
    unittest.main()

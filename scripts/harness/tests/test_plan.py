# SPDX-License-Identifier: GPL-2.0
"""The plan of a whole run: what is wrong with one, and the command of each suite."""
import os
import tempfile
import unittest

from harness.plan import Plan

TEXT = '''# suite variant lane words
host  -    1
spine base 1
kinds base 2 --only a --only b
'''


class PlanTest(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        for name in ('test-host', 'test-spine', 'test-kinds', 'build'):
            open(os.path.join(self.folder.name, name), 'w').close()

    def tearDown(self):
        self.folder.cleanup()

    def mistakes(self, text):
        return list(Plan(text, self.folder.name, '').mistakes())

    def test_commands(self):
        host, spine, kinds = Plan(TEXT, 'scripts', '').rows
        self.assertEqual((host.name, host.command('scripts')), ('host', ['scripts/test-host']))
        self.assertEqual((spine.name, spine.lane), ('spine-base', '1'))
        self.assertEqual(kinds.command('scripts'), ['scripts/test-kinds', '--no-build', '--variant', 'base',
                                                    '--only', 'a', '--only', 'b'])

    def test_no_mistakes(self):
        self.assertEqual(self.mistakes(TEXT), [])

    def test_suite_in_no_lane(self):
        self.assertEqual(self.mistakes(TEXT.replace('kinds', '#')), ['scripts/test-kinds is in no lane'])

    def test_suite_that_is_not_there(self):
        self.assertEqual(self.mistakes(TEXT + 'other base 1\n'), ['there is no scripts/test-other'])

    def test_suite_that_is_planned_twice(self):
        self.assertEqual(self.mistakes(TEXT + 'kinds base 1 --only c\n'), ['kinds-base is planned twice'])


if __name__ == '__main__':
    unittest.main()

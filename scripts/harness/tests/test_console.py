# SPDX-License-Identifier: GPL-2.0
"""The console scan finds each bad sign, and nothing in what healthy kernels said."""
import os
import unittest

from harness import console

SAMPLES = os.path.join(os.path.dirname(__file__), 'samples')


def sample(name):
    """The text of a recorded log."""
    with open(os.path.join(SAMPLES, name)) as f:
        return f.read()


class ConsoleTest(unittest.TestCase):

    def test_each_bad_line(self):
        for line in sample('bad.log').splitlines():
            if line.startswith('#'):
                continue
            kind, text = line.split(': ', 1)
            with self.subTest(text):
                self.assertEqual([f[0] for f in console.scan(text)], [kind])

    def test_timestamps_do_not_matter(self):
        self.assertTrue(console.scan('[   12.345678][   T61] WARNING: CPU: 1 PID: 54 at mm/x.c:1 f+0x1/0x2'))

    def test_good_lines(self):
        self.assertEqual(console.scan(sample('good.log')), [])

    def test_clean_run(self):
        self.assertEqual(console.scan(sample('console-clean.log')), [])

    def test_real_panic(self):
        found = console.scan(sample('console-panic.log'))
        self.assertEqual([f[0] for f in found], ['panic', 'trace'])
        self.assertIn('sysrq triggered crash', console.summary(found))

    def test_allow_is_for_that_line_only(self):
        text = 'Out of memory: Killed process 61 (pattern)\nWARNING: CPU: 0 PID: 1 at mm/x.c:1\n'
        found = console.scan(text, allow=['Out of memory: Killed process \\d+ \\(pattern\\)'])
        self.assertEqual([f[0] for f in found], ['WARNING'])

    def test_summary_counts_the_rest(self):
        found = console.scan('Call Trace:\n' * 5)
        self.assertIn('and 2 more', console.summary(found))


if __name__ == '__main__':
    unittest.main()

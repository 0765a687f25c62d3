# SPDX-License-Identifier: GPL-2.0
"""KTAP: real output is understood, and output that lacks something is lost."""
import os
import unittest

from harness import ktap

SAMPLES = os.path.join(os.path.dirname(__file__), 'samples')
HEAD = 'TAP version 13\n'


class KtapTest(unittest.TestCase):

    def verdict(self, text):
        return ktap.parse(text).verdict

    def test_real_output(self):
        with open(os.path.join(SAMPLES, 'block_states.tap')) as f:
            result = ktap.parse(f.read())
        self.assertEqual((result.verdict, result.plan, result.count('pass')), ('pass', 18, 18))
        self.assertEqual(result.results[11][0], 'offline twice: error by state, success by online')

    def test_pass_and_fail(self):
        self.assertEqual(self.verdict(HEAD + '1..2\nok 1 a\nok 2 - b\n'), 'pass')
        result = ktap.parse(HEAD + '1..2\nok 1 a\nnot ok 2 b # exit 1\n')
        self.assertEqual((result.verdict, result.reason), ('fail', 'b (exit 1)'))

    def test_skip(self):
        result = ktap.parse(HEAD + '1..2\nok 1 a\nok 2 b # SKIP no NUMA\n')
        self.assertEqual((result.verdict, result.results[1]), ('pass', ('b', 'skip', 'no NUMA')))
        self.assertEqual(self.verdict(HEAD + '1..1\nok 1 a # SKIP none\n'), 'skip')

    def test_failure_is_no_skip(self):
        for word in ('SKIP no NUMA', 'TODO later', 'XFAIL always'):
            self.assertEqual(self.verdict(HEAD + '1..2\nok 1 a\nnot ok 2 b # %s\n' % word), 'fail')

    def test_skip_all_has_its_reason(self):
        result = ktap.parse(HEAD + '1..0 # SKIP not root\n')
        self.assertEqual((result.verdict, result.reason), ('skip', 'not root'))

    def test_plan_at_the_end(self):
        self.assertEqual(self.verdict(HEAD + 'ok 1 a\n1..1\n'), 'pass')

    def test_missing_plan(self):
        self.assertEqual(self.verdict(HEAD + 'ok 1 a\n'), 'lost')

    def test_plan_mismatch(self):
        self.assertEqual(self.verdict(HEAD + '1..3\nok 1 a\nok 2 b\n'), 'lost')
        self.assertEqual(self.verdict(HEAD + '1..1\nok 1 a\nok 2 b\n'), 'lost')

    def test_zero_tests(self):
        self.assertEqual(self.verdict(HEAD + '1..0\n'), 'lost')

    def test_nothing_at_all(self):
        self.assertEqual(self.verdict(''), 'lost')

    def test_no_version(self):
        self.assertEqual(self.verdict('1..1\nok 1 a\n'), 'lost')

    def test_bail_out(self):
        self.assertEqual(self.verdict(HEAD + '1..1\nok 1 a\nBail out!  no memory\n'), 'lost')

    def test_wrong_number(self):
        self.assertEqual(self.verdict(HEAD + '1..2\nok 1 a\nok 3 b\n'), 'lost')

    def test_failure_of_a_lost_run_is_lost(self):
        self.assertEqual(self.verdict(HEAD + '1..3\nnot ok 1 a\n'), 'lost')

    def test_nested(self):
        text = ('KTAP version 1\n1..2\n    KTAP version 1\n    1..2\n    ok 1 a\n    not ok 2 b\nnot ok 1 suite\n'
                '    KTAP version 1\n    1..1\n    ok 1 c\nok 2 other\n')
        result = ktap.parse(text)
        self.assertEqual((result.verdict, len(result.results), len(result.nested)), ('fail', 2, 3))

    def test_hash_in_comment_is_no_result(self):
        self.assertEqual(self.verdict(HEAD + '# ok 7 of these\n1..1\nok 1 a\n# Totals: pass:1 fail:0\n'), 'pass')


if __name__ == '__main__':
    unittest.main()

# SPDX-License-Identifier: GPL-2.0
"""The report counts right, and a suite that has proved nothing is a failure."""
import io
import os
import tempfile
import unittest

from harness import suite
from harness.report import Failure, Report, Skip


class ReportTest(unittest.TestCase):

    def test_final_line_and_status(self):
        report = Report(io.StringIO())
        report.add('a', 'pass')
        report.add('b', 'skip', 'no NUMA')
        self.assertEqual(report.finish(), 0)
        for verdict in ('fail', 'timeout', 'crashed', 'lost'):
            report.add('c', verdict, 'why\nmore')
        self.assertEqual(report.finish(), 1)
        self.assertTrue(report.out.getvalue().endswith('1 passed, 4 failed, 1 skipped\n'))

    def test_nothing_tested_fails(self):
        self.assertEqual(Report(io.StringIO()).finish(), 1)
        report = Report(io.StringIO())
        report.add('a', 'skip', 'no NUMA')
        self.assertFalse(report.good)
        report.require_tests('suite')
        self.assertEqual(report.finish(), 1)
        self.assertTrue(report.out.getvalue().endswith('0 passed, 1 failed, 1 skipped\n'))

    def test_one_test_is_enough(self):
        report = Report(io.StringIO())
        report.add('a', 'skip', 'no NUMA')
        report.add('b', 'pass')
        report.require_tests('suite')
        self.assertEqual(report.finish(), 0)


class MergeTest(unittest.TestCase):

    def load(self, verdicts, status=0):
        """What a whole report has of a suite with some verdicts, or with no results, and whether it is good."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'r.json')
            one, whole = Report(io.StringIO()), Report(io.StringIO())
            for number, verdict in enumerate(verdicts or ()):
                one.add(str(number), verdict)
            if verdicts is not None:
                one.save(path)
            whole.load(path, 'suite.', status)
            return [result['verdict'] for result in whole.results], whole.good

    def test_good(self):
        self.assertEqual(self.load(['pass', 'skip']), (['pass', 'skip'], True))

    def test_missing(self):
        self.assertEqual(self.load(None), (['lost'], False))

    def test_nothing_tested(self):
        self.assertEqual(self.load([]), (['lost'], False))
        self.assertEqual(self.load(['skip', 'skip']), (['skip', 'skip', 'lost'], False))

    def test_bad_end(self):
        self.assertEqual(self.load(['pass'], 1), (['pass', 'lost'], False))
        self.assertEqual(self.load(['pass', 'fail'], 1), (['pass', 'fail'], False))


def skip(_):
    raise Skip('no CONFIG_NUMA')


def fail(_):
    raise Failure('bad')


class JudgeTest(unittest.TestCase):

    def judge(self, variant, function):
        return suite.judge(suite.Context('a', variant, 1.0, None), function)

    def test_skip(self):
        self.assertEqual(self.judge('debug', skip), ('skip', 'no CONFIG_NUMA'))

    def test_base_skips_nothing(self):
        self.assertEqual(self.judge('base', skip), ('fail', 'skipped: no CONFIG_NUMA'))

    def test_failure(self):
        self.assertEqual(self.judge('debug', fail), ('fail', 'bad'))


if __name__ == '__main__':
    unittest.main()

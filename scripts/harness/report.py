# SPDX-License-Identifier: GPL-2.0
"""Collect test results, print them as KTAP while they come, and sum them up.

Owns the six verdicts and the final line.  Several suites can add to one report
through a file: save() and load().
"""
import json
import sys
import time

GOOD = ('pass', 'skip')
NOTHING_TESTED = 'no test, or all of them skipped: nothing was tested'
VERDICTS = GOOD + ('fail', 'timeout', 'crashed', 'lost')


class Skip(Exception):
    """Raised by a test that cannot run; the text names the missing condition."""


class Failure(Exception):
    """Raised by a test when something is not as it must be."""


class Report:
    """Results in the order in which they came."""

    def __init__(self, out=sys.stdout):
        self.results = []
        self.out = out
        print('KTAP version 1', file=out, flush=True)

    def add(self, name, verdict, reason='', seconds=None):
        """Take one result and print its line."""
        assert verdict in VERDICTS, verdict
        self.results.append({'name': name, 'verdict': verdict, 'reason': reason, 'seconds': seconds})
        self.line(self.results[-1], len(self.results))

    def line(self, result, number):
        """Print one KTAP result line; reasons of several lines become comments."""
        first, *rest = result['reason'].splitlines() or ['']
        good = result['verdict'] in GOOD
        text = '%s %d %s' % ('ok' if good else 'not ok', number, result['name'])
        if result['verdict'] == 'skip':
            text += ' # SKIP ' + first
        elif not good:
            text += ' # %s: %s' % (result['verdict'], first)
        elif result['seconds'] is not None:
            text += ' # %.1f s' % result['seconds']
        print(text, file=self.out)
        for more in rest:
            print('# ' + more, file=self.out)
        self.out.flush()

    def note(self, text):
        """A KTAP comment."""
        for line in text.splitlines():
            print('# ' + line, file=self.out, flush=True)

    def count(self, *verdicts):
        """How many results have one of these verdicts."""
        return sum(1 for r in self.results if r['verdict'] in verdicts)

    @property
    def good(self):
        """True if something passed and nothing failed; no test at all is a failure, and so are only skips."""
        return self.count('pass') > 0 and self.count(*GOOD) == len(self.results)

    def require_tests(self, what):
        """Add a failure if nothing was tested: there was no test, or each has been skipped."""
        if self.count('skip') == len(self.results):
            self.add(what, 'lost', NOTHING_TESTED)

    def finish(self):
        """Print plan, failures, skips and the final line; return the exit status."""
        print('1..%d' % len(self.results), file=self.out)
        for result in self.results:
            if result['verdict'] != 'pass':
                first = (result['reason'].splitlines() or [''])[0]
                print('# %s: %s: %s' % (result['verdict'], result['name'], first), file=self.out)
        print(self.final_line(), file=self.out, flush=True)
        return 0 if self.good else 1

    def final_line(self):
        """N passed, N failed, N skipped."""
        failed = len(self.results) - self.count(*GOOD)
        return '%d passed, %d failed, %d skipped' % (self.count('pass'), failed, self.count('skip'))

    def save(self, path):
        """Write the results for a report of several suites."""
        with open(path, 'w') as f:
            json.dump({'time': time.time(), 'results': self.results}, f, indent=1)

    def load(self, path, prefix='', status=0):
        """Add the results of another suite; without a file, or with a status that they do not tell of, it is lost."""
        try:
            with open(path) as f:
                results = json.load(f)['results']
        except (OSError, ValueError, KeyError) as e:
            self.add(prefix or path, 'lost', 'no results: %s' % e)
            return
        for r in results:
            self.add(prefix + r['name'], r['verdict'], r['reason'], r['seconds'])
        if all(r['verdict'] == 'skip' for r in results):
            self.add(prefix + 'end', 'lost', NOTHING_TESTED)
        elif status and all(r['verdict'] in GOOD for r in results):
            self.add(prefix + 'end', 'lost', 'the suite ended with %d, its results are good' % status)

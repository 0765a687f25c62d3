# SPDX-License-Identifier: GPL-2.0
"""KTAP: read the output of a kselftest and judge it.

Owns the grammar (version line, plan, results, SKIP, nested results) and the
rule that output which does not account for every planned test is "lost".
"""
import re

VERSION = re.compile(r'^\s*(?:K?TAP) version \d+\s*$')
PLAN = re.compile(r'^\s*1\.\.(\d+)(?:\s*#\s*SKIP\b\s*(.*))?\s*$', re.I)
RESULT = re.compile(r'^\s*(not ok|ok)\s+(\d+)\b[\s-]*([^#]*?)\s*(?:#\s*(.*))?$')
BAIL = re.compile(r'^\s*Bail out!\s*(.*)$')
SKIP = re.compile(r'^SKIP\b:?\s*(.*)$', re.I)


class Ktap:
    """The outcome: results is a list of (name, 'pass'/'fail'/'skip', reason); problems make it lost."""

    def __init__(self):
        self.version = False
        self.plan = None
        self.skip_all = None
        self.results = []
        self.nested = []
        self.problems = []

    def count(self, verdict):
        """How many results have this verdict."""
        return sum(1 for r in self.results if r[1] == verdict)

    @property
    def verdict(self):
        """'pass', 'fail', 'skip' or 'lost' for the whole output."""
        if self.problems:
            return 'lost'
        if self.count('fail'):
            return 'fail'
        if self.skip_all is not None or self.count('skip') == len(self.results):
            return 'skip'
        return 'pass'

    @property
    def reason(self):
        """What to tell about a verdict that is not 'pass'."""
        if self.problems:
            return '; '.join(self.problems)
        if self.skip_all is not None:
            return self.skip_all
        told = [(n, r) for n, v, r in self.results if v == self.verdict != 'pass']
        return '; '.join('%s (%s)' % t if t[1] else t[0] for t in told)


def judge_line(ok, directive):
    """The verdict and reason of one result line; one that is not ok is a failure, whatever it says beside."""
    match = SKIP.match(directive or '')
    reason = match.group(1) if match else (directive or '')
    return ('fail' if not ok else 'skip' if match else 'pass'), reason


def parse(text):
    """Parse KTAP; results of the outermost level count, indented ones are kept aside."""
    ktap = Ktap()
    for line in text.splitlines():
        nested = line[:1].isspace()
        plan, result, bail = PLAN.match(line), RESULT.match(line), BAIL.match(line)
        if VERSION.match(line):
            ktap.version = ktap.version or not nested
        elif bail:
            ktap.problems.append('bailed out: %s' % bail.group(1))
        elif plan and not nested:
            read_plan(ktap, plan)
        elif result:
            verdict, reason = judge_line(result.group(1) == 'ok', result.group(4))
            entry = (result.group(3).strip() or 'test %s' % result.group(2), verdict, reason)
            if nested:
                ktap.nested.append(entry)
            else:
                number_is_next(ktap, int(result.group(2)))
                ktap.results.append(entry)
    check(ktap)
    return ktap


def read_plan(ktap, match):
    """Take a plan line; there may be only one."""
    if ktap.plan is not None:
        ktap.problems.append('two plans')
    ktap.plan = int(match.group(1))
    if match.group(2) is not None and not ktap.plan:
        ktap.skip_all = match.group(2)


def number_is_next(ktap, number):
    """Results are numbered 1, 2, 3 ..."""
    if number != len(ktap.results) + 1:
        ktap.problems.append('result %d where %d was due' % (number, len(ktap.results) + 1))


def check(ktap):
    """Find what makes the output worthless."""
    ran = len(ktap.results)
    if not ktap.version:
        ktap.problems.append('no version line')
    if ktap.plan is None:
        ktap.problems.append('no plan')
    elif ktap.skip_all is None and ktap.plan == 0:
        ktap.problems.append('zero tests')
    elif ktap.plan != ran:
        ktap.problems.append('%d tests planned, %d results' % (ktap.plan, ran))

# SPDX-License-Identifier: GPL-2.0
"""The plan of a whole run: suites, the kernels they test, and what they need built.

Owns the form of the plan, what is wrong with one, the order (all that is built comes
first, then lanes of suites beside each other), and the one report of all suites.  What
the suites are is for the caller to say.
"""
import glob
import os
import subprocess
import sys
import threading

from .report import Report

NO_KERNEL = '-'


class Row:
    """One line of a plan: a suite, the kernel variant it tests, its lane, and words for it."""

    def __init__(self, line):
        self.suite, self.variant, self.lane, *self.words = line.split()
        self.name = self.suite if self.variant == NO_KERNEL else '%s-%s' % (self.suite, self.variant)
        self.status = None

    def command(self, folder):
        """The command line, without the report."""
        kernel = [] if self.variant == NO_KERNEL else ['--no-build', '--variant', self.variant]
        return [os.path.join(folder, 'test-' + self.suite), *kernel, *self.words]


class Plan:
    """The rows of a text; folder has the scripts, runs is where the suites leave their results."""

    def __init__(self, text, folder, runs):
        self.rows = [Row(line) for line in text.splitlines() if line.split('#')[0].strip()]
        self.folder, self.runs = folder, runs

    def mistakes(self):
        """What is wrong with the plan: suites that are in no lane, or are not there, or twice."""
        there = {os.path.basename(path)[len('test-'):] for path in glob.glob(os.path.join(self.folder, 'test-*'))}
        planned, names = {row.suite for row in self.rows}, [row.name for row in self.rows]
        yield from ('scripts/test-%s is in no lane' % suite for suite in sorted(there - planned))
        yield from ('there is no scripts/test-%s' % suite for suite in sorted(planned - there))
        yield from ('%s is planned twice' % name for name in sorted(set(names)) if names.count(name) > 1)

    def run(self, report):
        """Build, run all suites, and add what came of each to a report; what cannot be built ends it."""
        os.makedirs(self.runs, exist_ok=True)
        for path in glob.glob(os.path.join(self.runs, '*.json')):
            os.unlink(path)  # results of another run are none of this one
        for mistake in self.mistakes():
            report.add('plan', 'lost', mistake)
        if report.results or not self.build(report):
            return
        first, *others = dict.fromkeys(row.lane for row in self.rows)
        threads = [threading.Thread(target=self.run_lane, args=(lane, self.log(lane))) for lane in others]
        for thread in threads:
            thread.start()
        self.run_lane(first)
        for lane, thread in zip(others, threads):
            thread.join()
            with open(self.log(lane)) as log:
                sys.stdout.write(log.read())
        self.collect(report)

    def build(self, report):
        """Make all that the suites need; at the first failure say so, and return False."""
        variants = dict.fromkeys(row.variant for row in self.rows if row.variant != NO_KERNEL)
        commands = [(script, variant) for variant in variants for script in ('build', 'initramfs')]
        if any(row.suite == 'deb' for row in self.rows):
            commands.append(('deb',))
        for script, *words in commands:
            what = ' '.join([script] + words)
            print('# ' + what, flush=True)
            if subprocess.run([os.path.join(self.folder, script), *words], stdout=subprocess.DEVNULL).returncode:
                report.add(what, 'fail', 'scripts/%s failed: no suite was run' % what)
                return False
        return True

    def log(self, lane):
        """Where a lane writes that is not the first."""
        return os.path.join(self.runs, 'lane-%s.log' % lane)

    def run_lane(self, lane, log=None):
        """Run the suites of a lane, one after the other; they write to a file if one is named."""
        out = open(log, 'w') if log else None
        for row in self.rows:
            if row.lane == lane:
                row.status = subprocess.run([*row.command(self.folder), '--report', self.path(row)], stdout=out,
                                            stderr=subprocess.STDOUT if log else None).returncode
        if out:
            out.close()

    def path(self, row):
        """The results of a suite."""
        return os.path.join(self.runs, row.name + '.json')

    def collect(self, report):
        """Add the results of all suites."""
        print('# all suites')
        for row in self.rows:
            report.load(self.path(row), row.name + '.', row.status)


def main(text, folder, runs):
    """Run a plan; return the exit status."""
    report = Report()
    Plan(text, folder, runs).run(report)
    return report.finish()

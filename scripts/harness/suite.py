# SPDX-License-Identifier: GPL-2.0
"""Run named test functions against a kernel variant and report each.

Owns the way from an exception to a verdict, the rule that a test passes only if
the guests it booted ended well and their consoles are clean, and the command line
that the suites have in common.
"""
import argparse
import fnmatch
import os
import time
import traceback

from . import console
from .agent import GuestCrashed, GuestError, GuestTimeout
from .guest import TOP, Guest, prepare, run_script
from .qmp import QmpError, QmpTimeout
from .report import Failure, Report, Skip

# KASAN and lockdep under emulation are slow; the shadow of a DIMM takes room in the boot memory.
WHOLE = ('base',)  # the variants that have all that tests ask for: a test that is skipped there proves nothing
SCALES = {'debug': 8.0}
GUESTS = {'debug': {'mem': 2048, 'cmdline': 'panic_on_warn=1 memory_hotplug.offline_timeout_ms=960000'}}


class Context:
    """What a test gets: the variant, and guests that are closed and judged after it."""

    def __init__(self, name, variant, scale, report):
        self.name, self.variant, self.scale, self.report = name, variant, scale, report
        self.guests = []

    def guest(self, variant=None, **options):
        """Boot a guest for this test."""
        variant = variant or self.variant
        number = len(self.guests) + 1
        name = '%s-%s' % (variant, self.name) + ('-%d' % number if number > 1 else '')
        usual = GUESTS.get(variant, {})
        words = ' '.join(filter(None, (usual.get('cmdline'), options.get('cmdline'))))
        options = {'scale': self.scale, **usual, **options, 'cmdline': words}
        self.guests.append(Guest(name.replace(':', '-'), variant, **options))
        return self.guests[-1]

    def close(self):
        """End all guests; return their problems."""
        return [problem for guest in self.guests for problem in guest.close()]

    def kernel_died(self):
        """True if a guest's console has an oops or a panic."""
        return any(kind in ('panic', 'Oops', 'BUG', 'KASAN', 'fault')
                   for guest in self.guests for kind, _, _ in console.scan(guest.console(), guest.allow))


def judge(context, function):
    """Run one test; return (verdict, reason)."""
    try:
        function(context)
        verdict, reason = 'pass', ''
    except Skip as e:
        verdict, reason = ('fail', 'skipped: %s' % e) if context.variant in WHOLE else ('skip', str(e))
    except GuestCrashed as e:
        verdict, reason = 'crashed', str(e)
    except (GuestTimeout, QmpTimeout) as e:
        verdict, reason = 'timeout', str(e)
    except (Failure, GuestError, QmpError) as e:
        verdict, reason = 'fail', str(e)
    except Exception as e:  # also a mistake in the test must not end the suite
        verdict, reason = 'fail', '%s: %s\n%s' % (type(e).__name__, e, traceback.format_exc().strip())
    problems = context.close()
    if problems and verdict != 'crashed':
        died = context.kernel_died()
        verdict = 'crashed' if died else verdict if verdict not in ('pass', 'skip') else 'fail'
        reason = '\n'.join(filter(None, [reason] + problems))
    return verdict, reason


def run(tests, variant, report, scale=None, only=None):
    """Run tests, a dict of names and functions, those whose name matches a pattern of only."""
    scale = scale or SCALES.get(variant, 1.0)
    for name, function in tests.items():
        if only and not any(fnmatch.fnmatch(name, pattern) for pattern in only):
            continue
        context = Context(name, variant, scale, report)
        started = time.monotonic()
        verdict, reason = judge(context, function)
        report.add('%s: %s' % (variant, name), verdict, reason, time.monotonic() - started)


class Registry(dict):
    """The tests of a suite by the variant that they are for: {variant: {name: function}}."""

    def test(self, *variants):
        """Register a test of some variants."""
        def register(function):
            for variant in variants:
                self.setdefault(variant, {})[function.__name__] = function
            return function
        return register

    def of(self, variant):
        """The tests of a variant; those of base for one that no test names."""
        return self.get(variant, self['base'])


def parser(doc):
    """The command line of a suite, which may have more words of its own; doc is that of its script."""
    words = argparse.ArgumentParser(description=doc.splitlines()[0])
    words.add_argument('--variant', default='base', help='the kernel to test (default: base)')
    words.add_argument('--only', action='append', metavar='PATTERN', help='tests whose name matches; repeatable')
    words.add_argument('--scale', type=float, help='how much slower than usual the kernel is')
    words.add_argument('--report', metavar='FILE', help='write the results there (default: in build/runs)')
    words.add_argument('--no-build', action='store_true', help='take the kernels as they are')
    words.add_argument('--list', action='store_true', help='list the tests and what they prove')
    return words


def main(suite, args, tests, also=(), scripts=()):
    """List or run the tests of a suite on the variant that args name; return the exit status.

    Kernels that are needed also, beside that of the variant, and what other scripts make, are made first.
    """
    if args.list:
        for name, function in tests.items():
            print('%-22s %s' % (name, (function.__doc__ or '').splitlines()[0]))
        return 0
    report = Report()
    try:
        for script in scripts if not args.no_build else ():
            run_script(script)
        for variant in (args.variant, *also):
            prepare(variant, build=not args.no_build)
        run(tests, args.variant, report, args.scale, args.only)
    except GuestError as e:
        report.add(args.variant, 'lost', str(e))
    report.require_tests('%s: %s' % (args.variant, suite))
    os.makedirs(os.path.join(TOP, 'build/runs'), exist_ok=True)
    report.save(args.report or os.path.join(TOP, 'build/runs/%s-%s.json' % (suite, args.variant)))
    return report.finish()

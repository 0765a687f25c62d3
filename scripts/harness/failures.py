# SPDX-License-Identifier: GPL-2.0
"""Why memory did not go offline: the list of failures that the kernel keeps in debugfs.

Owns the form of the list, and what has to fit together in a line of it.
"""
import re

from . import rounds
from .agent import errno_name
from .devices import require
from .report import Failure

FILE = '/sys/kernel/debug/memory_hotplug/failures'
# The errno of each reason; a notifier that refuses chooses its own.
ERRNOS = {'unfit': 'EINVAL', 'blocked': 'EBUSY', 'contended': 'EBUSY', 'no-room': 'ENOMEM', 'vetoed': None,
          'signal': 'EINTR', 'cancelled': 'EBUSY', 'deadline': 'EBUSY'}
PAGE = 4096
BY_PAGE = ('blocked', 'deadline')  # reasons that a page is the cause of


class Line:
    """One failure: what did not go offline, why, and the page that was the cause, if one was."""

    PATTERN = re.compile(r'^(\S+) ((?:memory|group)\d+) (\S+) (\d+) (\S+) (0x[0-9a-f]+|-) (.+)$')

    def __init__(self, text):
        match = self.PATTERN.match(text)
        require(match, 'the list of failures has a line of another form: %r' % text)
        self.text = text
        self.name, self.reason, self.error = match.group(2), match.group(3), errno_name(int(match.group(4)))
        self.kind = None if match.group(5) == '-' else match.group(5)
        self.pfn = None if match.group(6) == '-' else int(match.group(6), 16)

    def require_consistent(self):
        """Fail unless there is one reason, with its errno, and a page where one is the cause."""
        require(self.reason in ERRNOS, 'no such reason: ' + self.text)
        require(ERRNOS[self.reason] in (None, self.error), 'the errno is not that of the reason: ' + self.text)
        require((self.kind is None) == (self.pfn is None), 'half of a page: ' + self.text)
        require(self.pfn is not None or self.reason not in BY_PAGE, 'the page is missing: ' + self.text)

    def require_inside(self, dimm):
        """Fail if the page that was the cause is not in a DIMM."""
        require(self.pfn is None or dimm.addr <= self.pfn * PAGE < dimm.addr + dimm.size,
                'the page is not in %s: %s' % (dimm.name, self.text))


def read_lines(guest):
    """The lines of the list, the oldest first."""
    error, text = guest.read(FILE, check=False)
    if error:
        raise Failure('the kernel keeps no list of failures: %s: %s' % (FILE, error))
    require(text.count('\n') >= 1 and text.endswith('\n'), 'the list of failures has no header: %r' % text[:80])
    return text.splitlines()[1:]


class Watch:
    """The failures since a moment."""

    def __init__(self, guest):
        self.guest = guest
        error, text = guest.read(FILE, check=False)
        self.seen = [] if error else text.splitlines()

    def new(self):
        """The lines that came since, in their order."""
        lines = read_lines(self.guest)
        last = self.seen[-1] if self.seen else None
        return [Line(text) for text in (lines[lines.index(last) + 1:] if last in lines else lines)]

    def require_one(self, name, reasons):
        """Fail unless just one thing failed since, for one of some reasons; return its line.

        What comes after it is the next call's.
        """
        rounds.wait_until(self.guest, self.new, 10, 'a failure of %s in the list' % name)
        lines = self.new()
        require(len(lines) == 1 and lines[0].name == name and lines[0].reason in reasons,
                'the list says %s, not once %s: %s' % ([line.text for line in lines], name, ' or '.join(reasons)))
        lines[0].require_consistent()
        self.seen.append(lines[0].text)
        return lines[0]

# SPDX-License-Identifier: GPL-2.0
"""An offline that is under way: how it is started, seen to go on, and ended.

Owns the writer of the word and what the device's files must say meanwhile.
"""
from . import devices, rounds
from .agent import errno_name
from .devices import require


def uptime(guest):
    """Seconds that the guest has run."""
    return float(guest.read('/proc/uptime').split()[0])


class Offline:
    """The offline of a whole device, by a writer in the background."""

    def __init__(self, guest, folder):
        self.guest, self.folder = guest, folder
        self.writer = guest.start_write(folder + '/state', 'offline')
        self.require_going()

    def is_going(self):
        """Whether the device is on its way offline."""
        return self.guest.read(self.folder + '/state').strip() == 'going-offline'

    def require_going(self):
        """Fail if it has ended."""
        rounds.wait_until(self.guest, lambda: self.writer.ended or self.is_going(), 20, 'the offline to go on or end')
        require(not self.writer.ended, 'the offline has ended with %s: %s' % (
            errno_name(self.writer.status or 0), devices.reasons(self.guest)[-1:]))

    def go_on(self, seconds):
        """Fail unless it is under way for so many seconds of the guest's from now on."""
        end = uptime(self.guest) + seconds
        while uptime(self.guest) < end:
            self.require_going()

    def end(self, wanted=None):
        """Wait for its end; fail unless the writer has got what is wanted: an errno's name or None."""
        told = errno_name(self.writer.wait(150 * self.guest.patience)[0])
        require(told == wanted, 'the offline has ended with %s, not %s: %s' % (
            told, wanted, devices.reasons(self.guest)[-1:]))

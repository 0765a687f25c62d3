# SPDX-License-Identifier: GPL-2.0
"""Who looks at files of a guest while something happens: at the moment of an event, or all the time.

Owns the use of two programs of the selftests, "listen" (Looker) and "walk" (Walk).
"""
from . import devices
from .agent import GuestError
from .devices import require


class Looker(devices.Listener):
    """Hears events of memory, and looks at names, in the device's folder or paths, before the kernel goes on.

    Each event comes from a looker on each processor; what was seen has the key "AT:" and the name.
    """

    def __init__(self, guest, *names):
        self.names = names
        super().__init__(guest, '')

    def command(self):
        """The command that writes the events to the file."""
        return 'exec /selftests/listen %s >>%s' % (' '.join("'%s'" % name for name in self.names), self.FILE)

    def seen(self, **words):
        """What was seen at the events of a description: a list of (DEVPATH, {name: what})."""
        return [(event['DEVPATH'], {name: event.get('AT:' + name) for name in self.names})
                for event in self.events() if words.items() <= event.items()]


class Stats:
    """What the walk with one word came to; times in nanoseconds."""

    def __init__(self, line):
        numbers = line.split(None, 6)
        self.word = numbers.pop()
        self.passes, self.bytes, self.errors, self.longest, self.total, self.errno = map(int, numbers)


def parse_stats(output):
    """Statistics by word, from what the program says at its end."""
    found = [Stats(line) for line in output.splitlines() if line[:1].isdigit()]
    return {stats.word: stats for stats in found}


def walk_command(words, options, uid):
    """The command for the program."""
    if uid is not None:
        options += ' -u %d' % uid
    return '/selftests/walk %s %s' % (options, ' '.join("'%s'" % word for word in words))


class Walk:
    """Processes that use files again and again, one for each word; for what a word is see walk.c.

    With modest, they leave the processors to others that want them.
    """

    def __init__(self, guest, *words, uid=None, modest=False):
        self.guest = guest
        self.job = guest.start('exec ' + walk_command(words, '-m' if modest else '', uid))
        self.job.wait_output('ready', 60 * guest.patience)

    def end(self):
        """End all; return the statistics by word."""
        require(not self.job.ended, 'the walk has ended: ' + self.job.output)
        self.job.kill()
        status, output = self.job.wait(60 * self.guest.patience)
        if status:
            raise GuestError('walk: status %d: %s' % (status, output))
        return parse_stats(output)


def walk_once(guest, *words, passes=1, uid=None, timeout=60):
    """Use files so many times, all words at once; return the statistics by word."""
    return parse_stats(guest.sh(walk_command(words, '-n %d' % passes, uid), timeout, check=True)[1])

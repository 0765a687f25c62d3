# SPDX-License-Identifier: GPL-2.0
"""The list of failures: lines of its form, lines that do not fit together, and what is new."""
import unittest

from harness import failures
from harness.report import Failure

HEADER = 'TIME NAME REASON ERRNO KIND PFN OWNER\n'
DEADLINE = '12.345 group1 deadline 16 passing 0x100126 inode:12,dev:vda'
SIGNAL = '13.000 memory33 signal 4 - - -'


class FakeGuest:
    """A guest of which only the list can be read."""
    patience = 0.01

    def __init__(self, text):
        self.text = text

    def read(self, path, check):
        """The list, or that there is none."""
        assert path == failures.FILE and not check
        return ('ENOENT', '') if self.text is None else (None, self.text)


class Lines(unittest.TestCase):
    """One line."""

    def test_fields(self):
        """Each field has its meaning; - is none."""
        line = failures.Line(DEADLINE)
        self.assertEqual((line.name, line.reason, line.error, line.kind, line.pfn),
                         ('group1', 'deadline', 'EBUSY', 'passing', 0x100126))
        line = failures.Line(SIGNAL)
        self.assertEqual((line.name, line.reason, line.error, line.kind, line.pfn),
                         ('memory33', 'signal', 'EINTR', None, None))

    def test_good(self):
        """What fits together is not complained of; a notifier chooses its errno."""
        for text in (DEADLINE, SIGNAL, '1 group2 vetoed 28 - - -', '1 memory7 no-room 12 passing 0x7 -'):
            failures.Line(text).require_consistent()

    def test_bad(self):
        """What does not fit together, or has another form, is a failure."""
        for text in ('1 group1 none 16 - - -', '1 group1 deadline 16 - - -', '1 group1 blocked 16 slab - -',
                     '1 group1 signal 16 - - -', '1 group1 unfit 16 - - -', '1 group1 deadline -16 passing 0x1 -',
                     '1 group deadline 16 passing 0x1 -', '1 group1 deadline 16 passing 0x1', ''):
            with self.assertRaises(Failure, msg=text):
                failures.Line(text).require_consistent()


class New(unittest.TestCase):
    """What came since a moment."""

    def test_one(self):
        """One new line is told once."""
        guest = FakeGuest(HEADER + SIGNAL + '\n')
        watch = failures.Watch(guest)
        self.assertEqual(watch.new(), [])
        guest.text += DEADLINE + '\n'
        self.assertEqual(watch.require_one('group1', ['deadline']).pfn, 0x100126)
        self.assertEqual(watch.new(), [])

    def test_others(self):
        """Another name, another reason, a second line and none at all are failures."""
        for text in (SIGNAL, DEADLINE.replace('deadline', 'blocked'), DEADLINE + '\n' + SIGNAL, ''):
            guest = FakeGuest(HEADER)
            watch = failures.Watch(guest)
            guest.text += text + '\n' if text else ''
            with self.assertRaises(Failure, msg=text):
                watch.require_one('group1', ['deadline'])

    def test_forgotten(self):
        """When the line seen last is not in the list any more, all of it is new."""
        guest = FakeGuest(HEADER + SIGNAL + '\n')
        watch = failures.Watch(guest)
        guest.text = HEADER + DEADLINE + '\n'
        self.assertEqual([line.text for line in watch.new()], [DEADLINE])

    def test_missing(self):
        """A kernel without the list is told as such, and only when the list is needed."""
        watch = failures.Watch(FakeGuest(None))
        with self.assertRaisesRegex(Failure, 'keeps no list of failures'):
            watch.new()


if __name__ == '__main__':
    unittest.main()

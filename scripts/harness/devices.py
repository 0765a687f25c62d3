# SPDX-License-Identifier: GPL-2.0
"""What a guest tells of a memory device as a whole, and of what keeps memory from going.

Owns the folder of a device in sysfs (group_of), the lines of the files "blockers",
the lines of the kernel log that say why something stays online, and the page that
keeps one online (hold_page).
"""
import re
import time

from . import rounds
from .report import Failure, Skip


HELD = ('pinned', 'passing')  # kinds that may be let go, so that a block with them counts as removable


def require(condition, message):
    """Fail with a message unless a condition holds."""
    if not condition:
        raise Failure(message)


def in_time(limit, attempt, tries=5):
    """Fail unless an attempt ends within some seconds: a busy host delays one, a wrong bound all of them."""
    told = []
    while not told or told[-1] >= limit:
        require(len(told) < tries, 'not within %.1f s: %s' % (limit, ', '.join('%.2f' % s for s in told)))
        started = time.monotonic()
        attempt()
        told.append(time.monotonic() - started)
    return told[-1]


def group_of(guest, dimm):
    """The folder of the device that a DIMM's blocks belong to."""
    return guest.sh('readlink -f %s/memory%d/group' % (rounds.MEMORY, dimm.blocks[0]), check=True)[1].strip()


def block_folder(block):
    """The folder of a block."""
    return '%s/memory%d' % (rounds.MEMORY, block)


def require_answers(guest, path, answers):
    """Fail unless a file answers each word as listed: an errno's name or None."""
    for word, wanted in answers:
        told = guest.write(path, word)
        require(told == wanted, '%r > %s: %s, not %s' % (word, path, told, wanted))


def try_offline(guest, block):
    """Offline a block; memory that is in it only for the moment gets time to go.  Return the errno's name, or None."""
    for _ in range(5):
        answer = guest.write(block_folder(block) + '/state', 'offline')
        if answer != 'EBUSY':
            break
        rounds.settle(guest)
    return answer


def offline_block(guest, block):
    """Take a block offline, as try_offline() does."""
    answer = try_offline(guest, block)
    require(answer is None, 'memory%d: offline was answered with %s; in it are\n%s' % (
        block, answer, guest.read(block_folder(block) + '/blockers')))
    rounds.require_blocks(guest, [block], 'state', 'offline')


def read_events(text):
    """Events that are whole in a text, each with an empty line after it: their words by property."""
    return [dict(line.split('=', 1) for line in event.splitlines() if '=' in line) for event in text.split('\n\n')[:-1]]


class Listener:
    """The program that hears the kernel's events: those of some properties (a regex) that are wanted.

    It appends an event to /tmp/uevents by one write: properties by the line, and an empty line.
    Events that were asked for by a write to a file "uevent" are known by their SYNTH_UUID.
    """

    FILE = '/tmp/uevents'
    HANDLER = 'told=$(env | grep -E "^(SYNTH_UUID|%s)=") && printf "%%s\\n\\n" "$told" >>%s'

    def __init__(self, guest, properties):
        self.guest = guest
        require_config(guest, 'NET')  # events come by netlink
        guest.sh(':>' + self.FILE)
        self.job = guest.start("exec uevent sh -c '%s'" % (self.HANDLER % (properties, self.FILE)))
        rounds.wait_until(guest, self.hears, 20, 'the listener to hear an event')

    def hears(self):
        """Whether an event that is asked for now, or was before, is heard."""
        require(not self.job.ended, 'the listener has ended: ' + self.job.output)
        require_answers(self.guest, block_folder(0) + '/uevent', [('change', None)])
        return self.guest.read(self.FILE)

    def events(self):
        """The events so far that nobody asked for: the words of each by property."""
        return [event for event in read_events(self.guest.read(self.FILE)) if 'SYNTH_UUID' not in event]

    def wait(self, wanted):
        """Wait for an event of each of these descriptions; return the first of each."""
        def found():
            events = self.events()
            return [next((event for event in events if words.items() <= event.items()), None) for words in wanted]
        rounds.wait_until(self.guest, lambda: all(found()), 10, 'uevents %s' % wanted)
        return found()

    def end(self):
        """End it."""
        self.guest.stop(self.job)


def require_config(guest, *symbols):
    """Skip the test unless the kernel has been built with some symbols."""
    for symbol in symbols:
        if not guest.configured(symbol):
            raise Skip('the kernel has no CONFIG_' + symbol)


def hold_page(guest):
    """Start the program that keeps a page of user memory from moving; return its job and the pfn."""
    job = guest.start('exec /selftests/page_kinds pipe 1 0 0')
    job.wait_output('ready', 20 * guest.patience)
    return job, int(job.output.split()[3], 16)


def hold_page_in(guest, dimm):
    """Hold a page in the DIMM; return the job that does and the pfn."""
    job, pfn = hold_page(guest)
    require(dimm.addr <= pfn * 4096 < dimm.addr + dimm.size, 'page %#x is not in the DIMM' % pfn)
    return job, pfn


class Blocker:
    """One line of a file "blockers"."""

    PATTERN = re.compile(r'^(0x[0-9a-f]+) (\d+) (\S+) (.+)$')

    def __init__(self, line):
        match = self.PATTERN.match(line)
        require(match, 'blockers has a line of another form: %r' % line)
        self.line = line
        self.pfn, self.pages = int(match.group(1), 16), int(match.group(2))
        self.kind, self.owner = match.group(3), match.group(4)

    def has(self, pfn, kind):
        """Whether it is of a kind and a page is in it."""
        return self.kind == kind and self.pfn <= pfn < self.pfn + self.pages


def blockers(guest, folder):
    """What the file "blockers" of a block or a device lists."""
    text = guest.read(folder + '/blockers')
    require(not text or text.endswith('\n'), '%s/blockers is cut off: ...%r' % (folder, text[-60:]))
    return [Blocker(line) for line in text.splitlines()]


def wait_unblocked(guest, folder):
    """Wait until nothing is listed as being in the way: only what is held may be, and for a moment."""
    def unblocked():
        lines = blockers(guest, folder)
        others = [line.line for line in lines if line.kind not in HELD]
        require(not others, 'in the way are %s' % others)
        return not lines
    rounds.wait_until(guest, unblocked, 10, 'a time without blockers in ' + folder)


def reasons(guest):
    """Why things stayed online, from the kernel log: (name, reason, errno, pfn or None, kind or None) of each."""
    lines = re.findall(r' (\w+): stays online: ([\w-]+), -(\d+)(?:, PFN=(0x[0-9a-f]+), KIND=([\w-]+))?',
                       guest.console())
    return [(name, reason, int(error), int(pfn, 16) if pfn else None, kind or None)
            for name, reason, error, pfn, kind in lines]


def page_flags(guest, pfns):
    """The flags in /proc/kpageflags of each of some pages."""
    one = 'dd if=/proc/kpageflags bs=8 skip=%d count=1 2>/dev/null | od -An -v -tx1'
    lines = guest.sh('; '.join(one % pfn for pfn in pfns), check=True)[1].splitlines() if pfns else []
    require(len(lines) == len(pfns), 'kpageflags has no answer for some of %s: %s' % (pfns, lines))
    return [int.from_bytes(bytes.fromhex(line.replace(' ', '')), 'little') for line in lines]

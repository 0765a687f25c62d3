# SPDX-License-Identifier: GPL-2.0
"""What a guest tells of a memory device as a whole, and of what keeps memory from going.

Owns the folder of a device in sysfs (group_of), the lines of the files "blockers" and
"failures", what "removable" says, and the page that keeps a device online (hold_page).
"""
import re
import time

from . import rounds
from .agent import errno_name
from .guest import UnplugRefused
from .report import Failure, Skip

AUDIT = '/sys/kernel/debug/memory_hotplug/audit'
# Addresses that cannot be probed, and the errno of each, as users know it from stock.
BAD_PROBES = [
    ('0x4000001000', 'EINVAL'),          # not aligned to a block
    ('0x4004000000', 'EINVAL'),          # half a block off
    ('rubbish', 'EINVAL'), (' 0x4000000000', 'EINVAL'), ('0x4000000000 x', 'EINVAL'), ('-1', 'EINVAL'),
    ('0x8000000', 'EEXIST'),             # boot memory
    ('0x0', 'EEXIST'),                   # boot memory with holes
    ('0xf8000000', 'EEXIST'),            # overlaps the I/O APIC
    ('0x400000000000', 'E2BIG'),         # the first address behind 46 bits
    ('0x3fffffffff8000000', 'ERANGE'),   # no 64-bit number
    ('0x1000000000000', 'E2BIG'), ('0xfffffffff8000000', 'E2BIG')]
FAILURES = '/sys/kernel/debug/memory_hotplug/failures'
FAILURE = re.compile(r'^\S+ ((?:memory|group)\d+) ([a-z-]+) (\d+) ([a-z][\w-]*|-) (0x[0-9a-f]+|-) \S.*$')
LOG_REASON = re.compile(r'^([a-z-]+), -(\d+)(?:, ([a-z][\w-]*))?$')
TRACING = '/sys/kernel/tracing'
PAGES_A_READ = 4096  # of "removable"
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


def trace_passes(guest):
    """Have a guest tell of each pass over memory that is to go; it keeps the buffer for that."""
    guest.sh('echo 1 >%s/events/memory_hotplug/mhp_pass/enable' % TRACING, check=True)


def end_offline(guest, folder, end, wanted):
    """End an offline that does not come to an end by itself by end(writer), who must get the errno that is wanted.

    The guest must trace passes: after some of them only what stays is in the way.
    """
    guest.sh('echo >%s/trace' % TRACING, check=True)
    writer = guest.start_write(folder + '/state', 'offline')
    rounds.wait_until(guest, lambda: guest.read(folder + '/state').strip() == 'going-offline', 10, 'going-offline')
    rounds.wait_until(guest, lambda: guest.read(TRACING + '/trace').count(' mhp_pass: ') >= 4, 20, 'four passes')
    require(len(guest.read(folder + '/progress').split()) == 2, 'no progress')
    end(writer)
    told = errno_name(writer.wait(20 * guest.patience)[0])
    require(told == wanted, 'the writer got %s, not %s' % (told, wanted))


def require_refused_unplug(guest, dimm):
    """Fail unless an unplug is refused with _OST "device busy", and all blocks are online afterwards."""
    try:
        guest.del_dimm(dimm.name)
        raise Failure('the DIMM could be unplugged')
    except UnplugRefused as e:
        status = e.event.get('data', {}).get('info', {}).get('status')
        require(status == 0x82, 'refused with %s' % e.event)
    rounds.require_blocks(guest, dimm.blocks, 'state', 'online')


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
        self.guest, self.properties = guest, properties
        require_config(guest, 'NET')  # events come by netlink
        guest.sh(':>' + self.FILE)
        self.job = guest.start(self.command())
        rounds.wait_until(guest, self.hears, 20, 'the listener to hear an event')

    def command(self):
        """The command that writes the events to the file."""
        return "exec uevent sh -c '%s'" % (self.HANDLER % (self.properties, self.FILE))

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


def failure_lines(guest):
    """The lines of the kernel's list of offlines that failed: the last 64, oldest first."""
    error, text = guest.read(FAILURES, check=False)
    require(not error, '%s, where the kernel has to say why memory stays online: %s' % (FAILURES, error))
    require(text.endswith('\n'), '%s is cut off: ...%r' % (FAILURES, text[-60:]))
    return text.splitlines()[1:]


def read_failure(line):
    """One of these lines, without time and owner: (name, reason, errno, pfn or None, kind or None)."""
    match = FAILURE.match(line)
    require(match, 'failures has a line of another form: %r' % line)
    name, reason, error, kind, pfn = match.groups()
    require((kind == '-') == (pfn == '-'), 'failures names a page or its kind alone: %r' % line)
    return name, reason, int(error), None if pfn == '-' else int(pfn, 16), None if kind == '-' else kind


def reasons(guest, known=()):
    """Why things stayed online, as read_failure() tells, but for the lines that are known."""
    return [read_failure(line) for line in failure_lines(guest) if line not in known]


def log_reasons(guest):
    """The same from the kernel log, which names no page: (name, reason, errno, kind or None).

    Anybody may read the log where dmesg is not restricted: it has nothing but these.
    """
    lines = re.findall(r' (\w+): stays online: (.*)', guest.console())
    matches = [(name, LOG_REASON.match(text)) for name, text in lines]
    require(all(match for _, match in matches), 'the log says more or less than why: %s' % lines)
    return [(name, match.group(1), int(match.group(2)), match.group(3)) for name, match in matches]


def removable(guest, blocks):
    """What the files "removable" of some blocks say of the whole of them: '0' if one read in a row does.

    The kernel looks at a part of the block at each read, where the last read has ended.
    """
    reads = rounds.block_size(guest) // 4096 // PAGES_A_READ + 2
    command = 'cd %s && for read in $(seq %d); do grep -s . memory*/removable; done' % (rounds.MEMORY, reads)
    told = {}
    for number, value in re.findall(r'^memory(\d+)/removable:(.*)$', guest.sh(command, 150)[1], re.M):
        told[int(number)] = min(value, told.get(int(number), value))
    return [told.get(block) for block in blocks]


class FailedOffline:
    """One line of the file "failures"; what it does not know is None."""

    def __init__(self, line):
        words = [None if word == '-' else word for word in line.split(None, 6)]
        require(len(words) == 7, 'failures has a line of another form: %r' % line)
        self.line = line
        self.time, self.name, self.reason, self.kind = float(words[0]), words[1], words[2], words[4]
        self.errno, self.owner = int(words[3]), words[6]
        self.pfn = int(words[5], 16) if words[5] else None


def failures(guest):
    """What the kernel keeps of the last offlines that failed, the oldest first."""
    error, text = guest.read(FAILURES, check=False)
    require(not error, '%s: %s' % (FAILURES, error))
    header, *lines = text.splitlines()
    require(header.split() == 'TIME NAME REASON ERRNO KIND PFN OWNER'.split(), 'failures begins with %r' % header)
    return [FailedOffline(line) for line in lines]


def page_flags(guest, pfns):
    """The flags in /proc/kpageflags of each of some pages."""
    one = 'dd if=/proc/kpageflags bs=8 skip=%d count=1 2>/dev/null | od -An -v -tx1'
    lines = guest.sh('; '.join(one % pfn for pfn in pfns), check=True)[1].splitlines() if pfns else []
    require(len(lines) == len(pfns), 'kpageflags has no answer for some of %s: %s' % (pfns, lines))
    return [int.from_bytes(bytes.fromhex(line.replace(' ', '')), 'little') for line in lines]

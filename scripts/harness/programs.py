# SPDX-License-Identifier: GPL-2.0
"""Programs of the guest whose memory is under test, or that watch or shape the memory of all.

Owns what page_kinds, zone_watch and fragment say, and how they are ended.
"""
import collections
import re

from .devices import require, require_answers
from .pages import PAGE, PAGES_PER_BLOCK, pfns_of
from .report import Failure, Skip


class Memory:
    """A running page_kinds: its job, and what it said when it was ready.

    Its memory is from one node, if that is given; enter are words of the shell that come before.
    """

    READY = re.compile(r'^ready (\d+) (\d+)((?: [0-9a-f]+)*)$', re.M)
    INTACT = re.compile(r'^intact (\d+) (\d+)', re.M)

    def __init__(self, guest, kind, mib, dimm, path='', enter='', node=None):
        self.guest, self.kind, self.dimm = guest, kind, dimm
        bind = '' if node is None else '/selftests/on_node %d ' % node
        self.job = guest.start('%sexec %s/selftests/page_kinds %s %d %#x %#x %s' % (
            enter, bind, kind, mib, dimm.addr // PAGE, (dimm.addr + dimm.size) // PAGE, path))
        guest.agent.wait(lambda: self.job.ended or self.READY.search(self.job.output), 120 * guest.patience,
                         '"ready" from page_kinds ' + kind)
        match = self.READY.search(self.job.output)
        if not match:
            raise (Skip if self.job.status == 4 else Failure)(
                'page_kinds %s ended with %d: %s' % (kind, self.job.status, self.job.output.strip()))
        self.inside, self.total = int(match.group(1)), int(match.group(2))
        self.pfns = [int(word, 16) for word in match.group(3).split()]

    def require_inside(self, share=0.9):
        """Fail unless nearly all of the memory is in the DIMM."""
        require(self.total and self.inside >= share * self.total,
                '%s: %d of %d pages are in the DIMM: the test would prove nothing' % (
                    self.kind, self.inside, self.total))

    def by_block(self):
        """How many of its pages each block has, the fullest first: {block: pages}."""
        require(not self.job.ended, 'page_kinds %s has ended with %s' % (self.kind, self.job.status))
        count = collections.Counter(pfn // PAGES_PER_BLOCK for pfn in pfns_of(self.guest, 'page_kinds'))
        return dict(count.most_common())

    def release(self):
        """Have it let go of pages that it keeps from moving."""
        self.job.kill(10)
        self.job.wait_output('released', 60 * self.guest.patience)

    def end(self):
        """Stop it; fail unless all content was right; return how many pages are in the DIMM."""
        self.job.kill()
        status, output = self.job.wait(120 * self.guest.patience)
        match = self.INTACT.search(output)
        require(status == 0 and match, '%s ended with %d: %s' % (self.kind, status, output.strip()))
        return int(match.group(1))


class Cpuset:
    """A control group whose processes allocate on some nodes; .enter are the words by which a shell gets there."""

    def __init__(self, guest, name, mems):
        self.guest, self.folder = guest, '/sys/fs/cgroup/' + name
        self.enter = 'echo 0 >%s/cgroup.procs && ' % self.folder
        guest.sh('echo +cpuset >/sys/fs/cgroup/cgroup.subtree_control && mkdir ' + self.folder, check=True)
        self.set_mems(mems)

    def set_mems(self, mems):
        """Allow other nodes; the memory of its processes follows."""
        require_answers(self.guest, self.folder + '/cpuset.mems', [(str(mems), None)])


class ZoneWatch:
    """The program that reads the free memory of the kernel's zones all the time."""

    LINE = re.compile(r'^zone (\d+) (\w+) (-?\d+) (\d+) (-?\d+) (\d+)$', re.M)

    def __init__(self, guest):
        self.guest = guest
        self.job = guest.start('exec /selftests/zone_watch')
        self.job.wait_output('ready', 20 * guest.patience)

    def end(self):
        """Stop it; fail if a zone that was above its high watermark has ever been below; return the account."""
        self.guest.stop(self.job)
        zones = [(name, *map(int, words)) for _, name, *words in self.LINE.findall(self.job.output)]
        good = [zone for zone in zones if zone[1] > zone[2]]
        require(good, 'no kernel zone was above its high watermark: the test would prove nothing: ' + self.job.output)
        require(all(zone[4] >= 10 for zone in zones), 'the zones were read only %s times' % [z[4] for z in zones])
        low = ['%s, by %d pages' % (zone[0], -zone[3]) for zone in good if zone[3] < 0]
        require(not low, 'zones have been below their high watermark: %s' % low)
        return ', '.join('%s at least %d pages above high (first %d)' % (name, lowest, free - high)
                         for name, free, high, lowest, _ in good)


class Fragments:
    """The program because of which no free memory is in pieces of 2 MiB."""

    def __init__(self, guest):
        self.guest = guest
        self.job = guest.start('exec /selftests/fragment')
        self.job.wait_output('ready', 120 * guest.patience)

    def end(self):
        """Stop it: its memory is free again."""
        self.guest.stop(self.job, 9)

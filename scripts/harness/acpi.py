# SPDX-License-Identifier: GPL-2.0
"""Firmware that is made up: tables for a guest, and what the guest tells them.

Owns how a memory device, a container and an event become a table (ASL of
scripts/guest/acpi, through the C preprocessor and iasl), how a table gets into a
running guest (acpi_configfs), and the records that its methods leave.  An event is
a table too: its code runs when it is loaded, sets what _STA returns and notifies.
"""
import os
import re
import struct
import subprocess

from . import rounds
from .agent import GuestError
from .guest import BUILD, MIB, TOP

SOURCES = os.path.join(TOP, 'scripts/guest/acpi')
FOLDER = os.path.join(BUILD, 'acpi')
CONFIGFS = '/sys/kernel/config/acpi/table'
MEMORY, IO = 0, 1
PRESENT = 0xf
# Notifications and answers, ACPI 6.5 sections 5.6.6 and 6.3.5
BUS_CHECK, DEVICE_CHECK, EJECT = 0, 1, 3
OSPM_EJECT = 0x103
SUCCESS, UNSUPPORTED, BUSY, EJECTING = 0, 0x80, 0x82, 0x84
NO_DRIVER = 0x81  # of an insertion
END_TAG = b'\x79\x00'


def descriptor(start, length, kind=MEMORY, caching=1, end=None):
    """A QWord address space descriptor (ACPI 6.5, 6.4.3.5.1); caching as there: 1 is cacheable."""
    last = (start + length - 1) & (2 ** 64 - 1) if end is None else end
    body = struct.pack('<BBBQQQQQ', kind, 0x0c, caching << 1 | 1, 0, start, last, 0, length)
    return struct.pack('<BH', 0x8a, len(body)) + body


def resources(*ranges):
    """The content of a _CRS: descriptors, or (start, length) of memory."""
    return b''.join(r if isinstance(r, bytes) else descriptor(*r) for r in ranges) + END_TAG


def expand(source, **words):
    """One ASL file with its words replaced."""
    command = ['cpp', '-P', '-undef', '-nostdinc'] + ['-D%s=%s' % pair for pair in words.items()]
    text = open(os.path.join(SOURCES, source)).read()
    answer = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return answer.stdout


def dimm(name, unit, content, status=PRESENT, node=0, **more):
    """The ASL of a memory device."""
    return expand('dimm.asl', DEVICE=name, UNIT=unit, STATUS=hex(status), NODE=node,
                  CONTENT=','.join(map(str, content)), **more)


def container(name, unit, identity, inside, status=PRESENT):
    """The ASL of a container with devices in it."""
    return expand('container.asl', DEVICE=name, UNIT=unit, STATUS=hex(status), IDENTITY='"%s"' % identity,
                  INSIDE=' '.join(inside.split('\n')))


def event(path, code, status=None):
    """The ASL of a notification, before which the device may change its status."""
    lines = ['External (%s, DeviceObj)' % path]
    if status is not None:
        lines += ['External (%s.STAT, IntObj)' % path, '%s.STAT = %#x' % (path, status)]
    return '\n'.join(lines + ['Notify (%s, %d)' % (path, code)])


def compile_table(name, asl):
    """Compile ASL to a table of its own; return its bytes."""
    os.makedirs(FOLDER, exist_ok=True)
    stem = os.path.join(FOLDER, '%s-%d' % (name, os.getpid()))
    with open(stem + '.asl', 'w') as f:
        f.write('DefinitionBlock ("", "SSDT", 2, "MHP", "%s", 1)\n{\n%s\n}\n' % (name.upper()[:8], asl))
    answer = subprocess.run(['iasl', '-ve', '-p', stem, stem + '.asl'], capture_output=True, text=True)
    if answer.returncode:
        raise GuestError('iasl: %s' % answer.stdout)
    with open(stem + '.aml', 'rb') as f:
        return f.read()


class Firmware:
    """The made-up firmware of one guest.

    The guest needs arguments() on QEMU's command line, and HIDDEN on the kernel's:
    memory that is there, and of which no table tells before those of the test.
    """
    START, SIZE = 1024 * MIB, 512 * MIB
    HIDDEN = 'memmap=512M%0x40000000-1'

    def __init__(self, guest):
        self.guest, self.tables = guest, 0
        self.load('External (\\_SB, DeviceObj)\n' + expand('port.asl'))

    @staticmethod
    def arguments():
        """QEMU's arguments: the debug console; its file is in the run folder."""
        return ('-chardev', 'file,id=said,path=said', '-device', 'isa-debugcon,iobase=0x4f0,chardev=said')

    @classmethod
    def block(cls, number, offset=0):
        """The address of a block of the hidden memory."""
        return cls.START + number * 128 * MIB + offset

    def load(self, asl):
        """Load ASL into the guest; the answer comes when it wants."""
        self.tables += 1
        name = 'MHP%d' % self.tables
        table = compile_table(name, asl)
        self.guest.sh('mkdir %s/%s' % (CONFIGFS, name), check=True)
        error = self.guest.write('%s/%s/aml' % (CONFIGFS, name), table)
        if error:
            raise GuestError('table %s: %s' % (name, error))

    def add(self, asl):
        """Put devices below the system bus, and wait until the guest has found them, there or not."""
        self.load('External (\\_SB, DeviceObj)\nExternal (\\_SB.SAY, MethodObj)\nScope (\\_SB)\n{\n%s\n}' % asl)
        wanted = set(re.findall(r'^\s*Device \((\w+)\)', asl, re.M))
        rounds.wait_until(self.guest, lambda: wanted <= self.found(), 20, 'the devices %s' % sorted(wanted))

    def found(self):
        """The last part of the path of each device that the guest has found."""
        return {line.rsplit('.', 1)[-1] for line in self.guest.sh('cat /sys/bus/acpi/devices/*/path')[1].split()}

    def notify(self, path, code, status=None):
        """Notify a device, after a change of its status."""
        self.load(event(path, code, status))

    def said(self):
        """What methods of the tables were called with: (unit, 'E') or (unit, source, status)."""
        with open(self.guest.path('said'), 'rb') as f:
            data = f.read()
        records = struct.iter_unpack('<BBHB', data[:len(data) // 5 * 5])
        return [(unit, 'E') if what == ord('E') else (unit, source, status) for what, unit, source, status in records]

    def wait_said(self, wanted, since=0, seconds=20):
        """Wait until the guest has said all of this, in this order, and nothing else, since a count of records."""
        rounds.wait_until(self.guest, lambda: len(self.said()) - since >= len(wanted), seconds,
                          'the guest to say %s (it said %s)' % (wanted, self.said()[since:]))
        told = self.said()[since:]
        if told != list(wanted):
            raise GuestError('the guest said %s, not %s' % (told, wanted))

# SPDX-License-Identifier: GPL-2.0
"""A disk for guests that need one, as a file system or as swap.

Owns how images are made, and the one that tests share, which is made once; what
a guest writes to it is thrown away.  A disk can be made to hang, and to go on.
"""
import os
import subprocess

from .agent import GuestError
from .guest import BUILD

DISK_MIB = 1024
DRIVE, DEVICE = 'disk', 'disk0'  # as QEMU knows it from the inside and from the outside
HANGING = 512  # bytes a second: what has been asked for lasts for hours


def make_image(image, mib, *options):
    """Make an image with a file system of so many MiB; it is there whole or not at all."""
    os.makedirs(os.path.dirname(image), exist_ok=True)
    scratch = '%s.%d' % (image, os.getpid())
    subprocess.run(['mkfs.ext4', '-q', *options, scratch, '%dM' % mib], check=True,
                   env={**os.environ, 'PATH': os.environ['PATH'] + ':/sbin:/usr/sbin'})
    os.rename(scratch, image)


def image_path():
    """A file system image for the guests to write to; what they write is thrown away."""
    image = os.path.join(BUILD, 'kinds/disk.img')
    if not os.path.exists(image):
        make_image(image, DISK_MIB, '-E', 'lazy_itable_init=0,lazy_journal_init=0')
    return image


def arguments(speed=None, device=''):
    """QEMU's arguments for the disk; speed is in bytes a second, device more of its properties."""
    options = 'if=none,id=' + DRIVE + ',format=raw,snapshot=on,file=' + image_path()
    if speed:
        options += ',throttling.bps-write=%d' % speed
    return ('-drive', options, '-device', 'virtio-blk-pci,drive=%s,id=%s%s' % (DRIVE, DEVICE, device))


def throttle(guest, speed):
    """Have the disk read and write so many bytes a second from now on; 0 stands for as many as it can."""
    guest.qmp.execute('block_set_io_throttle', device=DRIVE, bps=speed, bps_rd=0, bps_wr=0, iops=0,
                      iops_rd=0, iops_wr=0)


def mount(guest):
    """Mount the disk on /mnt."""
    guest.sh('mkdir -p /mnt && mount -t ext4 /dev/vda /mnt', check=True)


def mount_lazily(guest):
    """Mount it so that nothing is written before somebody asks, however slow the guest is."""
    mount(guest)
    for name, value in (('dirty_writeback_centisecs', 0), ('dirty_background_ratio', 90), ('dirty_ratio', 95)):
        if guest.write('/proc/sys/vm/' + name, str(value)):
            raise GuestError('no vm.' + name)


def swap_on(guest):
    """Use the disk as swap."""
    guest.sh('mkswap /dev/vda && swapon /dev/vda', check=True)

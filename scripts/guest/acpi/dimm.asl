/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A memory device as firmware would describe it, for scripts/harness/acpi.py.
 *
 * CONTENT is its _CRS in bytes, STATUS what _STA returns at first, NODE its
 * proximity domain.  What the guest says by _OST and _EJ0 goes to an I/O port
 * at which QEMU has a debug console, in records of five bytes: E or O, which device,
 * and the source event (low, high) and status of _OST.  With STAYS, _EJ0 does not
 * do its work.
 */
Device (DEVICE)
{
	Name (_HID, EisaId ("PNP0C80"))
	Name (_UID, UNIT)
	Name (STAT, STATUS)
	Name (_PXM, NODE)
	Name (_CRS, Buffer () { CONTENT })

	Method (_STA)
	{
		Return (STAT)
	}

	Method (_EJ0, 1, Serialized)
	{
		\_SB.SAY (0x45, UNIT, 0, 0)
#ifndef STAYS
		STAT = 0
#endif
	}

	Method (_OST, 3, Serialized)
	{
		\_SB.SAY (0x4F, UNIT, Arg0, Arg1)
	}
}

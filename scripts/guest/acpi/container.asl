/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A container, for scripts/harness/acpi.py: IDENTITY is its _HID, INSIDE the
 * devices in it; the rest is as in dimm.asl.
 */
Device (DEVICE)
{
	Name (_HID, IDENTITY)
	Name (_UID, UNIT)
	Name (STAT, STATUS)

	Method (_STA)
	{
		Return (STAT)
	}

	Method (_EJ0, 1, Serialized)
	{
		\_SB.SAY (0x45, UNIT, 0, 0)
		STAT = 0
	}

	Method (_OST, 3, Serialized)
	{
		\_SB.SAY (0x4F, UNIT, Arg0, Arg1)
	}

	INSIDE
}

/* SPDX-License-Identifier: GPL-2.0 */
/* The way to the debug console, for the devices in the tables that come after it. */
Scope (\_SB)
{
	OperationRegion (PORT, SystemIO, 0x4F0, 1)
	Field (PORT, ByteAcc, NoLock, Preserve)
	{
		BYTE, 8
	}

	Method (SAY, 4, Serialized)
	{
		BYTE = Arg0
		BYTE = Arg1
		BYTE = Arg2 & 0xFF
		BYTE = (Arg2 >> 8) & 0xFF
		BYTE = Arg3 & 0xFF
	}
}

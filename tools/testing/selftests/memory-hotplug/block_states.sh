#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# block_states.sh: the files of memory blocks and what may be written to them
#
# usage: [SEED=N] block_states.sh
#
# Owns the check of every file in /sys/devices/system/memory and memoryN against
# its documented format, and of the state machine of one block: which words are
# taken and refused in which state, what valid_zones says before and after, and
# that the counters come back.  It takes an offline block of hotplugged memory,
# and leaves it offline.  It does not plug memory and does not load the guest.

DIR="$(dirname "$(readlink -f "$0")")"
. "${DIR}"/../kselftest/ktap_helpers.sh

SYS=/sys/devices/system/memory
SEED=${SEED:-1}
BLOCK=	# the folder of the block under test
WHY=	# why the running test failed

# --- small tools --------------------------------------------------------------

# Print what a write to a file answers: nothing, or the errno as text.
answer()
{
	local said

	said=$( { printf '%s' "$2" >"$1"; } 2>&1 ) && return
	said=${said%$'\n'*}
	echo "${said##*: }"
}

# Remember why a test fails.
no()
{
	WHY="$*"
	return 1
}

accepts()
{
	local said

	said=$(answer "$1" "$2")
	[ -z "$said" ] || no "$2 > ${1#"$SYS"/}: $said"
}

refuses()
{
	local said

	said=$(answer "$1" "$2")
	[ "$said" = "$3" ] || no "$2 > ${1#"$SYS"/}: '${said:-success}', not '$3'"
}

reads()
{
	local text

	text=$(cat "$1")
	[[ $text =~ ^($2)$ ]] || no "${1#"$SYS"/} reads '$text'"
}

meminfo()
{
	awk -v name="$1:" '$1 == name { print $2 }' /proc/meminfo
}

# Spanned, present and managed pages of every zone.
zones()
{
	awk '/^Node/ { zone = $2 $4 } /spanned|present|managed/ { print zone, $1, $2 }' /proc/zoneinfo
}

block_kib()
{
	echo $((0x$(cat $SYS/block_size_bytes) / 1024))
}

# What MemTotal gains with a block: less its memmap where that lives in it.
usable_kib()
{
	local kib

	kib=$(block_kib)
	case $(cat /sys/module/memory_hotplug/parameters/memmap_on_memory 2>/dev/null) in
	Y | 1 | force) echo $((kib - kib / 64)) ;;
	*) echo "$kib" ;;
	esac
}

each_block()
{
	local block

	for block in $SYS/memory[0-9]*; do
		"$1" "$block" || return 1
	done
}

# --- formats ------------------------------------------------------------------

# block_size_bytes: lower-case hex without 0x, a power of two.
block_size_format()
{
	local size

	reads $SYS/block_size_bytes '[1-9a-f][0-9a-f]*' || return 1
	size=$((0x$(cat $SYS/block_size_bytes)))
	[ $((size & (size - 1))) -eq 0 ] || no "$size is not a power of two"
}

# auto_online_blocks: four words, each taken and read back; others refused.
auto_online_words()
{
	local file=$SYS/auto_online_blocks word was

	was=$(cat $file)
	for word in online online_kernel online_movable offline; do
		accepts $file $word && reads $file $word || return 1
	done
	accepts $file "$was" || return 1
	for word in rubbish ONLINE 1 going-offline; do
		refuses $file $word 'Invalid argument' && reads $file "$was" || return 1
	done
}

phys_index_of()
{
	reads "$1/phys_index" "$(printf %08x "${1##*/memory}")"
}

# state and online are two views of one thing.
state_of()
{
	reads "$1/state" 'online|offline' || return 1
	case $(cat "$1/state") in
	online) reads "$1/online" 1 ;;
	offline) reads "$1/online" 0 ;;
	esac
}

# valid_zones: one zone or "none" if online, up to three zones if offline.
valid_zones_of()
{
	local zone='(DMA|DMA32|Normal|Movable)'

	case $(cat "$1/state") in
	online) reads "$1/valid_zones" "$zone|none" ;;
	offline) reads "$1/valid_zones" "$zone( $zone){0,2}" ;;
	esac
}

# removable: 1 for a block that is offline; for one that is online, 1 only if
# nothing is listed as being in its way but pages that somebody holds for the
# moment.  The kernel looks at 4096 pages a read, so a block counts if it is
# right once in as many reads as it takes to look at all of it, and two more:
# the list may be older or newer by a moment.
removable_of()
{
	local try tries=$(($(block_kib) / 4 / 4096 + 2))

	reads "$1/removable" '0|1' || return 1
	for ((try = 0; try < tries; try++)); do
		case $(cat "$1/state" "$1/removable" "$1/blockers" |
			grep -Ev '^0x[0-9a-f]+ [0-9]+ (passing|pinned) ' | tr '\n' ' ') in
		'offline 1 ' | 'online 0 '* | 'online 1 ') return 0 ;;
		esac
	done
	no "${1##*/}: state, removable, blockers are $(cat "$1/state" "$1/removable" "$1/blockers")"
}

phys_device_of()
{
	reads "$1/phys_device" '[0-9]+'
}

# Files that only inform cannot be opened for writing, not even by root.
read_only_of()
{
	local file

	for file in phys_index removable phys_device valid_zones; do
		refuses "$1/$file" 1 'Permission denied' || return 1
	done
}

# nodeM in the block and memoryN in the node lead to each other.
node_links_of()
{
	local node count=0

	for node in "$1"/node[0-9]*; do
		[ -d "$node" ] || continue
		count=$((count + 1))
		[ "$(readlink -f "$node")" = "/sys/devices/system/node/${node##*/}" ] ||
			no "${node#"$SYS"/} leads to $(readlink -f "$node")" || return 1
		[ "$(readlink -f "$node/${1##*/}")" = "$1" ] ||
			no "no way back from ${node##*/} to ${1##*/}" || return 1
	done
	[ $count -gt 0 ] || no "${1##*/} has no node"
}

# A node has no link to a block that is not there.
no_stale_node_links()
{
	local link

	for link in /sys/devices/system/node/node[0-9]*/memory[0-9]*; do
		[ -d "$link" ] || no "$link leads nowhere" || return 1
	done
}

# --- the states of one block --------------------------------------------------

unknown_words_refused()
{
	local state word

	state=$(cat "$BLOCK/state")
	for word in rubbish ONLINE 'online ' online_moveable going-offline 1 0 $'\n'; do
		refuses "$BLOCK/state" "$word" 'Invalid argument' || return 1
	done
	refuses "$BLOCK/online" rubbish 'Invalid argument' || return 1
	reads "$BLOCK/state" "$state"
}

# Offline to an offline block: an error through state, a success through online.
offline_twice()
{
	refuses "$BLOCK/state" offline 'Invalid argument' &&
		accepts "$BLOCK/online" 0 && reads "$BLOCK/state" offline
}

# The zone a word will lead to, from valid_zones of the offline block.
zone_for()
{
	local zones

	read -ra zones <"$BLOCK/valid_zones"
	case $1 in
	online_movable) [[ " ${zones[*]} " = *" Movable "* ]] && echo Movable ;;
	online_kernel) printf '%s\n' "${zones[@]}" | grep -m1 -v Movable ;;
	*) echo "${zones[0]}" ;;
	esac
}

# Offline again; kernel memory may come and go for a moment.
back_offline()
{
	local said try

	for try in 1 2 3 4 5; do
		said=$(answer "$BLOCK/state" offline)
		[ "$said" = 'Device or resource busy' ] || break
		echo 3 >/proc/sys/vm/drop_caches
	done
	[ -z "$said" ] || no "offline, try $try: $said"
}

# Online by a word and back: state, zone and MemTotal follow, and all returns.
round_trip()
{
	local word=$1 zone before kib zones_before valid_before

	zone=$(zone_for "$word")
	[ -n "$zone" ] || no "valid_zones '$(cat "$BLOCK/valid_zones")' has no zone for $word" || return 1
	before=$(meminfo MemTotal) kib=$(usable_kib)
	zones_before=$(zones) valid_before=$(cat "$BLOCK/valid_zones")
	accepts "$BLOCK/state" "$word" || return 1
	reads "$BLOCK/state" online && reads "$BLOCK/online" 1 && reads "$BLOCK/valid_zones" "$zone" || return 1
	[ "$(meminfo MemTotal)" = $((before + kib)) ] ||
		no "MemTotal went from $before to $(meminfo MemTotal) kB" || return 1
	online_refuses_all && back_offline || return 1
	reads "$BLOCK/state" offline && reads "$BLOCK/online" 0 &&
		reads "$BLOCK/valid_zones" "$valid_before" || return 1
	[ "$(meminfo MemTotal)" = "$before" ] || no "MemTotal is $(meminfo MemTotal) kB, was $before" || return 1
	[ "$(zones)" = "$zones_before" ] || no "zone counters: $(diff <(echo "$zones_before") <(zones) | tr '\n' ' ')"
}

# An online block takes none of the online words through state.
online_refuses_all()
{
	local word zone

	zone=$(cat "$BLOCK/valid_zones")
	for word in online online_kernel online_movable; do
		refuses "$BLOCK/state" $word 'Invalid argument' || return 1
	done
	accepts "$BLOCK/online" 1 && reads "$BLOCK/state" online && reads "$BLOCK/valid_zones" "$zone"
}

# A trailing newline changes nothing.
newline_is_fine()
{
	accepts "$BLOCK/state" $'online_movable\n' && reads "$BLOCK/state" online &&
		accepts "$BLOCK/state" $'offline\n' && reads "$BLOCK/state" offline
}

# Forty seeded writes against a model of two states.
random_walk()
{
	local words=(online_movable offline rubbish online_movable offline) state=offline word i

	RANDOM=$SEED
	for ((i = 0; i < 40; i++)); do
		word=${words[RANDOM % 5]}
		case $state:$word in
		offline:online_movable) accepts "$BLOCK/state" $word && state=online ;;
		online:offline) accepts "$BLOCK/state" $word && state=offline ;;
		*) refuses "$BLOCK/state" $word 'Invalid argument' ;;
		esac || return 1
		reads "$BLOCK/state" $state || return 1
	done
	[ $state = offline ] || accepts "$BLOCK/state" offline
}

# --- the plan -----------------------------------------------------------------

# Run one test: its name says what it proves.
prove()
{
	local name=$1

	shift
	WHY=
	if "$@"; then
		ktap_test_pass "$name"
	else
		ktap_print_msg "$name: $WHY"
		ktap_test_fail "$name"
	fi
}

prove_for_block()
{
	if [ -n "$BLOCK" ]; then
		prove "$@"
	else
		ktap_test_skip "$1: no offline memory block (plug memory first)"
	fi
}

# The node links exist only on a kernel with NUMA.
prove_links()
{
	if [ -d /sys/devices/system/node ]; then
		prove "every block and its node are linked both ways" each_block node_links_of
		prove "no node has a link to a block that is gone" no_stale_node_links
	else
		ktap_test_skip "every block and its node are linked both ways: no NUMA in this kernel"
		ktap_test_skip "no node has a link to a block that is gone: no NUMA in this kernel"
	fi
}

choose_block()
{
	local file

	for file in $(grep -slx offline $SYS/memory*/state | sort -V); do
		BLOCK=${file%/state}
		return
	done
}

ktap_print_header
if [ ! -d $SYS ]; then
	ktap_skip_all "no memory hotplug in this kernel ($SYS)"
	exit "$KSFT_SKIP"
fi
if [ "$(id -u)" -ne 0 ]; then
	ktap_skip_all "not root"
	exit "$KSFT_SKIP"
fi
choose_block
ktap_print_msg "block under test: ${BLOCK:-none}, seed $SEED"
ktap_set_plan 18
prove "block_size_bytes is a power of two in plain hex" block_size_format
prove "auto_online_blocks takes its four words and no other" auto_online_words
prove "phys_index is the number of the block in eight hex digits" each_block phys_index_of
prove "state is online or offline, and online agrees" each_block state_of
prove "valid_zones names zones as documented" each_block valid_zones_of
prove "removable agrees with state and blockers" each_block removable_of
prove "phys_device is a decimal number" each_block phys_device_of
prove "files that inform cannot be written" each_block read_only_of
prove_links
prove_for_block "unknown words are refused and change nothing" unknown_words_refused
prove_for_block "offline twice: error by state, success by online" offline_twice
prove_for_block "online_movable and back: zone and counters follow" round_trip online_movable
prove_for_block "online_kernel and back: zone and counters follow" round_trip online_kernel
prove_for_block "online and back: the first of valid_zones is taken" round_trip online
prove_for_block "the same again after a change of zones" round_trip online_movable
prove_for_block "a trailing newline changes nothing" newline_is_fine
prove_for_block "forty random writes agree with the model" random_walk
ktap_finished

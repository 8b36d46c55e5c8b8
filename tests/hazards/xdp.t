#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# slow: ppdevmem
# soak: debug
# timeout: 300
#
# XDP and AF_XDP want to read what device memory hides: whoever comes second is refused.

# Options are optional; scenes are called by name.
# shellcheck disable=SC2119,SC2317
set -u
. "$PPDEVMEM_REPO/tests/hazards/common.sh"

object=$PPDEVMEM_REPO/build/obj/hazards/tc.bpf.o

xdp_on() {
	in_rx ip link set dms0 xdpgeneric obj "$object" sec xdp
}

xdp_off() {
	in_rx ip link set dms0 xdpgeneric off
}

scene generic admin "generic XDP on a bound device"
generic() {
	flow_up
	if xdp_on 2>"$dir/xdp.err"; then
		happened "accepted"
		passes xdp_ran
		xdp_off
	else
		diag "$(cat "$dir/xdp.err")"
		happened refused
		push
	fi
	flow_down
}

# What generic XDP cannot make linear it drops or leaves alone; it has counted it before.
xdp_ran() {
	in_rx ip -j link show dms0 | jq -e '.[0].xdp' >/dev/null
}

# try_bind: to queue 1. badbind says "bound", or an errno and why.
try_bind() {
	local answer
	answer=$(in_rx badbind dms0 udmabuf 1)
	diag "$answer"
	case $answer in
	bound) happened accepted ;;
	*) happened refused "${answer%%:*}" ;;
	esac
}

scene bind_after_generic admin "a bind after generic XDP"
bind_after_generic() {
	check "$current: XDP is there first" xdp_on
	try_bind
	xdp_off
}

# xsk OUTPUT: an AF_XDP socket on queue 1, for as long as process $xsk lives.
xsk() {
	: >"$dir/xsk.out"
	start_rx hazxsk dms0 1 >"$dir/xsk.out" 2>&1
	xsk=$!
	wait_line "$dir/xsk.out" "^(bound|refused)|AF_XDP"
}

has_xsk() {
	! grep -q AF_XDP "$dir/xsk.out" || { missing AF_XDP && return 1; }
}

scene af_xdp admin "AF_XDP in copy mode on a bound queue"
af_xdp() {
	flow_up
	xsk
	if has_xsk; then
		if grep -q bound "$dir/xsk.out"; then
			happened accepted
			push
			wait_for 60 acked && happened fine
		else
			happened refused "$(sed -n 's/^refused //p' "$dir/xsk.out")"
			push
		fi
	fi
	kill "$xsk" 2>/dev/null
	wait "$xsk"
	flow_down
}

scene bind_after_af_xdp admin "a bind to a queue that has an AF_XDP socket"
bind_after_af_xdp() {
	xsk
	if has_xsk; then
		check "$current: the socket is there first" grep -q bound "$dir/xsk.out"
		try_bind
	fi
	kill "$xsk" 2>/dev/null
	wait "$xsk"
}

run_scenes "$@"

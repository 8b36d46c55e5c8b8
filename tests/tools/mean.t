#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem
# slow: ppdevmem
# timeout: 600
#
# All tools: names that processes and devices have chosen to do harm, and output that
# cannot be written.

. "$PPDEVMEM_REPO/tests/tools/common.sh"

# A script's process is called as its file: a bell, the terminal's title, no UTF-8, and
# what ends a string of JSON.
name=$'\a\e]0;x\xff\xc3"\\,'
shown='??]0;x??"\,'
ln -s "$PPDEVMEM_REPO/tests/tools/reader.py" "$tmp/$name"

# device NAME: what dms0 is called now.
device() {
	ip -n rx link set "$ifname" name "$1" && ifname=$1
}
ifname=dms0
on_exit "device dms0 2>/dev/null"

# harmless FILE: it has nothing that is not printable, and something.
harmless() {
	[ -s "$1" ] && ! LC_ALL=C grep -n '[^ -~]' "$1" | cat -v | grep .
}

# shows NAME WANT: what tool NAME printed has the name, and does no harm.
shows() {
	check "$1 prints nothing that could steer a terminal" harmless "$tmp/$1"
	check "$1 shows the name as far as it can" grep -qF -- "$2" "$tmp/$1"
}

net_pair 4
steer 5201 1
bind
start_json snoop-text devmemsnoop -v -e token_get
text=$started
start_json snoop-json devmemsnoop -v -j -e token_get
json=$started
start_json lat-text devmemlat -v -P
lat_text=$started
start_json lat-json devmemlat -v -P -j
lat_json=$started
for watcher in snoop-text snoop-json lat-text lat-json; do
	wait_line "$tmp/$watcher" ": watching"
done
start_in rx reader "$tmp/$name" --hold 3 5201
wait_line "$tmp/reader" listening
send 5201 100000
wait_line "$tmp/reader" " got "
stop_tool "$text" "devmemsnoop ends"
stop_tool "$json" "devmemsnoop -j ends"
stop_tool "$lat_text" "devmemlat ends"
stop_tool "$lat_json" "devmemlat -j ends"
device $'d\e[1m\xff'
devmemls >"$tmp/ls-text"
devmemls -j >"$tmp/ls-json.json"
devmemtop -B -w process 1 1 >"$tmp/top-text"
devmemtop -B -j -w process 1 1 >"$tmp/top-json.json"
devmemleak -t 0 >"$tmp/leak-text"
devmemleak -j -t 0 >"$tmp/leak-json.json"
device dms0
for tool in ls top leak snoop lat; do
	[ -e "$tmp/$tool-text.json" ] && mv "$tmp/$tool-text.json" "$tmp/$tool-text"
	shows "$tool-text" "$shown"
	shows "$tool-json.json" '??]0;x??\"\\,'
	check "$tool: it is JSON" python3 -c \
		'import json, sys; [json.loads(line) for line in open(sys.argv[1], encoding="ascii")]' \
		"$tmp/$tool-json.json"
done
check "the device's name as well" grep -q ' d?\[1m? ' "$tmp/ls-text"
check "and in JSON" grep -qF '"ifname":"d?[1m?"' "$tmp/ls-json.json"

# A disk that is full. devmemsnoop and devmemlat have a header to write.
for command in "devmemls" "devmemls -j" "devmemls --iovs" "devmemls -j --iovs" \
	"devmemls --help" "devmemleak -t 0" "devmemleak -j -t 0" devmemlat devmemsnoop \
	"devmemtop -B 600" "devmemtop -B -j 600" "devmem_exporter --once" \
	"devmem_exporter --check"; do
	# shellcheck disable=SC2016
	fails "$command, with nowhere to write" 1 "cannot write to standard output" \
		timeout 120 sh -c 'exec $0 >/dev/full' "$command"
done
kill -9 "$(words reader fd 1)"
unbind
check "all memory comes back" wait_for 120 no_bindings
done_testing

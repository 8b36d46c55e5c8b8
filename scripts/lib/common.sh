# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034
#
# What the scripts share: where things are, one way to report, one way to lock.
# Everything reported goes to stderr, so that stdout stays the command's own.

# A command substitution that fails ends the script, too.
shopt -s inherit_errexit

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
cache=${PPDEVMEM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ppdevmem}
mkdir -p "$cache/logs" "$cache/locks"
cache=$(cd "$cache" && pwd -P)
export PPDEVMEM_CACHE=$cache

# die MESSAGE...: one message, status 1.
die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# note MESSAGE...: a line of progress.
note() {
	printf -- '-- %s\n' "$*" >&2
}

# lock NAME: hold an exclusive lock until this shell ends. Says so when it has
# to wait, because a silent wait looks like a hang.
declare -A _held=()
lock() {
	local fd
	[ -z "${_held[$1]:-}" ] || return 0
	exec {fd}>"$cache/locks/$1"
	if ! flock -n "$fd"; then
		note "waiting for another run that holds the lock '$1'"
		flock "$fd"
	fi
	_held[$1]=$fd
}

# _watch PID LABEL START LOG: report on a running step, every second in place
# on a terminal, every 30 seconds as a line elsewhere.
_watch() {
	local pid=$1 label=$2 start=$3 log=$4 now
	while sleep 1; kill -0 "$pid" 2>/dev/null; do
		now=$((SECONDS - start))
		if [ -t 2 ]; then
			printf '\r\033[K-- %s: %d s, %d log lines' "$label" "$now" \
				"$(wc -l <"$log")" >&2
		elif ((now % 30 == 0)); then
			note "$label: still at it after $now s ($(wc -l <"$log") log lines)"
		fi
	done
	[ ! -t 2 ] || printf '\r\033[K' >&2
}

# _stop PID LABEL STATUS: end a running step with all that it started.
_stop() {
	kill -TERM -- "-$1" 2>/dev/null
	note "$2: interrupted; the next run takes it up again"
	exit "$3"
}

# step LABEL COMMAND...: run COMMAND with its output in a log, report how long
# it took, and show the end of the log when it fails.
step() {
	local label=$1 start=$SECONDS log status=0 pid
	shift
	log=$cache/logs/$(tr -cs 'A-Za-z0-9.+\n' - <<<"$label").$$.log
	: >"$log"
	note "$label"
	# In a process group of its own, so that all of it can be ended.
	set -m
	"$@" >>"$log" 2>&1 </dev/null &
	pid=$!
	set +m
	trap '_stop '"$pid"' "$label" 130' INT
	trap '_stop '"$pid"' "$label" 143' TERM HUP
	_watch "$pid" "$label" "$start" "$log"
	wait "$pid" || status=$?
	trap - INT TERM HUP
	if ((status)); then
		tail -n 40 "$log" >&2
		note "$label: FAILED after $((SECONDS - start)) s, status $status; whole log: $log"
		return "$status"
	fi
	rm -f "$log"
	note "$label: done in $((SECONDS - start)) s"
}

# hash_of: read anything, print a short name for exactly that content.
hash_of() {
	sha256sum | cut -c1-16
}

# hash_tree DIR...: hash the paths, modes and contents below each DIR that exists.
hash_tree() {
	local dir
	for dir; do
		[ -d "$dir" ] || continue
		find "$dir" -type f -printf '%m %p\n' | sort
		find "$dir" -type f -print0 | sort -z | xargs -0r sha256sum
	done
}

# compile_settings: how kernels are compiled, so that one made again is the same. gcc takes
# what ccache has preprocessed, instead of doing that again.
compile_settings() {
	export CCACHE_DIR=$cache/ccache CCACHE_MAXSIZE=3G CCACHE_NOHASHDIR=1 CCACHE_NOCPP2=1
	export KBUILD_BUILD_VERSION=1 KBUILD_BUILD_TIMESTAMP=@1
	export KBUILD_BUILD_USER=ppdevmem KBUILD_BUILD_HOST=ppdevmem
}

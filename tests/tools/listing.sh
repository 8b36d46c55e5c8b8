# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# For the tests of devmemls: the document of the last call, and all of them.

# shellcheck disable=SC2154 # common.sh sets tmp
ls="$tmp/ls.json"
docs="$tmp/docs.json"

# list [OPTION...]: the document, in $ls.
list() {
	devmemls -j "$@" | tee -a "$docs" >"$ls"
	return "${PIPESTATUS[0]}"
}

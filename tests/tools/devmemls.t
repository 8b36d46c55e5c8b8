#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem mainline stock-6.12 stock-latest
# slow: stock-latest mainline
# timeout: 600
#
# devmemls against what is known to be there.

. "$PPDEVMEM_REPO/tests/tools/common.sh"
. "$PPDEVMEM_REPO/tests/tools/listing.sh"

# known FILTER: "yes" if the document has something there, "unknown" if null.
known() {
	jq -r "if $1 == null then \"unknown\" else \"yes\" end" "$ls"
}

net_pair 4
steer 5201 1

# nothing there
check "lists nothing" list
jq_is "$ls" . "{\"version\":2,\"layout\":\"$layout\",\"bindings\":[]}" "an empty document of layout $layout"

# A binding. Mainline does not clear its iovs: let the memory that they get have
# all bits set.
head -c 64M /dev/zero | tr '\0' '\377' >/dev/shm/ones
rm /dev/shm/ones
bind
list
jq_is "$ls" ".bindings | length" 1 "one binding"
jq_is "$ls" ".bindings[0] | [.kind, .area, .ifname, .queues, .unbound, .iov_size, .holders]" \
	'["rx",null,"dms0",[1],false,4096,[]]' "on dms0's queue 1, held by nobody"
jq_is "$ls" ".bindings[0].ifindex" "$(ip -n rx -j link show dms0 | jq '.[0].ifindex')" \
	"the device's index"
jq_is "$ls" ".bindings[0].netns" "$(in_rx stat -Lc %i /proc/self/ns/net)" "its network namespace"
jq_is "$ls" ".bindings[0].dmabuf | [.size, .exporter]" '[16777216,"udmabuf"]' "the dma-buf"
jq_is "$ls" ".bindings[0].iovs | [.total, .user]" "[4096,0]" "4096 iovs in all"
jq_is "$ls" ".bindings[0].iovs.pool > 0" true "some of them posted to hardware"
if $counts; then
	jq_is "$ls" ".bindings[0] | .allocs - .releases == .iovs.pool and .exhausted == 0 and .high_water >= .iovs.pool" \
		true "the counters add up"
else
	jq_is "$ls" ".bindings[0] | [.allocs, .releases, .exhausted, .high_water]" \
		"[null,null,null,null]" "counters that the kernel does not have are null"
fi
tells devmemls "device, queues, dma-buf" "$(known '.bindings[0].dmabuf.inode')"
tells devmemls "iovs that are free, in a page pool, with a reader" "$(known '.bindings[0].iovs.user')"
tells devmemls "allocations, high-water mark, times exhausted" \
	"$(known '.bindings[0].high_water')"

# a holder
reader reader --hold 7 5201
send 5201 200000
wait_line "$tmp/reader" " got "
list
pid=$(words reader fd 1)
jq_is "$ls" ".bindings[0].holders | length" 1 "one holder"
jq_is "$ls" ".bindings[0].holders[0] | [.holder, .tokens, .tasks]" \
	"[\"socket\",7,[{\"pid\":$pid,\"comm\":\"reader.py\",\"fd\":$(words reader fd 3),\"how\":\"fd\"}]]" \
	"7 tokens, and the process with its fd"
jq_is "$ls" ".bindings[0].holders[0] | [.local, (.remote | startswith(\"10.0.0.2:\"))]" \
	'["10.0.0.1:5201",true]' "the socket's addresses, though its connection has ended"
jq_is "$ls" ".bindings[0] | .holders[0].iovs == .iovs.user and .holders[0].bytes == .iovs.user * .iov_size" \
	true "the holder's iovs are those in state user"
if $counts; then
	jq_is "$ls" ".bindings[0].holders[0].oldest_seconds > 0" true "since when they are held"
else
	jq_is "$ls" ".bindings[0].holders[0].oldest_seconds" null "since when is not known"
fi
tells devmemls "holders: socket, processes, file descriptors" "$(known '.bindings[0].holders[0].tasks[0].fd')"
tells devmemls "how long they hold it" "$(known '.bindings[0].holders[0].oldest_seconds')"
table=$(devmemls)
like "$table" "rx +dms0 +1 .*udmabuf +16M +4096" "the table has the binding"
like "$table" "10.0.0.1:5201 <- 10.0.0.2:[0-9]+, reader.py\[$pid\] fd" "and the holder"

# filters
list -b 4000000000
jq_is "$ls" ".bindings" "[]" "-b of another binding"
fails "a device that is not there" 2 "no device 'typo0'" devmemls -i typo0
list -i lo
jq_is "$ls" ".bindings" "[]" "-i of another device"
list -p "$pid"
jq_is "$ls" ".bindings | length" 1 "-p of the holder"
list -p 1
jq_is "$ls" ".bindings" "[]" "-p of another process"

# each iov
list --iovs
jq_is "$ls" ".bindings[0] | [(.iov_list | length), ([.iov_list[].iov] == [range(.iovs.total)])]" \
	"[4096,true]" "--iovs lists each iov in order"
jq_is "$ls" ".bindings[0] | ([.iov_list[] | select(.state == \"user\")] | length) == .iovs.user" \
	true "as many in state user as are counted"
jq_is "$ls" ".bindings[0] | ([.iov_list[] | select(.state == \"free\")] | length) == .iovs.free" \
	true "and in state free"
# (which the summary takes for what is left)
jq_is "$ls" ".bindings[0] | ([.iov_list[] | select(.state == \"pool\")] | length) == .iovs.pool" \
	true "and in state pool"
jq_is "$ls" ".bindings[0] | [.iov_list[] | select(.state == \"free\") | .pool == null] | all" \
	true "a free one has no pool"
jq_is "$ls" ".bindings[0] | [.iov_list[] | .offset == .iov * 4096] | all" true "offsets go with the index"
tells devmemls "tokens on each iov (--iovs)" "$(known '.bindings[0].iov_list[0].tokens')"

# decoding
word=$(jq -r '[.bindings[0].iov_list[] | select(.state == "user")][0].frag' "$ls")
only_the_token_is_left() {
	poke_cpus
	devmemls -j --frag "$word" >"$tmp/frag"
	jq -e '.refcount == 1' "$tmp/frag"
}
wait_for 60 only_the_token_is_left
jq_is "$tmp/frag" "[.version, .kind, .frag, .binding, .ifname, .state, .refcount]" \
	"[2,\"rx\",\"$word\",$(jq '.bindings[0].id' "$ls"),\"dms0\",\"user\",1]" "--frag of an iov that is held"
is "$(jq -c "{iov, offset, dma}" "$tmp/frag")" \
	"$(jq -c "[.bindings[0].iov_list[] | select(.frag == \"$word\")][0] | {iov, offset, dma}" "$ls")" \
	"it says the same as the list"
tells devmemls "what a tagged word stands for (--frag)" "$(jq -r 'if .dma then "yes" else "unknown" end' "$tmp/frag")"
like "$(devmemls --frag "$word")" "state +user" "--frag as text"
word=$(jq -r '[.bindings[0].iov_list[] | select(.state == "free")][0].frag' "$ls")
like "$(devmemls --frag "$word")" "state +free" "--frag of a free iov"
fails "--frag of a page" 1 "is a page's address" devmemls --frag "${word%?}0"
fails "--frag of no iov" 1 "is no iov of the 1 bindings" devmemls --frag 0xffff000000000001
fails "--frag between two iovs" 1 "is no iov" devmemls --frag "$(printf 0x%x $((word + 8)))"
fails "--frag of no number" 2 "not a hexadecimal word" devmemls --frag xyz
fails "an argument" 2 "only options" devmemls what

# unbound, and still held
unbind
unbound() {
	list && jq -e '.bindings[0].unbound' "$ls"
}
wait_for 60 unbound
jq_is "$ls" ".bindings[0] | [.unbound, .queues, .holders[0].tokens]" "[true,[],7]" \
	"unbound, and the holder is still there"
tells devmemls "bindings that were unbound and are held" "$(known '.bindings[0].holders[0]')"
kill -9 "$pid"
check "it is gone with its holder" wait_for 120 no_bindings
as_documented devmemls "$docs"
as_documented devmemls-frag "$tmp/frag"
check "no BPF program is left" wait_for 60 none_left
done_testing

# shellcheck shell=bash
# Last, because it takes netem away: the kernel no longer loads modules by itself, then the module is
# not even on the disk.
delay="netem limit 1000 delay 100ms"
net=/usr/lib/modules/$(uname -r)/kernel/net/sched

for shell in bash busybox; do
	modprobe -r sch_netem
	echo /nonexistent >/proc/sys/kernel/modprobe
	check "module ($shell): the kernel does not load it by itself" grep -q 'kind is unknown' <(in_pod 0 tc qdisc add dev tap0 root netem 2>&1)
	plan 0 60 "$delay" - 150
	up "module ($shell): loaded through the host" $shell 0 && check_twice "module ($shell): in place" delays 10.244.0.10 100 0
	down "module ($shell): loaded through the host" 0
done

modprobe -r sch_netem
mv "$net/sch_netem.ko" /tmp/
before=$(snapshot 0)
agent_start fault dash
say fault hello 0
step "no module: the node says so" await fault "$(event hello).*\"netem\":false"
step "no module: refused" await fault "$(event refused 0).*no-netem"
say fault bye
step "no module: the agent ends well" agent_end fault
step "no module: nothing left" nothing_left fault
same "no module: left as it was" "$before" "$(snapshot 0)"

plan 0 60 "tbf rate 1mbit burst 5000b latency 8000ms" - 0
modprobe sch_tbf
if up "no module, bandwidth alone" bash 0; then
	check_twice "no module: bandwidth alone still works" rate 10.244.0.10 in 1000
fi
down "no module, bandwidth alone" 0
mv /tmp/sch_netem.ko "$net/"
echo /usr/sbin/modprobe >/proc/sys/kernel/modprobe

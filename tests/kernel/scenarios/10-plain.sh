# shellcheck shell=bash
# fast
make_masquerade 0 1
make_bridge 1
await_guest 10.244.0.10
await_guest 10.244.0.11
await_guest fd00:244::10
await_guest fd00:244::11
for a in 10.244.0.10 fd00:244::10 10.244.0.11 fd00:244::11; do
check_twice "before $a" delays $a 0 0
check "in loss" loss $a in 0
check "out loss" loss $a out 0
check "rate" rate $a in 0
check "rate" rate $a out 0
done
in_pod 0 tc qdisc show
snapshot 0
in_pod 0 tc qdisc add dev tap0 root netem delay 100ms
check "during " delays 10.244.0.10 100 0
check "during " undisturbed 10.244.0.11
check "ping " ping_of 10.244.0.10 90 110
in_pod 0 tc qdisc replace dev tap0 root netem loss 30% limit 5000
check "loss in" loss 10.244.0.10 in 300
in_pod 0 tc qdisc replace dev tap0 root netem corrupt 10% limit 5000
check "corrupt in" corruption 10.244.0.10 in 100
in_pod 0 tc qdisc replace dev tap0 root netem rate 1mbit limit 5000
check "rate in" rate 10.244.0.10 in 1000
in_pod 0 tc qdisc del dev tap0 root
in_pod 0 tc qdisc add dev eth0 root tbf rate 1mbit burst 15kb limit 1000000
check "rate out" rate 10.244.0.10 out 1000
in_pod 0 tc qdisc del dev eth0 root
cat /proc/*/cgroup | sort | uniq -c
ps -ef

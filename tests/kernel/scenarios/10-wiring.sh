# shellcheck shell=bash
# fast
# Makes the node's VMs and measures them healthy; every other scenario stands on this one.
#   0 masquerade   1 bridge   2 masquerade, multi-queue   3 masquerade and a second network (4 in plans)
make_masquerade 0 1
make_bridge 1
make_masquerade 2 4
make_masquerade 3 1
add_secondary 3
for pod in 0 1 2 3; do watch_pod $pod; done
for address in 10.244.0.1{0,1,2,3} fd00:244::1{0,1,2,3} 10.99.0.13 fd00:99::13; do
	await_guest "$address"
	check_twice "healthy: $address" undisturbed "$address"
done
check "the tap of a VM with queues has mq" grep -q '^qdisc mq 0: root' <(in_pod 2 tc qdisc show dev tap0)
check "healthy: nothing lost into the guest" loss 10.244.0.10 in 0
check "healthy: nothing lost out of the guest" loss 10.244.0.10 out 0
check_twice "healthy: no limit into the guest" rate 10.244.0.11 in 0
check_twice "healthy: no limit out of the guest" rate 10.244.0.11 out 0

//! How many VMs there may be: in a run, on a node, in a namespace.

use vmchaos_rehearsal::Options;

use super::{FAULTS, with};
use crate::support::Rehearsal;

/// Three of default's seven VMs, on three nodes.
const THREE: [&str; 5] = ["web-1", "web-2", "web-3", "--dry-run", "--yes=vmchaos-rehearsal"];

#[track_caller]
fn refused(rehearsal: &Rehearsal, config: &str, guard: &str, key: &str) {
    rehearsal.configure(config);
    for fault in FAULTS {
        let ended = rehearsal.run(&with(fault, &THREE)).expect(4);
        ended.says(&[&format!("guard {guard}:"), key, "config.yaml"]);
    }
}

#[track_caller]
fn passes(rehearsal: &Rehearsal, config: &str) {
    rehearsal.configure(config);
    for fault in FAULTS {
        rehearsal.run(&with(fault, &THREE)).expect(0);
    }
}

#[test]
fn of_a_run() {
    let rehearsal = Rehearsal::new();
    passes(&rehearsal, "ceilings: {perRun: 3}\n");
    refused(
        &rehearsal,
        "ceilings: {perRun: 2}\n",
        "ceiling-per-run",
        "ceilings.perRun",
    );
    passes(&rehearsal, "ceilings: {perRun: 100%}\n");
    refused(
        &rehearsal,
        "ceilings: {perRun: 99%}\n",
        "ceiling-per-run",
        "ceilings.perRun",
    );
}

#[test]
fn of_a_namespace() {
    let rehearsal = Rehearsal::new();
    passes(&rehearsal, "ceilings: {perNamespace: 3}\n");
    let guard = "ceiling-per-namespace";
    refused(
        &rehearsal,
        "ceilings: {perNamespace: 2}\n",
        guard,
        "ceilings.perNamespace",
    );
    // 3 of 7 are 42.9 %.
    passes(&rehearsal, "ceilings: {perNamespace: 43%}\n");
    refused(
        &rehearsal,
        "ceilings: {perNamespace: 42%}\n",
        guard,
        "ceilings.perNamespace",
    );
}

#[test]
fn of_a_node() {
    let rehearsal = Rehearsal::with(Options {
        nodes: 2,
        ..Options::default()
    });
    passes(&rehearsal, "ceilings: {perNode: 2}\n");
    refused(
        &rehearsal,
        "ceilings: {perNode: 1}\n",
        "ceiling-per-node",
        "ceilings.perNode",
    );
    passes(&rehearsal, "ceilings: {perNode: 50%}\n");
    refused(
        &rehearsal,
        "ceilings: {perNode: 10%}\n",
        "ceiling-per-node",
        "ceilings.perNode",
    );
}

#[test]
fn a_share_of_a_node_is_of_what_may_be_listed() {
    let rehearsal = Rehearsal::with(Options {
        nodes: 2,
        ..Options::default()
    });
    rehearsal
        .practice
        .forbid("list", "kubevirt.io", "virtualmachineinstances", "", "");
    rehearsal.configure("ceilings: {perNode: 30%}\n");
    let ended = rehearsal.run(&with(FAULTS[0], &THREE)).expect(4);
    ended.says(&["as far as VMIs may be listed"]);
}

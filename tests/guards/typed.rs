//! What has to be typed: the context's name, the number of VMs, the name of a VM that loses data.

use super::{FAULTS, with};
use crate::support::Rehearsal;
use crate::support::terminal::Terminal;

const CONTEXT: &str = "--yes=vmchaos-rehearsal";

/// `--yes` alone does not do, `--yes=CONTEXT` does, and no guard needs nothing.
#[track_caller]
fn is_typed(rehearsal: &Rehearsal, fault: &[&str], why: &str) {
    let ended = rehearsal.run(&with(fault, &["--yes"])).expect(4);
    ended.says(&[why, "pass --yes=vmchaos-rehearsal"]);
    rehearsal.run(&with(fault, &["--yes=other"])).expect(4).says(&["other"]);
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
    rehearsal
        .run(&with(fault, &["--dry-run"]))
        .expect(0)
        .says(&[why, "has to be typed"]);
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
    rehearsal.run(&with(fault, &[CONTEXT])).expect(0);
    assert_ne!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn the_contexts_name_where_the_file_asks_for_it() {
    for fault in FAULTS {
        let rehearsal = Rehearsal::new();
        rehearsal.configure("typedContexts: ['prod-.*', 'vmchaos-reh.*']\n");
        let name = with(fault, &["web-1"]);
        is_typed(&rehearsal, &name, "(typedContexts: vmchaos-reh.*)");
    }
}

#[test]
fn a_context_is_known_by_its_server_too_and_another_passes() {
    let rehearsal = Rehearsal::new();
    let run = with(FAULTS[0], &["web-1", "--yes"]);
    let server = rehearsal.practice.url().to_owned();
    rehearsal.configure(&format!("typedContexts: ['{}.*']\n", server.trim_end_matches('/')));
    rehearsal.run(&run).expect(4).says(&["typedContexts"]);
    rehearsal.configure("typedContexts: ['vmchaos', 'prod']\n");
    rehearsal.run(&run).expect(0);
}

#[test]
fn the_number_where_it_is_half_a_namespace() {
    let rehearsal = Rehearsal::new();
    let fault = with(
        FAULTS[0],
        &["shop-web-1", "shop-web-2", "-n", "shop", "--execution", "parallel"],
    );
    is_typed(&rehearsal, &fault, "2 of the 4 VMIs in namespace shop");
    rehearsal.configure("typedShare: 51%\n");
    rehearsal.run(&with(&fault, &["--yes"])).expect(0);
}

#[test]
fn one_vm_is_never_many() {
    let rehearsal = Rehearsal::new();
    rehearsal.configure("typedShare: 1%\n");
    rehearsal.run(&with(FAULTS[0], &["web-1", "--yes"])).expect(0);
}

#[test]
fn the_number_where_they_are_more_than_ten() {
    let rehearsal = Rehearsal::with(vmchaos_rehearsal::Options {
        vms: 40,
        ..vmchaos_rehearsal::Options::default()
    });
    for fault in FAULTS {
        let many = with(fault, &["-n", "load", "--target", "load-.*", "--count", "11"]);
        let ended = rehearsal.run(&with(&many, &["--yes"])).expect(4);
        ended.says(&["11 VMs, more than 10 (typedCount)", "--yes=vmchaos-rehearsal"]);
        let fewer = with(
            fault,
            &["-n", "load", "--target", "load-.*", "--count", "10", "--dry-run"],
        );
        let plan = rehearsal.run(&fewer).expect(0).err;
        assert!(!plan.contains("has to be typed"), "{plan}");
    }
    rehearsal.configure("typedCount: 11\n");
    let eleven = with(
        FAULTS[0],
        &["-n", "load", "--target", "load-.*", "--count", "11", "--dry-run"],
    );
    let plan = rehearsal.run(&eleven).expect(0).err;
    assert!(!plan.contains("has to be typed"), "{plan}");
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn migrations_that_can_outlast_the_maximum() {
    let rehearsal = Rehearsal::new();
    // Two pauses of up to half an hour are an hour, which is the maximum.
    let within = [
        "migrate",
        "web-1",
        "--rounds",
        "3",
        "--interval-max",
        "30m",
        "--dry-run",
    ];
    let plan = rehearsal.run(&within).expect(0).err;
    assert!(!plan.contains("has to be typed"), "{plan}");
    let beyond = ["migrate", "web-1", "--rounds", "4", "--interval-max", "30m"];
    let ended = rehearsal.run(&with(&beyond, &["--yes"])).expect(4);
    ended.says(&["90 min", "maximumDuration", "--yes=vmchaos-rehearsal"]);
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
    rehearsal.configure("maximumDuration: 2h\n");
    let plan = rehearsal.run(&with(&beyond, &["--dry-run"])).expect(0).err;
    assert!(!plan.contains("has to be typed"), "{plan}");
}

#[test]
fn where_vmis_may_not_be_counted_the_plan_says_so() {
    let rehearsal = Rehearsal::new();
    let lists = ["list", "kubevirt.io", "virtualmachineinstances"];
    rehearsal.practice.forbid(lists[0], lists[1], lists[2], "", "");
    rehearsal.practice.forbid(lists[0], lists[1], lists[2], "", "shop");
    let named = ["shop-web-1", "shop-web-2", "-n", "shop", "--execution", "parallel"];
    let ended = rehearsal.run(&with(&with(FAULTS[0], &named), &["--dry-run"])).expect(0);
    ended.says(&["not known: how many VMIs there are in shop"]);
}

#[test]
fn migrations_without_an_end() {
    let rehearsal = Rehearsal::new();
    let endless = ["migrate", "web-1", "--rounds", "0"];
    let ended = rehearsal.run(&with(&endless, &["--yes"])).expect(4);
    ended.says(&["no end", "--yes=vmchaos-rehearsal"]);
    let mut run = rehearsal.spawn(&with(&endless, &[CONTEXT]));
    run.wait_for("web-1");
    run.signal("INT");
    run.end().expect(130);
}

#[test]
fn on_a_terminal_everything_is_typed_in_turn() {
    let rehearsal = Rehearsal::new();
    rehearsal.configure("typedContexts: ['vmchaos-.*']\n");
    let shop = [
        "shop-web-1",
        "shop-web-2",
        "-n",
        "shop",
        "--execution",
        "parallel",
        "--yes",
    ];
    let mut terminal = Terminal::start(&rehearsal, &with(FAULTS[0], &shop));
    terminal.see("Type the context's name to go on");
    terminal.type_in("vmchaos-rehearsal\r");
    terminal.see("Type the number of VMs to go on in context vmchaos-rehearsal");
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
    terminal.type_in("2\r");
    terminal.see("injected");
    let (all, code) = terminal.end();
    assert_eq!(code, 0, "{all}");
}

#[test]
fn a_wrong_name_and_a_yes_are_refusals() {
    let rehearsal = Rehearsal::new();
    rehearsal.configure("typedContexts: ['vmchaos-.*']\n");
    for answer in ["y\r", "vmchaos\r", "\r"] {
        let mut terminal = Terminal::start(&rehearsal, &with(FAULTS[0], &["web-1"]));
        terminal.see("Type the context's name to go on");
        terminal.type_in(answer);
        let (all, code) = terminal.end();
        assert_eq!(code, 4, "{all}");
    }
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

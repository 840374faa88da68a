//! `halt` of a VM by its name: one that does not run, is not there, or cannot be read.

use vmchaos_rehearsal::{Answer, Rule};

use super::injected;
use crate::support::Rehearsal;

#[test]
fn a_vm_that_does_not_run_holds_nothing() {
    let rehearsal = Rehearsal::new();
    let halted = rehearsal.run(&["halt", "vmi/stopped-1/lab", "-y"]).expect(0);
    assert!(
        halted.out.contains("VMI lab/stopped-1 is not running"),
        "{}",
        halted.out
    );
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn a_name_of_which_there_is_nothing_is_refused() {
    let rehearsal = Rehearsal::new();
    let typo = rehearsal.run(&["halt", "vmi/web-11", "vmi/web-1", "-y"]).expect(4);
    typo.says(&[
        "neither a VMI nor a VM \"web-11\" in namespace \"default\"",
        "kubectl vmchaos list -A",
    ]);
    rehearsal
        .run(&["halt", "vmi/web-1/nowhere", "-y"])
        .expect(4)
        .says(&["nowhere"]);
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
    // Whoever may not read it cannot say that it is not there.
    rehearsal
        .practice
        .forbid("get", "kubevirt.io", "virtualmachines", "", "default");
    rehearsal
        .run(&["halt", "vmi/web-11", "-y"])
        .expect(0)
        .says(&["VMI default/web-11 is not running"]);
}

#[test]
fn a_vm_that_is_gone_is_halted_while_something_of_its_run_is_there() {
    let rehearsal = Rehearsal::new();
    let (mut run, _) = injected(&rehearsal, "web-1", &[]);
    run.signal("KILL");
    rehearsal.until_pods_ended();
    for kind in ["VirtualMachine", "VirtualMachineInstance"] {
        rehearsal.practice.remove(kind, "default", "web-1");
    }
    rehearsal
        .run(&["halt", "vmi/web-1", "-y"])
        .expect(0)
        .says(&["VMI default/web-1 is not running"]);
}

#[test]
fn where_an_outage_could_not_be_looked_for_halt_of_a_vm_says_so() {
    let rehearsal = Rehearsal::new();
    for namespace in ["", "default"] {
        for verb in ["list", "get"] {
            rehearsal
                .practice
                .forbid(verb, "kubevirt.io", "virtualmachines", "", namespace);
        }
    }
    let halted = rehearsal.run(&["halt", "vmi/web-1", "-y"]).expect(3);
    halted.says(&[
        "could not look for what an outage has changed on default/web-1",
        "kubectl auth can-i get virtualmachines.kubevirt.io -n default",
    ]);
}

#[test]
fn a_vm_of_another_namespace_is_looked_into_there() {
    let rehearsal = Rehearsal::new();
    let halted = rehearsal.run(&["halt", "vmi/lone-1/lab", "-y"]).expect(0);
    let nothing = "lab/lone-1: nothing of this program is there";
    assert!(halted.out.contains(nothing), "{}", halted.out);
}

#[test]
fn what_may_be_read_needs_no_list_and_what_cannot_be_read_is_an_error() {
    let rehearsal = Rehearsal::new();
    for namespace in ["", "default"] {
        let resource = "virtualmachineinstances";
        rehearsal
            .practice
            .forbid("list", "kubevirt.io", resource, "", namespace);
    }
    rehearsal.run(&["halt", "vmi/web-1", "-y"]).expect(0);

    let rehearsal = Rehearsal::new();
    let broken = Answer::status(500, "InternalError", "the store is broken");
    let rule = Rule::new("get", "/virtualmachines/web-1$", broken).unwrap();
    rehearsal.practice.fail(rule.always());
    let halted = rehearsal.run(&["halt", "vmi/web-1", "-y"]);
    assert_ne!(halted.code, Some(0), "{}", halted.err);
    halted.says(&["the store is broken"]);
}

/// Who may list VMIs there and get none sees whether one runs, and nothing in it.
#[test]
fn where_an_outage_of_a_vmi_without_a_vm_could_not_be_looked_for_halt_says_so() {
    let rehearsal = Rehearsal::new();
    let forbid = |verb, group, resource, namespace| rehearsal.practice.forbid(verb, group, resource, "", namespace);
    forbid("get", "kubevirt.io", "virtualmachineinstances", "lab");
    forbid("list", "kubevirt.io", "virtualmachineinstances", "");
    forbid("list", "", "namespaces", "*");
    let halted = rehearsal
        .run(&["halt", "vmi/lone-1/lab", "vmi/lone-9/lab", "-y"])
        .expect(3);
    halted.says(&["could not look for what an outage has changed on lab/lone-1"]);
}

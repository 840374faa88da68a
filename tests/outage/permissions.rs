//! What is not permitted is found out before anything is done: the way back too.

use super::{YES, quick};

#[test]
fn each_mode_asks_for_what_it_needs_and_nothing_is_written() {
    let virt = "kubevirt.io";
    let subresources = "subresources.kubevirt.io";
    let (machines, instances) = ("virtualmachines", "virtualmachineinstances");
    let cases: [(&str, &str, &str, &str, &[&str]); 11] = [
        ("delete", virt, instances, "", &["web-1"]),
        ("watch", virt, instances, "", &["web-1"]),
        ("update", subresources, machines, "start", &["web-1"]),
        ("create", virt, instances, "", &["vmi/lone-1/lab"]),
        ("patch", virt, machines, "", &["web-1", "--disable-auto-restart"]),
        ("patch", virt, machines, "", &["web-1", "--mode", "pause"]),
        ("patch", virt, instances, "", &["vmi/lone-1/lab", "--mode", "pause"]),
        (
            "update",
            subresources,
            instances,
            "unpause",
            &["web-1", "--mode", "pause"],
        ),
        ("update", subresources, machines, "stop", &["web-1", "--mode", "stop"]),
        (
            "update",
            subresources,
            instances,
            "reset",
            &["web-1", "--mode", "reset"],
        ),
        ("delete", "", "pods", "", &["web-1", "--mode", "pod"]),
    ];
    for (verb, group, resource, subresource, args) in cases {
        let rehearsal = quick();
        rehearsal.practice.forbid(verb, group, resource, subresource, "*");
        let mut all = vec!["outage", YES];
        all.extend(args);
        let ended = rehearsal.run(&all).expect(4);
        let said = ended.err.contains("not permitted in namespace") || ended.err.contains("forbidden");
        assert!(said, "{verb} {resource}/{subresource}: {}", ended.err);
        assert_eq!(
            rehearsal.writes(),
            Vec::<String>::new(),
            "{verb} {resource}/{subresource}"
        );
    }
}

#[test]
fn the_preflight_fails_where_the_outage_would_be_refused() {
    let cases = [
        ("update", "subresources.kubevirt.io", "virtualmachines", "start"),
        ("delete", "kubevirt.io", "virtualmachineinstances", ""),
    ];
    for (verb, group, resource, subresource) in cases {
        let rehearsal = quick();
        rehearsal.practice.forbid(verb, group, resource, subresource, "*");
        let refused = rehearsal.run(&["outage", "web-1", YES]).expect(4);
        assert!(
            refused
                .err
                .contains("kubectl vmchaos check outage --context vmchaos-rehearsal"),
            "{}",
            refused.err
        );
        let code = rehearsal.run(&["check", "outage"]).code;
        assert_ne!(code, Some(0), "{verb} {resource}/{subresource}");
    }
}

#[test]
fn a_finished_vmi_that_is_in_the_way_has_to_be_deleted() {
    let rehearsal = quick();
    super::strategy(&rehearsal, "default", "web-1", "Once");
    let forbidden = ("delete", "kubevirt.io", "virtualmachineinstances");
    rehearsal
        .practice
        .forbid(forbidden.0, forbidden.1, forbidden.2, "", "*");
    for mode in ["pod", "kill"] {
        let ended = rehearsal.run(&["outage", "web-1", YES, "--mode", mode]).expect(4);
        ended.says(&["delete virtualmachineinstances.kubevirt.io"]);
        assert_eq!(rehearsal.writes(), Vec::<String>::new(), "{mode}");
    }
    // Nothing is to be brought back.
    let args = ["outage", "web-1", YES, "--mode", "pod", "--no-recover", "--dry-run"];
    rehearsal.run(&args).expect(0);
}

#[test]
fn whoever_names_a_vm_need_not_be_able_to_list_vms() {
    let rehearsal = quick();
    for namespace in ["", "default"] {
        rehearsal
            .practice
            .forbid("list", "kubevirt.io", "virtualmachines", "", namespace);
    }
    rehearsal
        .run(&["outage", "web-1", "--mode", "pause", "--dry-run"])
        .expect(0);
}

#[test]
fn check_asks_about_a_kills_pods_where_the_run_would_make_them() {
    let rehearsal = quick();
    let asks = |args: &[&str], at: &str| {
        let checked = rehearsal.run(&[&["check", "outage"][..], args].concat()).expect(0);
        for verb in ["create", "get", "list", "watch", "delete"] {
            let subject = format!("{verb} pods in {at} ");
            assert!(checked.out.contains(&subject), "{subject}: {}", checked.out);
        }
        checked
    };
    asks(&[], "kubevirt");
    asks(&["--pod-namespace", "lab"], "lab");
    rehearsal.own_namespace(true);
    asks(&[], "vmchaos");
    assert_eq!(rehearsal.writes(), Vec::<String>::new());
    // An outage is possible without them: which of its modes is not, is said.
    rehearsal.practice.forbid("create", "", "pods", "", "*");
    let without = asks(&[], "kubevirt");
    let mut admission = without.out.lines().filter(|line| line.starts_with("admission"));
    let warned = |line: &str| line.contains(" warning ") && line.ends_with("without it --mode kill is not possible");
    assert!(admission.all(warned), "{}", without.out);
}

//! The table of run strategies, row by row, and what is done about each.

use std::time::Duration;

use super::*;
use crate::fault::RunField;

fn target(owner: Owner) -> OutageTarget {
    OutageTarget {
        namespace: "default".into(),
        name: "web-1".into(),
        uid: "u".into(),
        node: "node-1".into(),
        launcher: None,
        owner,
        agent: true,
        shutdown: Duration::from_secs(30),
        volatile: Vec::new(),
    }
}

fn vm(strategy: &str) -> Owner {
    Owner::Vm(RunField::RunStrategy(strategy.into()))
}

#[test]
fn every_row_of_the_table() {
    let (old, new) = (Some((1, 1)), Some((1, 2)));
    let shut_down = OutageSpec {
        grace_period: Some(30),
        ..OutageSpec::plain(Mode::Pod)
    };
    let (deleted, pod) = (OutageSpec::plain(Mode::Delete), OutageSpec::plain(Mode::Pod));
    let rows = [
        ("Always", &deleted, new, true),
        ("Always", &pod, new, true),
        ("Always", &shut_down, new, true),
        ("RerunOnFailure", &deleted, old, true),
        ("RerunOnFailure", &deleted, new, false),
        ("RerunOnFailure", &deleted, None, false),
        ("RerunOnFailure", &pod, old, true),
        ("RerunOnFailure", &pod, new, true),
        ("RerunOnFailure", &shut_down, old, false),
        ("RerunOnFailure", &shut_down, new, false),
        ("Once", &deleted, new, true),
        ("Once", &pod, new, false),
        ("Once", &shut_down, new, false),
        ("Manual", &deleted, new, false),
        ("Manual", &pod, new, false),
        ("Manual", &shut_down, new, false),
    ];
    for (strategy, spec, release, again) in rows {
        let prediction = predict(spec, &target(vm(strategy)), release);
        let by = if again { Comeback::Platform } else { Comeback::Us };
        assert_eq!(prediction.by, by, "{strategy} {:?} {release:?}", spec.mode);
        assert!(prediction.why.contains(strategy), "{}", prediction.why);
    }
}

#[test]
fn what_has_no_vm_is_its_owners_affair_or_ours() {
    let of = |owner| predict(&OutageSpec::plain(Mode::Delete), &target(owner), Some((1, 9)));
    let set = Owner::ReplicaSet {
        name: "farm".into(),
        uid: "r".into(),
    };
    assert_eq!(of(Owner::Nobody).by, Comeback::Us);
    assert_eq!(of(set).by, Comeback::Platform);
    let other = Owner::Other {
        kind: "Operator".into(),
        name: "x".into(),
    };
    assert_eq!(of(other).by, Comeback::Platform);
}

#[test]
fn what_is_held_is_ours_whatever_the_strategy() {
    for mode in [Mode::Pause, Mode::Stop] {
        assert_eq!(
            predict(&OutageSpec::plain(mode), &target(vm("Always")), None).by,
            Comeback::Us
        );
    }
    let manual = OutageSpec {
        disable_auto_restart: true,
        ..OutageSpec::plain(Mode::Delete)
    };
    assert_eq!(predict(&manual, &target(vm("Always")), None).by, Comeback::Us);
    assert_eq!(
        predict(&OutageSpec::plain(Mode::Reset), &target(vm("Manual")), None).by,
        Comeback::Platform
    );
}

#[test]
fn what_is_done_fits_what_is_there() {
    for strategy in ["Always", "Once"] {
        assert_eq!(
            help(&vm(strategy), Sight::Finished),
            Some(Help::Remove),
            "{strategy} refuses to be started"
        );
        assert_eq!(
            help(&vm(strategy), Sight::Absent),
            None,
            "{strategy}: KubeVirt makes the next one"
        );
    }
    for strategy in ["Manual", "RerunOnFailure"] {
        assert_eq!(help(&vm(strategy), Sight::Finished), Some(Help::Start), "{strategy}");
        assert_eq!(help(&vm(strategy), Sight::Absent), Some(Help::Start), "{strategy}");
    }
    assert_eq!(help(&Owner::Nobody, Sight::Finished), Some(Help::Remove));
    assert_eq!(help(&Owner::Nobody, Sight::Absent), Some(Help::Create));
    for owner in [vm("Manual"), Owner::Nobody] {
        assert_eq!(help(&owner, Sight::New), None);
    }
}

#[test]
fn why_a_strategy_does_not_bring_it_back_is_said() {
    let shut_down = OutageSpec {
        grace_period: Some(30),
        ..OutageSpec::plain(Mode::Pod)
    };
    let deleted = OutageSpec::plain(Mode::Delete);
    for (strategy, spec, release, why) in [
        (
            "RerunOnFailure",
            &deleted,
            None,
            "which version this is may not be read",
        ),
        ("RerunOnFailure", &deleted, Some((1, 2)), "KubeVirt 1.2 and later"),
        ("RerunOnFailure", &shut_down, None, "and this one shuts down"),
        ("Once", &shut_down, None, "leaves a guest that has ended alone"),
        ("Manual", &deleted, None, "starts nothing by itself"),
    ] {
        let told = predict(spec, &target(vm(strategy)), release).why;
        assert!(told.contains(why), "{strategy}: {told}");
    }
}

#[test]
fn what_is_done_to_bring_a_vmi_back_is_said() {
    let words = [Help::Remove, Help::Start, Help::Create].map(Help::words);
    let told = [
        "deleting the finished VMI",
        "starting the VM",
        "making the VMI again from its manifest",
    ];
    assert_eq!(words, told);
}

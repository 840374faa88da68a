use super::*;

fn place(name: &str, node: &str) -> Place {
    Place {
        namespace: "shop".into(),
        name: name.into(),
        node: node.into(),
    }
}

/// A run of netem on `shop/web-1` on node-1.
fn facts() -> Facts {
    Facts {
        fault: "netem",
        vms: vec![place("web-1", "node-1")],
        ..Facts::default()
    }
}

fn other(fault: &str, state: RunState, vms: &[&str], nodes: &[&str]) -> Other {
    let owned = |all: &[&str]| all.iter().map(|&one| one.to_owned()).collect();
    Other {
        run: "k3f9ab".into(),
        fault: fault.into(),
        user: Some("jane".into()),
        state,
        left: Some(Duration::from_secs(90)),
        vms: owned(vms),
        nodes: owned(nodes),
        flags: owned(&["-n", "vmchaos"]),
    }
}

fn lines(beside: &Beside) -> Vec<String> {
    beside.lines(&facts())
}

#[test]
fn only_a_live_fault_of_the_kind_on_the_vm_refuses_another() {
    let refusals = |other: Other| {
        let runs = vec![other];
        let beside = Beside {
            runs,
            ..Beside::default()
        };
        beside.same_kind(&facts())
    };
    let refused = refusals(other("netem", RunState::Running, &["shop/web-1", "shop/web-2"], &[]));
    assert_eq!(refused.len(), 1);
    let message = "netem of run k3f9ab by jane is on shop/web-1 already, and a VM takes one of a kind";
    assert_eq!(refused[0].message, message);
    let hint = "leave it out, or end that run: kubectl vmchaos halt k3f9ab -n vmchaos";
    assert_eq!(refused[0].hint.clone().unwrap().to_string(), hint);
    for besides in [
        other("filter", RunState::Running, &["shop/web-1"], &[]),
        other("netem", RunState::Waiting, &["shop/web-1"], &[]),
        other("netem", RunState::Running, &["lab/web-1", "shop/web-11"], &["node-1"]),
    ] {
        assert_eq!(refusals(besides.clone()), [], "{besides:?}");
    }
}

#[test]
fn a_run_is_told_of_where_it_shares_a_vm_or_a_node() {
    let told = |vms: &[&str], nodes: &[&str]| {
        let runs = vec![other("filter", RunState::Running, vms, nodes)];
        lines(&Beside {
            runs,
            ..Beside::default()
        })
    };
    let run = "filter of run k3f9ab by jane is running, 90s left";
    assert_eq!(
        told(&["shop/web-1"], &["node-1"]),
        [format!("{run}, on the same VM: shop/web-1")]
    );
    assert_eq!(
        told(&["shop/web-2"], &["node-2", "node-1"]),
        [format!("{run}, on the same node: node-1")]
    );
    assert_eq!(told(&["shop/web-2"], &["node-2"]), Vec::<String>::new());
}

#[test]
fn migrations_evacuations_and_cordons_are_told_of_where_they_are_near() {
    let moved = |vm: &str, from: &str, to: Option<&str>, evacuation| Move {
        vm: vm.into(),
        from: Some(from.into()),
        to: to.map(str::to_owned),
        evacuation,
    };
    let beside = Beside {
        moves: vec![
            moved("shop/web-1", "", None, false),
            moved("shop/web-2", "node-2", Some("node-1"), true),
            moved("shop/web-3", "node-1", Some("node-2"), false),
            moved("shop/web-4", "node-2", Some("node-3"), false),
        ],
        evacuating: vec![
            place("web-1", "node-9"),
            place("web-5", "node-1"),
            place("web-6", "node-2"),
        ],
        cordoned: vec!["node-2".into(), "node-1".into()],
        blind: vec!["outages of other VMs".into()],
        ..Beside::default()
    };
    assert_eq!(
        lines(&beside),
        [
            "migrations in flight: shop/web-1, shop/web-2 from node-2 to node-1 (evacuation), shop/web-3 from node-1 to node-2",
            "migrations in flight on other nodes: 1",
            "evacuations in flight: shop/web-1 from node-9, shop/web-5 from node-1",
            "cordoned: node-1",
            "not known: outages of other VMs",
        ]
    );
    assert_eq!(lines(&Beside::default()), Vec::<String>::new());
}

#[test]
fn five_of_a_kind_are_named() {
    let names = |count: usize| (1..=count).map(|number| number.to_string()).collect::<Vec<_>>();
    assert_eq!(in_short(&names(5)), "1, 2, 3, 4, 5");
    assert_eq!(in_short(&names(6)), "1, 2, 3, 4, 5 and 1 more");
}

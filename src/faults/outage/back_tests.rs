use super::*;
use crate::faults::outage::recovery::{Comeback, Prediction};

#[test]
fn the_command_puts_back_exactly_what_was_there() {
    let strategy = |name: &str| RunField::RunStrategy(name.into());
    assert_eq!(
        put_back_command("shop", "a", &strategy("Halted"), &strategy("Once")).to_string(),
        r#"kubectl patch vm a -n shop --type merge -p '{"spec":{"runStrategy":"Once"}}'"#
    );
    assert_eq!(
        put_back_command("shop", "a", &strategy("Halted"), &RunField::Running(true)).to_string(),
        r#"kubectl patch vm a -n shop --type merge -p '{"spec":{"runStrategy":null,"running":true}}'"#
    );
}

#[test]
fn a_path_with_blanks_is_one_word_of_the_command() {
    assert_eq!(
        create_command(Path::new("/a b/c.yaml")).to_string(),
        "kubectl create -f '/a b/c.yaml'"
    );
    assert_eq!(
        create_command(Path::new("/a/c.yaml")).to_string(),
        "kubectl create -f /a/c.yaml"
    );
}

#[test]
fn a_helping_request_is_tried_again_only_where_it_may_have_been_done_and_not_for_ever() {
    let of = |kind, tries, seconds| {
        let error = ClusterError::new(kind, "no");
        answered(&error, tries, Duration::from_secs(seconds))
    };
    for done in [ErrorKind::NotFound, ErrorKind::Conflict, ErrorKind::AlreadyExists] {
        assert_eq!(of(done, 1, 0), Answered::Theirs, "{done:?}");
        assert_eq!(of(done, 2, 1), Answered::Ours, "{done:?}");
    }
    for unknown in [
        ErrorKind::Unreachable,
        ErrorKind::Timeout,
        ErrorKind::Other,
        ErrorKind::Refused,
    ] {
        assert_eq!(of(unknown, 1, 0), Answered::Unknown, "{unknown:?}");
        assert_eq!(of(unknown, 9, 29), Answered::Unknown, "{unknown:?}");
        assert_eq!(of(unknown, 10, 10), Answered::Refused, "{unknown:?}");
        assert_eq!(of(unknown, 2, 30), Answered::Refused, "{unknown:?}");
    }
    for refused in [
        ErrorKind::Forbidden,
        ErrorKind::Unauthorized,
        ErrorKind::Invalid,
        ErrorKind::Tls,
    ] {
        assert_eq!(of(refused, 1, 0), Answered::Refused, "{refused:?}");
    }
}

fn planned(owner: Owner) -> PlannedOutage {
    PlannedOutage {
        target: OutageTarget {
            namespace: "shop".into(),
            name: "web-1".into(),
            uid: "u".into(),
            node: "n".into(),
            launcher: None,
            owner,
            agent: false,
            shutdown: Duration::ZERO,
            volatile: Vec::new(),
        },
        prediction: Prediction {
            by: Comeback::Us,
            why: String::new(),
        },
        manifest: Value::Null,
        file: "/kept.yaml".into(),
    }
}

fn replica_set() -> Owner {
    Owner::ReplicaSet {
        name: "web".into(),
        uid: "r".into(),
    }
}

#[test]
fn what_brings_a_vmi_back_by_hand_takes_away_what_is_in_the_way_first() {
    let of = |mode, owner| by_hand(mode, &planned(owner)).map(|command| command.to_string());
    let by = |strategy: &str| Owner::Vm(RunField::RunStrategy(strategy.into()));
    let remove = "kubectl delete vmi web-1 -n shop --ignore-not-found";
    let create = "kubectl create -f /kept.yaml";
    let start = "virtctl start web-1 -n shop";
    for in_the_way in [Mode::Kill, Mode::Pod] {
        assert_eq!(of(in_the_way, by("Always")).as_deref(), Some(remove), "{in_the_way:?}");
        assert_eq!(of(in_the_way, by("Manual")).as_deref(), Some(start), "{in_the_way:?}");
        let both = format!("{remove} && {create}");
        assert_eq!(of(in_the_way, Owner::Nobody), Some(both), "{in_the_way:?}");
    }
    assert_eq!(of(Mode::Delete, by("Always")), None, "KubeVirt starts it by itself");
    assert_eq!(of(Mode::Delete, Owner::Nobody).as_deref(), Some(create));
    assert_eq!(of(Mode::Kill, replica_set()), None);
}

#[test]
fn what_replaces_a_vmi_of_a_replica_set_is_not_looked_for_by_its_name() {
    let of = |owner| look_command(&planned(owner).target).to_string();
    assert_eq!(of(Owner::Nobody), "kubectl get vmi web-1 -n shop");
    assert_eq!(of(replica_set()), "kubectl get vmi -n shop");
}

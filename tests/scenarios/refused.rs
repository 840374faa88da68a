//! What is refused, and left as it was.

use super::backend::Backend;
use super::{LONG, injected};

#[test]
fn what_is_not_there_is_refused_before_anything_is_written() {
    let backend = Backend::new();
    let missing = ["netem", "web-99", "--bandwidth", "4Mbit", "-y", "-o", "json"];
    let ended = backend.run(&missing).expect(4).says(&["web-99", "not found"]);
    assert_eq!(ended.json()["outcome"], "refused");
    backend.run(&["filter", "web-99", "-y"]).expect(4).says(&["not found"]);
    backend.run(&["migrate", "web-99", "-y"]).expect(4).says(&["not found"]);
    backend.run(&["outage", "web-99", "-y"]).expect(4).says(&["not found"]);
    let none = ["netem", "-l", "app=nothing", "--bandwidth", "4Mbit", "-y"];
    backend.run(&none).expect(4);
    backend
        .run(&[
            "netem",
            "web-1",
            "--bandwidth",
            "4Mbit",
            "-n",
            "no-such-namespace",
            "-y",
        ])
        .expect(4);
    backend
        .run(&["netem", "web-1", "--bandwidth", "4Mbit"])
        .expect(4)
        .says(&["-y"]);
    backend.run(&["netem", "web-1", "-y"]).expect(2);
    backend.assert_clean();
}

#[test]
fn a_missing_permission_is_told_with_the_rule_and_refuses_the_run() {
    for (verb, resource, subresource, says) in [
        ("create", "pods", "", "cannot create resource \"pods\""),
        ("create", "pods", "attach", "create pods/attach"),
        ("delete", "pods", "", "delete pods"),
    ] {
        let mut backend = Backend::new();
        backend.forbid(verb, "", resource, subresource);
        backend.run(&LONG).expect(4).says(&[says]);
        let resource = [resource, subresource].join("/").trim_end_matches('/').to_owned();
        let checked = backend.run(&["check", "netem", "-o", "json"]).expect(1).json();
        let items = checked["items"].as_array().unwrap();
        let subject = format!("{verb} {resource} in ");
        let missing = |item: &&serde_json::Value| item["subject"].as_str().unwrap().starts_with(&subject);
        let item = items.iter().find(missing).unwrap_or_else(|| panic!("{checked}"));
        assert_eq!(item["result"], "failed", "{checked}");
        backend.assert_clean();
    }
}

#[test]
fn vmis_that_may_not_be_listed() {
    let mut backend = Backend::new();
    backend.forbid("list", "kubevirt.io", "virtualmachineinstances", "");
    backend.forbid("get", "kubevirt.io", "virtualmachineinstances", "");
    backend
        .run(&LONG)
        .expect(4)
        .says(&["virtualmachineinstances.kubevirt.io", "forbidden"]);
    backend.assert_clean();
}

#[test]
fn somebody_elses_rule_is_refused_and_left_alone() {
    let backend = Backend::new();
    backend.tc(
        "web-1",
        "qdisc add dev tap0 root handle 5: tbf rate 1mbit burst 32kb latency 400ms",
    );
    let before = backend.qdiscs("web-1");
    let target = backend.run(&LONG).expect(1).target();
    let after = backend.qdiscs("web-1");
    backend.tc("web-1", "qdisc del dev tap0 root");
    assert_eq!(target["error"]["reason"], "foreign-qdisc");
    assert_eq!(before, after);
    assert_eq!(backend.debug_pods(), []);
}

#[test]
fn of_two_operators_the_second_is_refused_and_the_first_holds() {
    let backend = Backend::new();
    let mut first = injected(&backend, &LONG);
    let before = backend.qdiscs("web-1");
    let second = backend.run(&LONG);
    assert!(
        [Some(1), Some(4)].contains(&second.code),
        "{:?}\n{}",
        second.code,
        second.err
    );
    assert_eq!(backend.qdiscs("web-1"), before);
    first.signal("INT");
    first.end().expect(130);
    backend.assert_clean();
}

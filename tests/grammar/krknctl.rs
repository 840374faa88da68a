//! Command lines that users of krknctl have in their runbooks, with their flags as typed there.

use kubectl_vmchaos::testing::cli::HowMany;

use super::{fault, filter, netem};

/// How many VMs a line takes, for how long, and what it does to them.
fn meant(line: &str) -> (HowMany, String, String, String) {
    let request = fault(line);
    (
        request.wanted.how_many,
        request.fault.spec.duration.to_string(),
        request.fault.spec.execution.to_string(),
        request.fault.spec.fault.to_string(),
    )
}

#[test]
fn the_vmi_network_chaos_lines_parse_verbatim() {
    let one = HowMany::AtMost(1);
    for (line, how_many, duration, execution, fault) in [
        (
            r#"--namespace shop --target ".*" --latency 100ms --loss 10 --chaos-duration 120"#,
            one,
            "120s",
            "serial",
            "latency 100ms, loss 10%",
        ),
        (
            r#"--namespace shop --target "web-1" --bandwidth 1mbit --ingress true --egress true --chaos-duration 300"#,
            one,
            "300s",
            "serial",
            "bandwidth 1mbit",
        ),
        (
            r#"--namespace shop --target "web-.*" --instance-count 3 --execution parallel --latency 2000ms --loss 50 --bandwidth 1mbit --chaos-duration 180"#,
            HowMany::AtMost(3),
            "180s",
            "parallel",
            "latency 2000ms, loss 50%, bandwidth 1mbit",
        ),
        (
            r#"--namespace shop --target ".*" --latency 5000ms --chaos-duration 60"#,
            one,
            "60s",
            "serial",
            "latency 5000ms",
        ),
    ] {
        // A shell takes the double quotes away.
        let line = line.replace('"', "");
        let expected = (how_many, duration.to_owned(), execution.to_owned(), fault.to_owned());
        assert_eq!(meant(&format!("netem {line}")), expected, "{line}");
        let request = netem(&line);
        assert!(request.wanted.chosen && request.wanted.selection.target.is_some());
        assert_eq!(request.wanted.selection.namespace.as_deref(), Some("shop"));
    }
}

#[test]
fn the_vmi_network_filter_lines_parse_verbatim() {
    let one = HowMany::AtMost(1);
    for (line, how_many, duration, execution, fault) in [
        (
            r#"--namespace shop --target ".*" --ports 53 --protocols tcp,udp --ingress true --egress true --chaos-duration 120"#,
            one,
            "120s",
            "serial",
            "drop tcp,udp port 53",
        ),
        (
            r#"--namespace shop --target "web-1" --ingress true --egress true --chaos-duration 60"#,
            one,
            "60s",
            "serial",
            "drop tcp,udp",
        ),
        (
            r#"--namespace shop --target "web-.*" --instance-count 2 --ports 22,443,6443 --protocols tcp --ingress true --egress true --chaos-duration 300"#,
            HowMany::AtMost(2),
            "300s",
            "serial",
            "drop tcp port 22,443,6443",
        ),
        (
            r#"--namespace shop --target ".*" --execution parallel --ports 80,443,8080,8443 --protocols tcp --ingress true --egress true --chaos-duration 180"#,
            one,
            "180s",
            "parallel",
            "drop tcp port 80,443,8080,8443",
        ),
    ] {
        let line = line.replace('"', "");
        let expected = (how_many, duration.to_owned(), execution.to_owned(), fault.to_owned());
        assert_eq!(meant(&format!("filter {line}")), expected, "{line}");
        let request = filter(&line);
        assert!(request.wanted.chosen && request.wanted.selection.target.is_some());
        assert_eq!(
            request.fault.spec.directions,
            kubectl_vmchaos::testing::fault::Directions::BOTH
        );
    }
    let more = "--namespace shop --label-selector app=web --interfaces tap0 --taints a:NoSchedule --service-account x --wait-duration 300";
    assert_eq!(filter(more).ignored.len(), 1);
}

#[test]
fn the_other_flags_of_krknctl_are_taken_too() {
    let request = netem(
        "--namespace shop --label-selector app=web --loss 1 --instance-count 0 --interfaces tap0 \
         --image quay.io/krkn-chaos/krkn-network-chaos:latest --taints node-role.kubernetes.io/master:NoSchedule \
         --service-account chaos --wait-duration 300",
    );
    assert_eq!(request.wanted.selection.selector.as_deref(), Some("app=web"));
    assert_eq!(request.wanted.how_many, HowMany::All);
    assert_eq!(
        request.fault.pod.image.as_deref(),
        Some("quay.io/krkn-chaos/krkn-network-chaos:latest")
    );
    assert_eq!(request.fault.pod.service_account.as_deref(), Some("chaos"));
    assert_eq!(request.fault.pod.tolerations.unwrap().len(), 1);
    assert_eq!(request.ignored.len(), 1);
    assert!(request.ignored[0].starts_with("--wait-duration is ignored: "));
    let request = netem("--namespace shop --vm-name web-.* --kill-count 2 --loss 1");
    assert!(request.wanted.selection.target.unwrap().is_match("web-1"));
    assert_eq!(request.wanted.how_many, HowMany::AtMost(2));
}

#[test]
fn what_is_wrong_with_a_number_is_said_of_the_name_that_was_typed() {
    let error = |flags: &[&str]| {
        let line = [&["kubectl-vmchaos", "outage", "-l", "app=web"], flags].concat();
        kubectl_vmchaos::testing::cli::parse(line).unwrap_err().to_string()
    };
    for flag in ["--count", "--instance-count", "--kill-count"] {
        let wrong = error(&[flag, "two"]);
        assert!(wrong.contains(&format!("'two' for '{flag} <N>'")), "{wrong}");
        let all = error(&[flag, "2", "--all"]);
        assert!(
            all.contains(&format!("{flag} 2 and --all contradict each other")),
            "{all}"
        );
    }
    let twice = error(&["--kill-count", "2", "--count", "3"]);
    assert!(twice.contains("cannot be used with"), "{twice}");
}

#[test]
fn they_are_not_offered_in_the_help() {
    let help = |command| {
        kubectl_vmchaos::testing::cli::parse(["kubectl-vmchaos", command, "--help"])
            .unwrap_err()
            .to_string()
    };
    let help = help("netem") + &help("filter");
    for hidden in [
        "chaos-duration",
        "instance-count",
        "label-selector",
        "kill-count",
        "vm-name",
        "wait-duration",
    ] {
        assert!(!help.contains(hidden), "{hidden} is offered");
    }
}

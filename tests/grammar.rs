//! The command line as people and scripts type it: what each line means, and what is said to one that means nothing.

mod errors;
#[path = "grammar/filter.rs"]
mod filters;
mod krknctl;
mod targets;

use kubectl_vmchaos::testing::cli::{self, Action, DryRun, FaultRequest, Invocation, Output, Request};
use kubectl_vmchaos::testing::fault::{Directions, Execution, OnMigration, Time};
use kubectl_vmchaos::testing::faults::packets::PacketFault;
use kubectl_vmchaos::testing::report::{AskedFault, Columns};

/// Splits at spaces, but for what stands between single quotes, as a shell would.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::from("kubectl-vmchaos")];
    for (i, part) in line.split('\'').enumerate() {
        if i % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

fn parsed(line: &str) -> Invocation {
    cli::parse(words(line)).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn netem(line: &str) -> Request<PacketFault> {
    fault(&format!("netem {line}"))
}

fn filter(line: &str) -> Request<PacketFault> {
    fault(&format!("filter {line}"))
}

fn fault(line: &str) -> Request<PacketFault> {
    match parsed(line).action {
        Action::Fault(FaultRequest::Netem(request) | FaultRequest::Filter(request)) => *request,
        other => panic!("{line}: {other:?}"),
    }
}

/// The error of a line that means nothing; its exit code is 2.
fn error(line: &str) -> String {
    let Err(error) = cli::parse(words(line)) else {
        panic!("{line} passed")
    };
    assert_eq!(error.exit_code(), 2, "{line}");
    error.to_string()
}

/// A fault as the document of its run shows it.
fn in_document(fault: &PacketFault) -> serde_json::Value {
    let spec = &fault.spec;
    serde_json::to_value(AskedFault::new(spec.fault.kind(), Columns::Packets, spec)).unwrap()
}

/// What the fault's document shows of a line.
fn document(line: &str) -> serde_json::Value {
    in_document(&netem(line).fault)
}

#[test]
fn a_line_without_flags_has_the_defaults() {
    let request = netem("web-1 --latency 100ms");
    let spec = &request.fault.spec;
    assert_eq!(spec.fault.to_string(), "latency 100ms");
    assert_eq!(spec.directions, Directions::BOTH);
    assert_eq!(spec.duration, Time::from_millis(120_000));
    assert_eq!(
        (spec.execution, spec.on_migration, spec.detach),
        (Execution::Serial, OnMigration::Follow, false)
    );
    assert_eq!(request.fault.pod.running_timeout, Time::from_millis(60_000));
    assert_eq!(request.fault.pod.tolerations, None);
    assert_eq!((request.writing.dry_run, request.writing.yes), (DryRun::None, false));
    assert!(request.ignored.is_empty());
}

#[test]
fn every_effect_reaches_the_document_with_its_unit() {
    let line = "web-1 --latency 100ms --jitter 10ms --correlation 25 --distribution normal --loss 10 --duplicate 0.5% \
                --corrupt 0.02 --reorder 25% --gap 5 --bandwidth 100MBIT --limit 5000 --ingress false --duration 2m \
                --interfaces tap0,blue --execution parallel --on-migration stop";
    let expected = serde_json::json!({
        "type": "netem", "latency": "100ms", "jitter": "10ms", "correlation": "25%", "distribution": "normal",
        "loss": "10%", "duplicate": "0.5%", "corrupt": "0.02%", "reorder": "25%", "gap": 5, "bandwidth": "100mbit",
        "limit": 5000, "ingress": false, "egress": true, "interfaces": ["tap0", "blue"], "duration": "120s",
        "execution": "parallel", "onMigration": "stop", "detach": false,
    });
    assert_eq!(document(line), expected);
}

#[test]
fn values_stand_behind_a_space_or_an_equals_sign() {
    for line in [
        "x --latency 1ms --ingress true --egress false",
        "x --latency=1ms --ingress=true --egress=false",
    ] {
        assert_eq!(netem(line).fault.spec.directions, Directions::INGRESS, "{line}");
    }
}

#[test]
fn empty_is_as_good_as_left_out() {
    let line = "web-1 --latency 5ms --jitter '' --loss '' --bandwidth '' --duration '' --ingress '' --interfaces '' \
                --image '' --taints '' --execution '' --preset '' --count '' --target '' -l '' --seed '' -o '' -n '' --context ''";
    assert_eq!(document(line), document("web-1 --latency 5ms"));
    assert!(netem(line).fault.pod.tolerations.is_none() && netem(line).fault.pod.image.is_none());
}

#[test]
fn a_flag_beside_a_preset_wins_zero_takes_out_and_empty_does_not() {
    let shown = |flags: &str| {
        netem(&format!("x --preset degraded {flags}"))
            .fault
            .spec
            .fault
            .to_string()
    };
    assert_eq!(shown(""), "latency 2000ms, loss 50%, bandwidth 1mbit");
    assert_eq!(shown("--latency 1s"), "latency 1000ms, loss 50%, bandwidth 1mbit");
    assert_eq!(shown("--loss 0 --bandwidth 0"), "latency 2000ms");
    assert_eq!(shown("--loss ''"), "latency 2000ms, loss 50%, bandwidth 1mbit");
}

#[test]
fn zero_duration_is_the_default_one() {
    assert_eq!(
        netem("x --latency 1ms --duration 0").fault.spec.duration,
        Time::from_millis(120_000)
    );
}

#[test]
fn detach_implies_stop() {
    assert_eq!(
        netem("x --latency 1ms --detach").fault.spec.on_migration,
        OnMigration::Stop
    );
}

#[test]
fn yes_and_dry_run_take_a_value_after_an_equals_sign_only() {
    let request = netem("--yes web-1 --latency 1ms --dry-run");
    assert_eq!(
        (request.writing.yes, request.writing.yes_context.as_deref()),
        (true, None)
    );
    assert_eq!(request.writing.dry_run, DryRun::Client);
    assert_eq!(request.wanted.selection.names[0].name, "web-1");
    let request = netem("web-1 --latency 1ms --yes=prod --dry-run=server --reason 'game day'");
    assert_eq!(request.writing.yes_context.as_deref(), Some("prod"));
    assert_eq!(
        (request.writing.dry_run, request.writing.reason.as_deref()),
        (DryRun::Server, Some("game day"))
    );
    assert!(netem("web-1 --latency 1ms -y").writing.yes);
}

#[test]
fn taints_are_tolerated_as_named() {
    let tolerations = netem("x --loss 1 --taints dedicated=vms:NoSchedule,k:NoExecute")
        .fault
        .pod
        .tolerations
        .unwrap();
    let shown: Vec<_> = tolerations.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["dedicated=vms:NoSchedule", "k:NoExecute"]);
}

#[test]
fn connection_flags_are_kubectls_and_stand_anywhere() {
    for line in [
        "--context prod --as jane --as-group a --as-group b --request-timeout 5s -v 6 -o json list",
        "list --context prod --as jane --as-group a --as-group b --request-timeout=5 --v=6 -ojson",
    ] {
        let invocation = parsed(line);
        let connection = &invocation.connection;
        assert_eq!(connection.context.as_deref(), Some("prod"));
        assert_eq!(connection.impersonate.user.as_deref(), Some("jane"));
        assert_eq!(connection.impersonate.groups, ["a", "b"]);
        assert_eq!(connection.request_timeout, Some(std::time::Duration::from_secs(5)));
        assert_eq!((invocation.output, invocation.verbosity), (Some(Output::Json), 6));
    }
    let line = "list -s https://h:6443 --token t --certificate-authority /ca --insecure-skip-tls-verify --tls-server-name n \
                --kubeconfig /k --cluster c --user u --as-uid 7 --request-timeout 0";
    let connection = parsed(line).connection;
    assert_eq!(connection.server.as_deref(), Some("https://h:6443"));
    assert_eq!(
        (connection.token.as_deref(), connection.insecure_skip_tls_verify),
        (Some("t"), true)
    );
    assert_eq!(
        (connection.user.as_deref(), connection.cluster.as_deref()),
        (Some("u"), Some("c"))
    );
    assert_eq!(
        (connection.impersonate.uid.as_deref(), connection.request_timeout),
        // An hour: every command ends.
        (Some("7"), Some(std::time::Duration::from_secs(3600)))
    );
    assert!(
        !parsed("list --insecure-skip-tls-verify=false")
            .connection
            .insecure_skip_tls_verify
    );
}

#[test]
fn halt_and_cleanup_are_one() {
    for name in ["halt", "cleanup"] {
        let Action::Halt(request) = parsed(&format!("{name} k3f9ab k3f9ab vmi/web-1/shop -y")).action else {
            panic!("{name} is not halt");
        };
        assert_eq!(request.runs, ["k3f9ab"]);
        assert_eq!(
            (request.targets.names[0].name.as_str(), request.all, request.namespace),
            ("web-1", false, None)
        );
    }
    let Action::Halt(request) = parsed("halt --all -n shop").action else {
        panic!("not halt")
    };
    assert_eq!((request.all, request.namespace.as_deref()), (true, Some("shop")));
}

#[test]
fn status_and_check_say_where_they_look() {
    let Action::Status(status) = parsed("status --watch -n shop").action else {
        panic!("not status")
    };
    assert_eq!((status.watch, status.namespace.as_deref()), (true, Some("shop")));
    let Action::Check(check) = parsed("check netem --nodes").action else {
        panic!("not check")
    };
    assert_eq!((check.fault, check.nodes), (Some("netem"), true));
}

#[test]
fn a_rehearsed_command_is_parsed_as_for_real() {
    use kubectl_vmchaos::testing::cli::Rehearsed;
    for line in [
        "rehearse --vms 30 --seed 7 -- netem web-1 --latency 100ms -y",
        "rehearse --vms 30 --seed 7 -- kubectl vmchaos netem web-1 --latency 100ms -y",
    ] {
        let Action::Rehearse(request) = parsed(line).action else {
            panic!("not rehearse")
        };
        assert_eq!((request.vms, request.seed), (Some(30), Some(7)));
        let Rehearsed::Command(inner) = request.what else {
            panic!("not a command")
        };
        assert!(matches!(inner.action, Action::Fault(FaultRequest::Netem(netem)) if netem.writing.yes));
    }
    let Action::Rehearse(request) = parsed("rehearse --serve --latency 50ms").action else {
        panic!("not rehearse")
    };
    assert!(matches!(request.what, Rehearsed::Serve));
    assert_eq!(request.request_latency, Time::from_millis(50));
    let help = cli::parse(words("rehearse -- netem --help")).unwrap_err();
    assert_eq!(help.exit_code(), 0);
}

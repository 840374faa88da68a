//! What is wrong with a file is said before anything is asked of a cluster: all of it, each with its place.

use super::Day;

#[test]
fn everything_wrong_is_said_with_its_place_and_nothing_is_asked() {
    let day = Day::new(
        "
  hypothesi: x
  steadyState:
    - {name: a, http: {url: 'ftp://x'}}
    - {name: b}
    - {name: c, http: {url: 'http://x', headers: {Authorization: 'Bearer abc'}}}
  abort: {after: 3, of: 2}
  steps:
    - {name: one, netem: {vms: [web-1], latencyy: 100ms}}
    - {name: two, netem: {vms: [web-1], latency: 100, detach: true}}
    - {name: one, wait: soon}
    - {netem: {latency: 1s}, filter: {vms: [web-1]}}
    - {name: none, netem: {latency: 1s}}
",
    );
    let ended = day.run(&["--plan"]).expect(2);
    assert_eq!(ended.out, "");
    for part in [
        "day.yaml:6:3: spec.hypothesi: unknown key `hypothesi`",
        "day.yaml:8:24: spec.steadyState[0].http.url: is no URL that begins with http:// or https://",
        "day.yaml:9:7: spec.steadyState[1]: has exactly one of",
        "spec.steadyState[2].http.headers.Authorization: a secret does not stand in a file",
        "spec.abort: `after` must be at least 1",
        "day.yaml:15:19: spec.steps[2].wait: does not begin with a number",
        "spec.steps[3].filter: a step does one thing",
    ] {
        assert!(ended.err.contains(part), "`{part}` is not in\n{}", ended.err);
    }
    assert!(!ended.err.contains("Bearer"), "{}", ended.err);
    assert_eq!(day.rehearsal.practice.requests().len(), 0);
}

#[test]
fn flags_of_faults_are_judged_in_their_places() {
    let day = Day::new(
        "
  steps:
    - {name: one, netem: {vms: [web-1], latencyy: 100ms}}
    - {name: two, netem: {vms: [web-1], latency: 100, detach: true}}
    - {name: none, netem: {latency: 1s}}
    - {name: both, migrate: {vms: [web-1], rounds: 2, duration: 1m}}
",
    );
    let ended = day.run(&["--plan"]).expect(2);
    for part in [
        "day.yaml has 5 problems",
        "day.yaml:7:41: spec.steps[0].netem.latencyy: unknown key `latencyy`; there is `latency`",
        "spec.steps[1].netem.latency: invalid value '100': has no unit",
        "spec.steps[1].netem.detach: a game day stays with its faults",
        "spec.steps[2].netem: says no VMs",
        "spec.steps[3].migrate: --rounds 2 and --duration 60s contradict each other",
    ] {
        assert!(ended.err.contains(part), "`{part}` is not in\n{}", ended.err);
    }
    assert_eq!(day.rehearsal.practice.requests().len(), 0);
}

#[test]
fn what_is_no_game_day_is_said() {
    let day = Day::new("");
    for (text, part) in [
        ("", "is empty"),
        ("a: [", "is no YAML"),
        ("kind: Pod\n", "day.yaml:1:1: kind: unknown variant `Pod`"),
        ("- a\n- b\n", "is a list, and a game day is a mapping"),
        ("a: 1\n---\nb: 2\n", "is one of several documents"),
    ] {
        day.write(text);
        day.run(&["--plan"]).expect(2).says(&[part]);
    }
    day.rehearsal
        .run(&["run", "-f", "/no/such/file"])
        .expect(4)
        .says(&["/no/such/file cannot be read: it is not there"]);
    day.rehearsal.run(&["run"]).expect(2).says(&["--filename"]);
    day.rehearsal
        .run(&["netem", "-f", "x.yaml"])
        .expect(2)
        .says(&["kubectl vmchaos run -f"]);
}

#[test]
fn values_are_filled_in_and_set_from_outside() {
    let day = Day::new(
        "
  values: {latency: 100ms, vm: web-1}
  steps:
    - {name: slow, netem: {vms: ['${vm}'], latency: '${latency}', duration: 1s}}
",
    );
    day.run(&["--plan"]).expect(0).says(&["netem: latency 100ms"]);
    day.run(&["--plan", "--set", "latency=300ms", "--set", "vm=web-2"])
        .expect(0)
        .says(&["netem: latency 300ms", "web-2"]);
    day.run(&["--plan", "--set", "jitter=1ms"])
        .expect(2)
        .says(&["--set jitter: there is no such name"]);
    day.run(&["--plan", "--set", "latency"]).expect(2);
}

#[test]
fn what_runs_privileged_is_never_a_files_choice() {
    let day = Day::new(
        "
  steps:
    - {name: slow, netem: {vms: [web-1], latency: 10ms, duration: 1s, image: 'evil:1', serviceAccount: theirs}}
",
    );
    let ended = day
        .run(&["--plan", "-o", "json"])
        .expect(0)
        .says(&["image evil:1 is not used", "as service account theirs"]);
    assert!(!ended.out.contains("evil"), "{}", ended.out);
    let ended = day
        .run(&["--plan", "--image", "mine:1", "--service-account", "mine"])
        .expect(0)
        .says(&["mine:1", "service account mine"]);
    assert!(!ended.err.contains("theirs"), "{}", ended.err);
    day.write(
        &std::fs::read_to_string(day.file())
            .unwrap()
            .replace("serviceAccount: theirs", "podNamespace: default"),
    );
    day.run(&["--plan"])
        .expect(2)
        .says(&["is not a file's choice; give --pod-namespace"]);
}

#[test]
fn files_of_krkn_and_chaos_mesh_are_taken_as_they_are() {
    let day = Day::new("");
    day.write(
        "
- id: vmi_network_chaos
  image: quay.io/krkn-chaos/krkn-network-chaos:latest
  wait_duration: 0
  test_duration: 1
  label_selector: ''
  service_account: ''
  taints: []
  namespace: default
  instance_count: 1
  execution: serial
  target: 'web-[12]'
  interfaces: []
  ingress: true
  egress: true
  latency: 100ms
  loss: '10'
  bandwidth: 1mbit
",
    );
    let ended = day.run(&["--plan"]).expect(0);
    ended.says(&[
        "netem: latency 100ms, loss 10%",
        "1 of 2 match",
        "krkn-network-chaos:latest is not used",
        "(--as-krkn does as krkn)",
    ]);
    let done = day.run(&["--yes", "-o", "json", "--as-krkn"]).expect(0);
    assert_eq!(done.json()["steps"][0]["runs"][0]["outcome"], "completed");
    day.write(
        "
apiVersion: chaos-mesh.org/v1alpha1
kind: NetworkChaos
metadata: {name: slow, namespace: default}
spec: {action: delay, mode: fixed-percent, value: '50', selector: {pods: {default: [virt-launcher-web-1-x, virt-launcher-web-2-x]}}, delay: {latency: 10ms}, duration: 1s}
---
apiVersion: chaos-mesh.org/v1alpha1
kind: NetworkChaos
metadata: {name: lossy, namespace: default}
spec: {action: loss, mode: all, selector: {pods: {default: [virt-launcher-web-3-x]}}, loss: {loss: '5'}, duration: 1s, direction: both}
",
    );
    let document = day.run(&["--yes", "-o", "json"]).expect(0).json();
    let vms: Vec<usize> = document["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["vms"].as_array().unwrap().len())
        .collect();
    assert_eq!(vms, [1, 1]);
    let folder = day.folder.path().display().to_string();
    day.rehearsal
        .run(&["run", "-f", &folder, "--plan"])
        .expect(0)
        .says(&["step slow", "step lossy"]);
}

#[test]
fn the_examples_and_the_schema_are_printed_without_a_cluster() {
    let day = Day::new("");
    for name in ["game-day", "slow-network", "migrations"] {
        let example = day.rehearsal.run(&["run", "--example", name]).expect(0);
        day.write(&example.out);
        let ended = day.run(&["--plan"]);
        // The practice cluster may have none of its VMs; that is found out after the file was read.
        assert!([Some(0), Some(4)].contains(&ended.code), "{name}: {}", ended.err);
    }
    day.rehearsal
        .run(&["run", "--example", "x"])
        .expect(2)
        .says(&["game-day, slow-network, migrations"]);
    let schema = day.rehearsal.run(&["run", "--schema"]).expect(0).json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let valid = |text: &str| {
        let document: serde_json::Value = serde_saphyr::from_str(text).unwrap();
        validator.validate(&document).map_err(|error| error.to_string())
    };
    for name in ["game-day", "slow-network", "migrations"] {
        let example = day.rehearsal.run(&["run", "--example", name]).out;
        assert_eq!(valid(&example), Ok(()), "{name}");
    }
    let good = "apiVersion: vmchaos.dev/v1alpha1\nkind: GameDay\nmetadata: {name: a}\nspec:\n  steps:\n  - {netem: {vms: [a], loss: 1%}}\n";
    assert_eq!(valid(good), Ok(()));
    for (from, to) in [
        ("loss", "lost"),
        ("kind: GameDay", "kind: Day"),
        ("{name: a}", "{}"),
        ("netem", "netum"),
        ("[a], loss", "[a], execution: all, loss"),
        ("{netem:", "{wait: 1s, netem:"),
        ("steps:\n  - {netem: {vms: [a], loss: 1%}}", "steps: []"),
        ("  steps:", "  abort: {after: some}\n  steps:"),
    ] {
        assert!(valid(&good.replace(from, to)).is_err(), "{to}");
    }
    assert_eq!(
        schema["$defs"]["netem"]["properties"]["onMigration"]["enum"][0],
        "follow"
    );
    assert_eq!(
        schema["$defs"]["Step"]["properties"]["outage"]["$ref"],
        "#/$defs/outage"
    );
}

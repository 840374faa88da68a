//! Checks of VMs' ports, probed from the VMs' nodes.

use serde_json::Value;

use super::Day;

fn day(steps: &str) -> Day {
    Day::new(&format!(
        "
  hypothesis: It takes connections.
  steadyState:
    - {{name: web, tcp: {{vm: web-1, port: 80}}, within: 1s}}
    - {{name: ssh, tcp: {{vm: default/web-1, port: 22}}, within: 1s}}
  abort: {{after: 2, of: 3}}
  steps: [{steps}]
"
    ))
}

fn check<'a>(document: &'a Value, name: &str) -> &'a Value {
    let mut checks = document["checks"].as_array().unwrap().iter();
    checks.find(|check| check["name"] == name).unwrap()
}

fn last_look<'a>(document: &'a Value, name: &str) -> &'a Value {
    check(document, name)["samples"].as_array().unwrap().last().unwrap()
}

/// The nodes on which debug pods of checks were made, in that order.
fn probed_on(day: &Day) -> Vec<String> {
    let requests = day.rehearsal.practice.requests().into_iter();
    let made = requests.filter(|it| it.method == "POST" && it.path.ends_with("/pods") && !it.query.contains("dryRun"));
    let pods = made.map(|request| request.json());
    pods.filter(|pod| pod["metadata"]["name"].as_str().unwrap().contains("-probe-"))
        .map(|pod| pod["spec"]["nodeName"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_port_is_probed_from_the_vms_node_and_nothing_of_that_is_left() {
    let day = day("{name: slow, netem: {vms: [web-1], latency: 50ms, duration: 3s}}");
    let document = day.document(&[], 0);
    assert_eq!(document["verdict"], "held");
    let web = check(&document, "web");
    assert_eq!(web["what"], "port 80 of vmi web-1 takes connections from its node");
    let during = web["samples"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["phase"] == "during");
    let slowest = during.map(|it| it["tookSeconds"].as_f64().unwrap()).fold(0.0, f64::max);
    assert!(slowest >= 0.1, "50 ms each way are felt: {web}");
    assert_eq!(probed_on(&day), ["node-1"], "one pod for both ports");
    day.is_clean(&["web-1"]);
    assert_eq!(day.rehearsal.debug_pods(), []);
}

#[test]
fn a_port_that_is_cut_ends_the_game_day() {
    let day = day("{name: cut, filter: {vms: [web-1], ports: [80], duration: 1h}}");
    let document = day.document(&[], 6);
    assert_eq!(document["abort"]["check"], "web");
    assert_eq!(document["abort"]["message"], "no connection within 1s");
    assert_eq!(check(&document, "ssh")["failed"], 0, "only what is cut has failed");
    let last = last_look(&document, "web");
    assert_eq!(
        (&last["phase"], &last["failed"]),
        (&"after".into(), &Value::Null),
        "and it is back: {last}"
    );
    day.is_clean(&["web-1"]);
    assert_eq!(day.rehearsal.debug_pods(), []);
}

#[test]
fn a_vm_that_moves_is_probed_where_it_is() {
    let day =
        day("{name: move, migrate: {vms: [web-1]}}, {name: slow, netem: {vms: [web-1], latency: 1ms, duration: 2s}}");
    let document = day.document(&[], 0);
    let to = document["steps"][0]["runs"][0]["migrations"][0]["to"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(probed_on(&day), ["node-1".to_owned(), to]);
    assert_eq!(
        check(&document, "web")["failed"],
        0,
        "that it is followed is no failed look: {document}"
    );
    assert_eq!(day.rehearsal.debug_pods(), []);
}

#[test]
fn a_vm_that_ends_is_down_and_its_successor_is_probed() {
    let day = Day::new(
        "
  steadyState: [{name: web, every: 100ms, tcp: {vm: web-1, port: 80}}]
  steps: [{name: crash, outage: {vms: [web-1], mode: delete}}]
",
    );
    let mut running = day.spawn(&["--yes=vmchaos-rehearsal", "-o", "json"]);
    running.wait_for("check web failed: vmi default/web-1 does not run");
    let ended = running.end();
    let document = ended.expect(6).json();
    let last = last_look(&document, "web");
    assert_eq!(last["failed"], Value::Null, "{last}");
    assert_eq!(probed_on(&day).len(), 2);
    assert_eq!(day.rehearsal.debug_pods(), []);
}

#[test]
fn its_pods_are_in_the_plan_and_a_dry_run_makes_none() {
    let day = day("{name: slow, netem: {vms: [web-1], latency: 1ms, duration: 2s}}");
    let plan = day.run(&["--plan", "--image", "registry.example/tools:1"]).expect(0);
    plan.says(&[
        "web: port 80 of vmi web-1 takes connections from its node, every 1s",
        "probes     default/web-1 port 80, 22 from node-1, by a privileged debug pod",
        "image registry.example/tools:1",
    ]);
    assert_eq!(day.rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn what_cannot_be_probed_is_refused_before_anything_is_done() {
    let steps = "  steps: [{name: slow, netem: {vms: [web-1], latency: 1ms}}]\n";
    for (checks, code, told) in [
        (
            "{name: a, tcp: {vm: nobody, port: 80}}",
            4,
            "there is no vmi default/nobody",
        ),
        (
            "{name: a, tcp: {vm: lab/stopped-1, port: 80}}",
            4,
            "lab/stopped-1 is not running (VM is Stopped)",
        ),
        (
            "{name: a, tcp: {vm: web-1, port: 0}}",
            2,
            "tcp.port: is not a number from 1 to 65535",
        ),
        ("{name: a, tcp: {vm: web-1, port: 65536}}", 2, "port"),
        ("{name: a, tcp: {vm: web-1}}", 2, "port"),
        (
            "{name: a, tcp: {vm: web-1, port: 1}, http: {url: 'http://a'}}",
            2,
            "exactly one of",
        ),
    ] {
        let day = Day::new(&format!("\n  steadyState: [{checks}]\n{steps}"));
        day.run(&["--yes", "-o", "json"]).expect(code).says(&[told]);
        assert_eq!(day.rehearsal.writes(), Vec::<String>::new(), "{checks}");
    }
}

#[test]
fn a_pod_that_cannot_be_made_is_no_steady_state() {
    let day = day("{name: slow, netem: {vms: [web-1], latency: 1ms, duration: 2s}}");
    day.rehearsal.practice.image_pull_fails("registry.example/tools:1");
    let more = [
        "--yes",
        "--image",
        "registry.example/tools:1",
        "--pod-running-timeout",
        "1s",
    ];
    let ended = day.run(&more).expect(4);
    ended.says(&["the steady state is not there, and nothing was done: web: it could not be probed"]);
    assert_eq!(day.rehearsal.debug_pods(), []);
}

#[test]
fn a_killed_command_leaves_no_probe_running() {
    let day = day("{name: slow, netem: {vms: [web-1], latency: 10ms, duration: 1h}}");
    let mut running = day.spawn(&["--yes", "-o", "json"]);
    running.wait_for("slow  default/web-1  injected");
    running.signal("KILL");
    running.end();
    day.rehearsal.until("all of it has ended by itself", |rehearsal| {
        let pods = rehearsal.debug_pods();
        pods.len() == 2 && pods.iter().all(|(_, phase)| phase == "Succeeded")
    });
    day.is_clean(&["web-1"]);
}

#[cfg(unix)]
#[test]
fn the_screen_shows_the_step_what_comes_next_and_each_checks_looks() {
    use crate::support::terminal::Terminal;

    let day = day(
        "{name: slow, netem: {vms: [web-1], latency: 1ms, duration: 1h}}, {name: cut, filter: {vms: [web-1], ports: [80]}}",
    );
    let mut terminal = Terminal::start(&day.rehearsal, &["run", "-f", &day.file(), "--yes"]);
    terminal.see("slow (netem); 1 of 2 begun");
    terminal.see("cut (filter); ends at ");
    terminal.see(" at the earliest");
    terminal.see(" ms");
    terminal.type_in("q");
    let (all, code) = terminal.end();
    assert_eq!(code, 130, "{all}");
    day.is_clean(&["web-1"]);
}

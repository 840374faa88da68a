use std::collections::BTreeMap;

use super::super::file::{self, GameDay, Reading, Text};
use super::super::step::{Action, Step};

fn read(text: &str, as_krkn: bool) -> Result<GameDay, Vec<String>> {
    let given = BTreeMap::new();
    let text = Text {
        name: "k.yaml".into(),
        text: text.into(),
    };
    let open = |name: &str| match name {
        "scenarios/net.yaml" => Ok(Text {
            name: name.into(),
            text: CHAOS.into(),
        }),
        "scenarios/vm.yaml" => Ok(Text {
            name: name.into(),
            text: OUTAGE.into(),
        }),
        other => Err(format!("{other} cannot be read")),
    };
    let reading = Reading {
        given: &given,
        faults: &["netem", "filter", "outage"],
        as_krkn,
        open: &open,
    };
    file::read(&[text], &reading).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// A step as the flags it comes to.
fn shown(step: &Step) -> String {
    match &step.action {
        Action::Wait(time) => format!("{}: wait {}s", step.name, time.as_secs()),
        Action::Serial(inner) => {
            let inner: Vec<String> = inner.iter().map(shown).collect();
            format!("{} x{}: [{}]", step.name, step.repeat.times, inner.join("; "))
        }
        Action::Parallel(_) => "parallel".into(),
        Action::Fault(fault) => {
            let settings: Vec<String> = fault
                .settings
                .iter()
                .map(|it| format!("{}={}", it.key, it.values.join("|")))
                .collect();
            format!("{}: {} {}", step.name, fault.command, settings.join(" "))
        }
    }
}

fn steps(text: &str, as_krkn: bool) -> Vec<String> {
    read(text, as_krkn).unwrap().steps.iter().map(shown).collect()
}

const CHAOS: &str = "
- id: vmi_network_chaos
  image: quay.io/x
  wait_duration: 30
  test_duration: 120
  label_selector: ''
  service_account: ''
  taints: []
  namespace: 'vms'
  instance_count: 2
  execution: parallel
  target: 'web-.*'
  interfaces: []
  ingress: true
  egress: false
  latency: 100ms
  loss: '10'
  bandwidth: 1mbit
- id: vmi_network_filter
  wait_duration: 0
  test_duration: 60
  namespace: 'vm.*'
  instance_count: 1
  execution: serial
  target: ''
  label_selector: app=db
  ingress: true
  egress: true
  ports: [53, 8080]
  protocols: [tcp, udp]
";

const OUTAGE: &str = "
scenarios:
  - name: kill it
    scenario: kubevirt_vm_outage
    parameters:
      vm_name: db-1
      namespace: shop
      timeout: 90
      kill_count: 1
      disable_auto_restart: True
";

#[test]
fn network_scenarios_mean_what_their_documentation_says() {
    assert_eq!(
        steps(CHAOS, false),
        [
            "1 vmi_network_chaos: netem namespace=vms target=web-.* duration=120 count=2 execution=parallel image=quay.io/x \
             latency=100ms loss=10 bandwidth=1mbit ingress=true egress=false",
            "wait after 1: wait 30s",
            "2 vmi_network_filter: filter namespaces=vm.* selector=app=db duration=60 count=1 execution=serial ports=53,8080 \
             protocols=tcp,udp ingress=true egress=true",
        ]
    );
    let day = read(CHAOS, false).unwrap();
    assert_eq!((day.name.as_str(), day.remarks.len()), ("k", 3), "{:?}", day.remarks);
}

#[test]
fn as_krkn_is_what_its_code_does() {
    let steps = steps(CHAOS, true);
    assert!(
        steps[0].contains("namespaces=(?:vms).* target=(?:web-.*).*"),
        "{}",
        steps[0]
    );
    assert!(steps[0].ends_with("egress=true ingress=false"), "{}", steps[0]);
    assert_eq!(steps[2], "2 vmi_network_filter: wait 60s");
}

#[test]
fn outages_by_both_names() {
    let expected = "1 kill it: outage namespace=shop target=db-1 timeout=90 count=1 disableAutoRestart=true";
    assert_eq!(steps(OUTAGE, false), [expected]);
    let later = OUTAGE
        .replace("kubevirt_vm_outage", "vmi_outage")
        .replace("db-1", "''")
        .replace("namespace: shop", "label_selector: app=db");
    assert_eq!(
        steps(&later, false),
        ["1 kill it: outage selector=app=db namespace=default timeout=90 count=1 disableAutoRestart=true"]
    );
}

#[test]
fn a_whole_config_runs_its_files_with_waits_and_iterations() {
    let config = "
kraken:
  kubeconfig_path: ~/.kube/config
  chaos_scenarios:
    - network_chaos_ng_scenarios: [scenarios/net.yaml]
    - kubevirt_vm_outage: [[scenarios/vm.yaml]]
tunings: {wait_duration: 5, iterations: 3, daemon_mode: False}
performance_monitoring: {prometheus_url: http://evil}
";
    let all = steps(config, false);
    assert_eq!(all.len(), 1);
    assert!(
        all[0].starts_with("iterations x3: [1.1 vmi_network_chaos: netem "),
        "{}",
        all[0]
    );
    assert!(
        all[0].contains("; wait after file 1: wait 5s; 2.1 kill it: outage ")
            && all[0].ends_with("wait after file 2: wait 5s]")
    );
    let day = read(config, false).unwrap();
    assert!(
        day.remarks
            .contains(&"of krkn's config is not used: performance_monitoring".to_owned()),
        "{:?}",
        day.remarks
    );
    assert_eq!(day.files(), "k.yaml, scenarios/net.yaml, scenarios/vm.yaml");
}

#[test]
fn what_cannot_be_had_is_refused_by_name() {
    let wrong = |text: &str, parts: &[&str]| {
        let problems = read(text, false).unwrap_err();
        for part in parts {
            assert!(
                problems.iter().any(|problem| problem.contains(part)),
                "{part}: {problems:#?}"
            );
        }
    };
    wrong(
        "- {id: pod_network_chaos}\n",
        &["k.yaml:1:4: [0].id: `pod_network_chaos` is no scenario of a VM's network; nearest here is `netem`"],
    );
    wrong(
        "- {id: vmi_network_chaos, latencyy: 1s, ingress: maybe}\n",
        &["unknown key `latencyy`", "[0].ingress: must be true or false"],
    );
    wrong(
        "scenarios:\n- {name: a, scenario: kubevirt_vm_outage, parameters: {vm_name: <vm-name>, namespace: x}}\n",
        &["k.yaml:2:56: scenarios[0].parameters.vm_name: <vm-name> is a placeholder that was left in"],
    );
    wrong(
        "scenarios: [{name: a, scenario: node_stop}]\n",
        &["`node_stop` is no outage of a VM"],
    );
    wrong(
        "kraken: {chaos_scenarios: [{hog_scenarios: [a]}, {vmi_outage: [b.yaml]}]}\ntunings: {daemon_mode: true, iterations: 0}\n",
        &[
            "`hog_scenarios` are no scenarios of VMs",
            "b.yaml cannot be read",
            "a game day has an end",
            "must be 1 to 1000",
        ],
    );
}

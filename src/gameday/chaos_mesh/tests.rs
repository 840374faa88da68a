use std::collections::BTreeMap;

use super::super::file::{self, GameDay, Reading, Text};
use super::super::step::{Action, Step};

fn read(text: &str) -> Result<GameDay, Vec<String>> {
    let given = BTreeMap::new();
    let text = Text {
        name: "c.yaml".into(),
        text: text.into(),
    };
    let reading = Reading {
        given: &given,
        faults: &["netem", "filter", "outage"],
        as_krkn: false,
        open: &|name| Err(format!("{name} cannot be read")),
    };
    file::read(&[text], &reading).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn shown(step: &Step) -> String {
    let all = |steps: &[Step]| steps.iter().map(shown).collect::<Vec<_>>().join("; ");
    match &step.action {
        Action::Wait(time) => format!("{}: wait {}s", step.name, time.as_secs()),
        Action::Serial(inner) => format!("{}: serial [{}]", step.name, all(inner)),
        Action::Parallel(inner) => format!("{}: parallel [{}]", step.name, all(inner)),
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

fn only(text: &str) -> String {
    let day = read(text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(day.steps.len(), 1);
    shown(&day.steps[0])
}

fn network(spec: &str) -> String {
    format!(
        "apiVersion: chaos-mesh.org/v1alpha1\nkind: NetworkChaos\nmetadata: {{name: n, namespace: shop}}\nspec:\n{spec}"
    )
}

#[track_caller]
fn wrong(text: &str, parts: &[&str]) {
    let problems = read(text).unwrap_err();
    for part in parts {
        assert!(
            problems.iter().any(|problem| problem.contains(part)),
            "{part}: {problems:#?}"
        );
    }
}

#[test]
fn a_delay_with_everything() {
    let text = network(
        "
  action: delay
  mode: all
  selector: {namespaces: [a, b-1], labelSelectors: {app: web}, expressionSelectors: [{key: tier, operator: In, values: [x, y]}]}
  delay: {latency: 10ms, jitter: 0ms, correlation: '100', reorder: {reorder: '20', gap: 5, correlation: '30'}}
  direction: to
  duration: 30s
",
    );
    assert_eq!(
        only(&text),
        "n, all at once: parallel [n: netem ingress=false egress=true latency=10ms correlation=100 reorder=20 gap=5 all=true \
         execution=parallel namespaces=a|b\\-1 selector=app=web,tier in (x,y) duration=30s]"
    );
    assert_eq!(
        read(&text).unwrap().remarks,
        ["correlation 30 of reorder is left out: each packet is drawn by itself"]
    );
}

#[test]
fn netem_is_all_of_them_and_others_only_themselves() {
    let effects = "
  mode: one
  selector: {labelSelectors: {app: web}}
  delay: {latency: 90ms}
  loss: {loss: '25', correlation: '25'}
  duplicate: {duplicate: '1', correlation: '0'}
  corrupt: {corrupt: '2'}
  rate: {rate: 1mbps}
  direction: both
  duration: 10s
";
    let common = "count=1 namespace=shop selector=app=web duration=10s]";
    assert_eq!(
        only(&network(&format!("{effects}  action: netem\n"))),
        format!(
            "n, all at once: parallel [n: netem ingress=true egress=true latency=90ms loss=25 duplicate=1 corrupt=2 bandwidth=8mbit {common}"
        )
    );
    assert_eq!(
        only(&network(&format!("{effects}  action: loss\n"))),
        format!("n, all at once: parallel [n: netem ingress=true egress=true loss=25 {common}")
    );
    let bandwidth = network(
        "  action: bandwidth\n  mode: fixed-percent\n  value: '50'\n  selector: {namespaces: [a]}\n  bandwidth: {rate: 500kbps, limit: 1, buffer: 2}\n  duration: 1m30s\n",
    );
    assert_eq!(
        only(&bandwidth),
        "n, all at once: parallel [n: netem ingress=false egress=true bandwidth=4000kbit count=50% execution=parallel namespace=a target=.* duration=1m30s]"
    );
}

#[test]
fn a_partition_is_a_filter() {
    let partition = network(
        "  action: partition\n  mode: fixed\n  value: '2'\n  selector: {pods: {shop: [virt-launcher-web-1-x7k2p]}}\n  externalTargets: [10.0.0.0/8, 1.1.1.1]\n  direction: from\n  duration: 10s\n",
    );
    assert_eq!(
        only(&partition),
        "n, all at once: parallel [n: filter ingress=true egress=false protocols=all peer=10.0.0.0/8 peer=1.1.1.1 count=2 execution=parallel vms=shop/web-1 duration=10s]"
    );
}

#[test]
fn pods_are_lost_and_paused() {
    let pod = |spec: &str| {
        format!(
            "apiVersion: chaos-mesh.org/v1alpha1\nkind: PodChaos\nmetadata: {{name: p}}\nspec: {{mode: one, selector: {{labelSelectors: {{app: web}}}}, {spec}}}\n"
        )
    };
    assert_eq!(
        only(&pod("action: pod-kill, gracePeriod: 5, duration: 30s")),
        "p, all at once: parallel [p: outage mode=pod gracePeriod=5 count=1 selector=app=web]"
    );
    assert_eq!(
        only(&pod("action: pod-failure, duration: 30s")),
        "p, all at once: parallel [p: outage mode=pause count=1 selector=app=web duration=30s]"
    );
    wrong(
        &pod("action: container-kill"),
        &["c.yaml:4:59: spec.action: container-kill cannot be had; `outage` with `mode: kill`"],
    );
    wrong(&pod("action: pod-failure"), &["spec: missing key `duration`"]);
}

#[test]
fn experiments_of_a_file_begin_at_once() {
    let one =
        network("  action: loss\n  mode: one\n  selector: {namespaces: [a]}\n  loss: {loss: '1'}\n  duration: 1s\n");
    let two = one
        .replace("name: n", "name: m")
        .replace("action: loss", "action: partition");
    let text = only(&format!("{one}---\n{two}"));
    assert!(
        text.starts_with("n, all at once: parallel [n: netem ") && text.contains("; m: filter "),
        "{text}"
    );
}

const WORKFLOW: &str = "
apiVersion: chaos-mesh.org/v1alpha1
kind: Workflow
metadata: {name: w, namespace: shop}
spec:
  entry: all
  templates:
    - {name: all, templateType: Serial, deadline: 240s, children: [check, slow, rest, both, slow]}
    - name: slow
      templateType: NetworkChaos
      deadline: 20s
      networkChaos: {action: delay, mode: one, selector: {labelSelectors: {app: web}}, delay: {latency: 90ms}}
    - {name: rest, templateType: Suspend, deadline: 10s}
    - {name: both, templateType: Parallel, children: [gone]}
    - name: gone
      templateType: PodChaos
      podChaos: {action: pod-kill, mode: one, selector: {labelSelectors: {app: web}}}
    - name: check
      templateType: StatusCheck
      abortWithStatusCheck: true
      statusCheck: {mode: Continuous, type: HTTP, intervalSeconds: 2, failureThreshold: 4, http: {url: 'http://web/healthz', criteria: {statusCode: '200'}}}
";

#[test]
fn a_workflow_is_its_templates_from_the_entry_on() {
    let day = read(WORKFLOW).unwrap();
    let slow = "netem ingress=false egress=true latency=90ms count=1 namespace=shop selector=app=web duration=20s";
    assert_eq!(
        shown(&day.steps[0]),
        format!(
            "all: serial [slow: {slow}; rest: wait 10s; both: parallel [gone: outage mode=pod count=1 namespace=shop selector=app=web]; slow (2): {slow}]"
        )
    );
    let abort = day.abort.unwrap();
    assert_eq!((abort.after(), abort.of()), (4, 4));
    assert_eq!(day.checks[0].what.to_string(), "GET http://web/healthz answers 200");
    assert_eq!(
        (day.checks[0].name.as_str(), day.checks[0].every.as_secs()),
        ("check", 2)
    );
}

#[test]
fn a_workflow_in_the_spelling_of_old() {
    let old = WORKFLOW
        .replace("templateType", "template_type")
        .replace("children", "tasks")
        .replace("deadline", "duration")
        .replace("networkChaos", "network_chaos")
        .replace("podChaos", "pod_chaos");
    let (old, new) = (read(&old).unwrap(), read(WORKFLOW).unwrap());
    let all = |day: &GameDay| day.steps.iter().map(shown).collect::<Vec<_>>();
    assert_eq!(all(&old), all(&new));
}

#[test]
fn what_cannot_be_had_is_refused_by_name() {
    let spec = |more: &str| {
        network(&format!(
            "  action: loss\n  mode: one\n  selector: {{namespaces: [a]}}\n  loss: {{loss: '1'}}\n{more}"
        ))
    };
    wrong(
        &spec(""),
        &["c.yaml:4:1: spec: missing key `duration`: without one it would last until it is deleted"],
    );
    wrong(
        &spec("  duration: 1s\n  target: {mode: all, selector: {}}\n"),
        &["spec.target: cannot be had: netem is put on all of a VM's traffic"],
    );
    wrong(
        &spec("  duration: 1s\n  scheduler: {cron: '@every 1m'}\n"),
        &["spec.scheduler: is no step of a game day"],
    );
    wrong(&spec("  duration: 1s\n  device: eth1\n"), &["device eth1 is a pod's"]);
    let partition =
        spec("  duration: 1s\n  externalTargets: [web.example]\n").replace("action: loss", "action: partition");
    wrong(
        &partition,
        &["spec.externalTargets[0]: `web.example` is no address and no CIDR"],
    );
    let chosen = |selector: &str| spec("  duration: 1s\n").replace("{namespaces: [a]}", selector);
    wrong(&chosen("{nodes: [n1]}"), &["spec.selector.nodes: cannot be had"]);
    wrong(
        &chosen("{pods: {a: [web-1]}}"),
        &["spec.selector.pods.a[0]: `web-1` is no launcher pod"],
    );
    let kind = |kind: &str| spec("  duration: 1s\n").replace("NetworkChaos", kind);
    wrong(&kind("StressChaos"), &["StressChaos cannot be had yet"]);
    wrong(
        &kind("IOChaos"),
        &["kind: IOChaos cannot be had: NetworkChaos, PodChaos and Workflow can"],
    );
    wrong(&kind("Schedule"), &["have a CronJob run `kubectl vmchaos run -f FILE`"]);
    let scheduled = |cron: &str| kind("Schedule").replace("  duration: 1s\n", &format!("  schedule: '{cron}'\n"));
    wrong(
        &scheduled("0 3 * * 2"),
        &[
            "with the experiment, which this prints: kubectl vmchaos run -f FILE --job-image REF --as-cronjob '0 3 * * 2'",
        ],
    );
    wrong(
        &scheduled("@every 5m"),
        &["but not at \"@every 5m\": @every says no time of day"],
    );
    let of_workflow = |from: &str, to: &str| WORKFLOW.replace(from, to);
    wrong(
        &of_workflow("children: [gone]", "children: [all]"),
        &["`all` is a part of itself"],
    );
    wrong(
        &of_workflow("children: [gone]", "children: [nobody]"),
        &["there is no template `nobody`"],
    );
    wrong(&of_workflow("Suspend", "Task"), &["a Task runs a container of its own"]);
    wrong(
        "a: {{ .Values.x }}\nb: [",
        &["is a template (`{{`): give what your tool renders"],
    );
}

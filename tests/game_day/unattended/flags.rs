//! What of the command line reaches the Job, what is refused, and what a cluster is asked.

use super::super::Day;
use super::IMAGE;
use crate::support::manifests;

const STEP: &str = "\n  steps:\n    - {name: slow, netem: {vms: [web-1], latency: '${delay}', duration: 500ms}}\n  values: {delay: 10ms}\n";
const KNOWN: [&str; 6] = [
    "-n",
    "default",
    "--pod-namespace",
    "kubevirt",
    "--image",
    "registry.example/launcher:1",
];

#[test]
fn flags_reach_the_job_and_the_binary_takes_them() {
    let day = Day::new(STEP);
    let config = day.rehearsal.configure("typedCount: 7\n");
    let flags = [
        "--set",
        "delay=30ms",
        "--reason",
        "it's -- \"due\"",
        "--seed",
        "3",
        "--taints",
        "a=b:NoSchedule",
        "--service-account",
        "debug",
        "--pod-running-timeout",
        "30s",
        "--allow-commands",
        "--as-krkn",
        "-o",
        "json",
        "--request-timeout",
        "5s",
        "--yes=vmchaos-rehearsal",
    ];
    let documents = day.job(&[&KNOWN[..], &flags].concat());
    let folder = tempfile::tempdir().unwrap();
    let args = manifests::args(&documents, folder.path());
    let has = |words: &[&str]| {
        assert!(
            args.windows(words.len()).any(|args| args == words),
            "{words:?} is not in {args:?}"
        );
    };
    for words in [
        ["--set", "delay=30ms"],
        ["--reason", "it's -- \"due\""],
        ["--taints", "a=b:NoSchedule"],
        ["--service-account", "debug"],
        ["--pod-running-timeout", "30s"],
        ["--image", "registry.example/launcher:1"],
        ["--pod-namespace", "kubevirt"],
        ["-n", "default"],
        ["-o", "json"],
        ["--request-timeout", "5s"],
    ] {
        has(&words);
    }
    has(&["--seed", "3"]);
    has(&["--unattended", "--yes=in-cluster"]);
    has(&["--allow-commands"]);
    has(&["--as-krkn"]);
    let guards = folder.path().join("config.yaml");
    has(&["--config", &guards.display().to_string()]);
    assert_eq!(
        std::fs::read_to_string(guards).unwrap(),
        std::fs::read_to_string(config).unwrap()
    );
    assert_eq!(manifests::pod(&documents)["containers"][0]["image"], IMAGE);

    // A dry run in place of the consent.
    let mut dry = args.clone();
    dry.push("--plan".to_owned());
    let document = day.with_args(folder.path(), &dry).expect(0).json();
    let fault = &document["steps"][0]["runs"][0]["fault"];
    assert_eq!((&document["seed"], &fault["latency"]), (&3.into(), &"30ms".into()));
    assert_eq!(document["reason"], "it's -- \"due\"");
}

#[test]
fn what_is_known_is_not_asked_about() {
    let day = Day::new(STEP);
    let practice = &day.rehearsal.practice;
    let known = day.job(&KNOWN);
    assert_eq!(practice.requests().len(), 0);
    // Nor is a kubeconfig needed.
    let flags = [&["--as-job", "--job-image", IMAGE][..], &KNOWN].concat();
    let args = day.args(&flags);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut command = day.rehearsal.command(&args);
    command.env("KUBECONFIG", "/nowhere/kubeconfig");
    let ended = crate::support::Running::start(command).end().expect(0);
    assert_eq!(manifests::documents(&ended.out), known);

    // Else its namespaces are, and nothing else.
    let read = day.job(&[]);
    let requests = practice.requests();
    assert!(
        requests.len() <= 2 && requests.iter().all(|request| request.verb != "create"),
        "{}",
        requests.len()
    );
    assert_eq!(manifests::only(&read, "Job")["metadata"]["namespace"], "kubevirt");
    let folder = tempfile::tempdir().unwrap();
    let args = manifests::args(&read, folder.path());
    assert!(
        args.windows(2).any(|args| args == ["-n", "default"]),
        "the context's: {args:?}"
    );
    assert_eq!(day.rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn the_deadline_has_room_for_all_vms_in_turn() {
    let deadline = |step: &str, flags: &[&str]| {
        let day = Day::new(&format!("\n  steps:\n    - {step}\n"));
        let documents = day.job(flags);
        documents.last().unwrap()["spec"]["activeDeadlineSeconds"]
            .as_u64()
            .unwrap()
    };
    let one = deadline(
        "netem: {selector: app=web, count: 1, latency: 1ms, duration: 10m}",
        &KNOWN,
    );
    let two = deadline(
        "netem: {selector: app=web, count: 2, latency: 1ms, duration: 10m}",
        &KNOWN,
    );
    let repeated = deadline(
        "{netem: {selector: app=web, latency: 1ms, duration: 10m}, repeat: 2, every: 1h}",
        &KNOWN,
    );
    assert!(one > 600 && two == one + 600, "{one} {two}");
    assert_eq!(repeated, one + 3600);
    // How many they are is read.
    let all = deadline("netem: {selector: app=web, count: 0, latency: 1ms, duration: 10m}", &[]);
    assert!(all > two && (all - one).is_multiple_of(600), "{all}");
}

#[test]
fn what_makes_no_job_is_refused() {
    let check = |spec: &str, flags: &[&str], code: i32, told: &str| {
        let day = Day::new(spec);
        let ended = day.run(flags);
        assert_eq!(
            (ended.code, ended.out.as_str()),
            (Some(code), ""),
            "{flags:?}: {}",
            ended.err
        );
        assert!(ended.err.contains(told), "{flags:?}: `{told}` is not in {}", ended.err);
        assert_eq!(day.rehearsal.writes(), Vec::<String>::new());
    };
    let job = ["--as-job", "--job-image", IMAGE];
    let with = |more: &[&'static str]| [&job[..], more].concat();
    check(
        STEP,
        &["--as-job"],
        2,
        "plugin-manifest/image target/image x86_64-unknown-linux-musl && podman build -f plugin-manifest/Containerfile",
    );
    check(
        STEP,
        &["--as-cronjob", "@daily"],
        2,
        "--as-cronjob needs the image of this program: --job-image REF",
    );
    check(
        STEP,
        &["--job-image", IMAGE, "--plan"],
        2,
        "--job-image is the image of a Job, and none is asked for",
    );
    check(STEP, &["--as-job", "--job-image", "a b"], 2, "'--job-image <REF>'");
    check(
        STEP,
        &["--as-cronjob", "61 * * * *", "--job-image", IMAGE],
        2,
        "minute `61`: `61` is none of 0 to 59",
    );
    check(STEP, &with(&["--as-cronjob", "@daily"]), 2, "cannot be used with");
    check(STEP, &with(&["--plan"]), 2, "cannot be used with");
    check(STEP, &with(&["--dry-run"]), 2, "cannot be used with");
    check(STEP, &with(&["--report", "x.html"]), 2, "cannot be used with");
    check(STEP, &with(&["--yes=elsewhere"]), 4, "names another context");
    check(
        "\n  steps:\n    - {netem: {vms: [web-1]}}\n",
        &job,
        2,
        "day.yaml has a problem",
    );
    let step = "\n  steps:\n    - {netem: {vms: [web-1], latency: 1ms, duration: 1s}}\n";
    let program = format!("\n  steadyState: [{{name: p, command: ['./check']}}]{step}");
    check(&program, &job, 4, "add --allow-commands");
    check(
        &program,
        &with(&["--yes=vmchaos-rehearsal"]),
        4,
        "nobody is asked in the cluster: ./check",
    );
    let secret = |of: &str| {
        format!("\n  steadyState: [{{name: h, http: {{url: 'http://x', headers: {{Authorization: '{of}'}}}}}}]{step}")
    };
    for path in [
        "token",
        "/run/../etc/token",
        "/var/run/secrets/kubernetes.io/serviceaccount/token",
        "/proc/self/environ",
    ] {
        check(
            &secret(&format!("file:{path}")),
            &job,
            2,
            "is no path at which a Job's pod can have a Secret",
        );
    }
    check(&secret("env:A-B"), &job, 2, "env:A-B is no variable");
    check(
        "\n  steps:\n    - {name: on, migrate: {selector: app=web, rounds: 0}}\n",
        &job,
        2,
        "step on goes on until somebody ends it",
    );
}

#[test]
fn vms_in_several_namespaces_all_name_theirs() {
    let day = Day::new("\n  steps:\n    - {netem: {vms: [web-1, lab/lone-1], latency: 1ms, duration: 1s}}\n");
    let ended = day.run(&["--as-job", "--job-image", IMAGE]);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("would be the context's, default"), "{}", ended.err);
    assert!(ended.err.contains("name the namespace of every VM"), "{}", ended.err);
}

#[test]
fn without_a_context_the_namespace_has_to_be_said() {
    let day = Day::new(STEP);
    let args = day.args(&["--as-job", "--job-image", IMAGE]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut command = day.rehearsal.command(&args);
    command.env("KUBECONFIG", "/nowhere/kubeconfig");
    let ended = crate::support::Running::start(command).end();
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("name it with -n NAMESPACE"), "{}", ended.err);
}

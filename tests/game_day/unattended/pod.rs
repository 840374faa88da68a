//! The pod: its files, its secrets, what it may do, and how it is called.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::super::Day;
use super::IMAGE;
use crate::support::{Running, manifests, skip::skip};

const KNOWN: [&str; 6] = [
    "-n",
    "default",
    "--pod-namespace",
    "vmchaos",
    "--image",
    "registry.example/launcher:1",
];

/// What is printed, whole. `VMCHAOS_UPDATE=1 cargo test --test commands unattended` writes it anew.
#[test]
fn what_is_printed_is_as_it_was() {
    let day = Day::new(
        "
  steadyState:
    - {name: api, http: {url: 'https://pay.example/healthz', headers: {Authorization: 'env:TOKEN'}}}
    - {name: db, http: {url: 'https://pay.example/db', headers: {X-Api-Key: 'file:/run/vmchaos/key'}}}
    - {name: ledger, command: ['./check-ledger.sh', 'a b']}
  steps:
    - {name: slow, netem: {vms: [web-1], latency: 100ms, duration: 2m}}
    - {name: gone, outage: {selector: app=db, mode: pause, duration: 30s}}
",
    );
    day.rehearsal.configure("maximumDuration: 10m\n");
    let mut flags = vec![
        "--as-cronjob",
        "0 3 * * 2",
        "--job-image",
        IMAGE,
        "--allow-commands",
        "--seed",
        "7",
    ];
    flags.extend(KNOWN);
    let args = day.args(&flags);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut command = day.rehearsal.command(&args);
    command.env("TOKEN", "hunter2");
    let ended = Running::start(command).end().expect(0);
    assert!(!ended.out.contains("hunter2") && ended.err.is_empty(), "{}", ended.err);
    let printed = ended.out.replace(&format!("{}/", day.folder.path().display()), "");
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/unattended/cronjob.yaml");
    if std::env::var_os("VMCHAOS_UPDATE").is_some() {
        std::fs::write(&kept, &printed).unwrap();
    }
    assert_eq!(printed, std::fs::read_to_string(&kept).unwrap_or_default());
    manifests::documents(&printed);
}

#[test]
fn the_pod_may_do_nothing_on_its_node() {
    let day = Day::new("\n  steps:\n    - {netem: {vms: [web-1], latency: 1ms, duration: 1s}}\n");
    let documents = day.job(&KNOWN);
    let job = &manifests::only(&documents, "Job")["spec"];
    assert_eq!(
        (&job["backoffLimit"], &job["template"]["spec"]["restartPolicy"]),
        (&json!(0), &json!("Never"))
    );
    let pod = manifests::pod(&documents);
    let of = &pod["securityContext"];
    assert_eq!(
        (&of["runAsNonRoot"], &of["seccompProfile"]["type"]),
        (&json!(true), &json!("RuntimeDefault"))
    );
    assert_eq!(
        pod["containers"][0]["securityContext"],
        json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}})
    );
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        assert_eq!(pod.get(field), None);
    }
    let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(grace >= 60 && job["activeDeadlineSeconds"].as_u64().unwrap() > 300 + grace);
    // It is not taken for a debug pod, which `halt` ends and `status` shows.
    let labels = &job["template"]["metadata"]["labels"];
    assert_eq!(labels.get("app.kubernetes.io/managed-by"), None);
    assert_eq!(labels.get("vmchaos.dev/run"), None);
}

/// A Job of these files, planned by what its container runs.
#[track_caller]
fn planned(day: &Day, files: &[&str], more: &[&str]) -> (Vec<Value>, String) {
    let mut args = vec!["run", "--as-job", "--job-image", IMAGE];
    for file in files {
        args.extend(["-f", file]);
    }
    args.extend(more);
    let mut command = day.rehearsal.command(&args);
    command.current_dir(day.folder.path());
    let ended = Running::start(command).end().expect(0);
    let documents = manifests::documents(&ended.out);
    let planned = day.in_pod(&documents, &["--plan"]).expect(0);
    (documents, planned.err)
}

#[test]
fn krkns_and_chaos_meshs_files_and_folders_of_them_go_along() {
    let day = Day::new("\n  steps: [{wait: 1s}]\n");
    let write = |name: &str, text: &str| {
        let path = day.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "config.yaml",
        "kraken:\n  chaos_scenarios:\n    - kubevirt_vm_outage: [scenarios/kubevirt/gone.yaml]\ntunings: {wait_duration: 1, iterations: 1}\n",
    );
    write(
        "scenarios/kubevirt/gone.yaml",
        "scenarios:\n  - {name: gone, scenario: kubevirt_vm_outage, parameters: {vm_name: web-1, namespace: default, timeout: 60}}\n",
    );
    let chaos = |name: &str| {
        format!(
            "apiVersion: chaos-mesh.org/v1alpha1\nkind: NetworkChaos\nmetadata: {{name: {name}, namespace: default}}\nspec:\n  action: delay\n  mode: one\n  selector: {{namespaces: [default], labelSelectors: {{app: web}}}}\n  delay: {{latency: 10ms}}\n  duration: 1s\n"
        )
    };
    write("mesh/a.yaml", &chaos("a"));
    write("mesh/b.yaml", &chaos("b"));
    write("other/a.yaml", &chaos("c"));

    let (_, plan) = planned(&day, &["config.yaml"], &[]);
    assert!(plan.contains("gone"), "{plan}");
    let (documents, plan) = planned(&day, &["mesh", "other/a.yaml"], &[]);
    assert!(
        ["step a", "step b", "step c"].iter().all(|step| plan.contains(step)),
        "{plan}"
    );
    let data = manifests::only(&documents, "ConfigMap")["data"].as_object().unwrap();
    assert_eq!(data.keys().collect::<Vec<_>>(), ["a.yaml", "b.yaml", "3-a.yaml"]);

    // What a pod would not find is not sent along silently.
    write(
        "config.yaml",
        "kraken:\n  chaos_scenarios:\n    - kubevirt_vm_outage: [../gone.yaml]\n",
    );
    std::fs::copy(
        day.folder.path().join("scenarios/kubevirt/gone.yaml"),
        day.folder.path().parent().unwrap().join("gone.yaml"),
    )
    .unwrap();
    let mut command = day
        .rehearsal
        .command(&["run", "--as-job", "--job-image", IMAGE, "-f", "config.yaml"]);
    command.current_dir(day.folder.path());
    let ended = Running::start(command).end();
    std::fs::remove_file(day.folder.path().parent().unwrap().join("gone.yaml")).unwrap();
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(
        ended
            .err
            .contains("the file names ../gone.yaml, which a Job does not have"),
        "{}",
        ended.err
    );
}

/// A pod has no kubeconfig: its service account's token and the API server's address and certificate are where Kubernetes puts them.
#[test]
fn a_pods_service_account_is_enough() {
    let day = Day::new("\n  steps:\n    - {name: slow, netem: {vms: [web-1], latency: 10ms, duration: 500ms}}\n");
    let documents = day.job(&["--yes=vmchaos-rehearsal"]);
    let folder = tempfile::tempdir().unwrap();
    let args = manifests::args(&documents, folder.path());
    let kubeconfig = std::fs::read_to_string(day.rehearsal.practice.kubeconfig()).unwrap();
    let kubeconfig: Value = serde_json::from_str(&kubeconfig).unwrap();
    let cluster = &kubeconfig["clusters"][0]["cluster"];
    let (host, port) = cluster["server"]
        .as_str()
        .unwrap()
        .trim_start_matches("https://")
        .split_once(':')
        .unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount", "sh", "-ec"])
        .arg(
            "mount -t tmpfs none /run
mkdir -p /run/secrets/kubernetes.io/serviceaccount
cd /run/secrets/kubernetes.io/serviceaccount
printf %s \"$TOKEN\" >token
printf %s \"$AUTHORITY\" | base64 -d >ca.crt
printf kubevirt >namespace
test -s /var/run/secrets/kubernetes.io/serviceaccount/token || exit 77
cd \"$FOLDER\"
exec env -u TOKEN -u AUTHORITY \"$@\"",
        )
        .args(["sh", env!("CARGO_BIN_EXE_kubectl-vmchaos")])
        .args(&args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TOKEN", text(&kubeconfig["users"][0]["user"]["token"]))
        .env("AUTHORITY", text(&cluster["certificate-authority-data"]))
        .env("FOLDER", folder.path().join("game-day"))
        .env("XDG_STATE_HOME", folder.path())
        .env("KUBERNETES_SERVICE_HOST", host)
        .env("KUBERNETES_SERVICE_PORT", port);
    let here = "game_day::unattended::pod::a_pods_service_account_is_enough";
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return skip(here, &format!("unshare: {error}")),
    };
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if told.starts_with("unshare: ") || told.starts_with("mount: ") || output.status.code() == Some(77) {
        return skip(here, &told);
    }
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("in-cluster"), "{told}");
    day.is_clean(&["web-1"]);
}

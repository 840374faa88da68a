//! The installed kubectl against the practice cluster: a client that knows nothing of ours.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use tempfile::TempDir;
use vmchaos_rehearsal::{Options, Practice};

use super::rehearsal::limit;
use super::skip;

/// kubectl with its own cache; `None` (and a line that says so) where it is not installed.
struct Kubectl {
    practice: Practice,
    cache: TempDir,
}

impl Kubectl {
    async fn start() -> Option<Self> {
        if Command::new("kubectl").args(["version", "--client"]).output().is_err() {
            skip::skip("kubectl against the practice cluster", "kubectl is not installed");
            return None;
        }
        Some(Self {
            practice: Practice::start(Options::default()).await.unwrap(),
            cache: TempDir::new().unwrap(),
        })
    }

    /// Runs kubectl off the runtime's threads; exit code, stdout, stderr.
    async fn run(&self, args: &[&str], stdin: &str) -> (i32, String, String) {
        let mut command = Command::new("kubectl");
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.cache.path());
        command
            .arg("--kubeconfig")
            .arg(self.practice.kubeconfig())
            .arg("--cache-dir")
            .arg(self.cache.path())
            .args(args);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let stdin = stdin.to_owned();
        tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            // A kubectl that has already failed does not read.
            let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
            let output = limit::ended(child);
            (
                output.status.code().unwrap_or(-1),
                String::from_utf8_lossy(&output.stdout).into_owned(),
                String::from_utf8_lossy(&output.stderr).into_owned(),
            )
        })
        .await
        .unwrap()
    }

    /// Runs kubectl, which must succeed; its stdout.
    async fn ok(&self, args: &[&str]) -> String {
        let (code, out, err) = self.run(args, "").await;
        assert_eq!(code, 0, "kubectl {args:?}: {err}{out}");
        out
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn get_shows_what_a_real_cluster_shows() {
    let Some(kubectl) = Kubectl::start().await else { return };
    let vmis = kubectl.ok(&["get", "vmi"]).await;
    assert_eq!(
        vmis.lines().next().unwrap().split_whitespace().collect::<Vec<_>>(),
        ["NAME", "AGE", "PHASE", "IP", "NODENAME", "READY"]
    );
    let web = vmis.lines().find(|line| line.starts_with("web-1 ")).unwrap();
    assert!(
        web.contains("Running") && web.contains("node-1") && web.ends_with("True"),
        "{web}"
    );
    assert!(kubectl.ok(&["get", "nodes"]).await.contains("Ready    worker"));
    assert!(
        kubectl
            .ok(&["get", "pods", "-A", "-o", "wide"])
            .await
            .contains("virt-launcher-web-1-")
    );
    assert!(
        kubectl
            .ok(&["get", "vm,vmi", "-o", "name"])
            .await
            .contains("virtualmachine.kubevirt.io/web-1\n")
    );
    assert_eq!(
        kubectl
            .ok(&["get", "vms", "web-1", "-o", "jsonpath={.status.printableStatus}"])
            .await,
        "Running"
    );
    assert!(kubectl.ok(&["get", "kubevirt", "-A"]).await.contains("Deployed"));
    let (code, out, err) = kubectl.run(&["get", "pods", "-n", "nowhere"], "").await;
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (0, "", "No resources found in nowhere namespace.\n")
    );
    let (code, _, err) = kubectl.run(&["get", "vmi", "nobody"], "").await;
    assert_eq!(
        (code, err.as_str()),
        (
            1,
            "Error from server (NotFound): virtualmachineinstances.kubevirt.io \"nobody\" not found\n"
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_are_asked_and_refused_in_the_same_words_everywhere() {
    let Some(kubectl) = Kubectl::start().await else { return };
    assert_eq!(kubectl.ok(&["auth", "can-i", "create", "pods/attach"]).await, "yes\n");
    kubectl.practice.forbid("list", "", "pods", "", "*");
    let (code, out, _) = kubectl.run(&["auth", "can-i", "list", "pods"], "").await;
    assert_eq!((code, out.as_str()), (1, "no\n"));
    let (code, _, err) = kubectl.run(&["get", "pods", "--as", "jane"], "").await;
    assert_eq!(
        (code, err.as_str()),
        (
            1,
            "Error from server (Forbidden): pods is forbidden: User \"jane\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"\n"
        )
    );
    assert!(kubectl.ok(&["auth", "whoami"]).await.contains("rehearsal-admin"));
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_made_changed_described_and_deleted() {
    let Some(kubectl) = Kubectl::start().await else { return };
    let pod = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"sleeper"},"spec":{"terminationGracePeriodSeconds":1,"containers":[{"name":"main","image":"example.com/sleeper:1"}]}}"#;
    let (code, out, err) = kubectl.run(&["create", "-f", "-"], pod).await;
    assert_eq!((code, out.as_str()), (0, "pod/sleeper created\n"), "{err}");
    kubectl
        .ok(&["wait", "--for=condition=Ready", "pod/sleeper", "--timeout=60s"])
        .await;
    assert_eq!(
        kubectl.ok(&["label", "pod", "sleeper", "a=b"]).await,
        "pod/sleeper labeled\n"
    );
    assert_eq!(
        kubectl.ok(&["get", "pods", "-l", "a=b", "-o", "name"]).await,
        "pod/sleeper\n"
    );
    assert!(
        kubectl
            .ok(&["describe", "pod", "sleeper"])
            .await
            .contains("example.com/sleeper:1")
    );
    assert!(
        kubectl.ok(&["describe", "vmi", "web-1"]).await.contains("masquerade")
            || kubectl.ok(&["describe", "vmi", "web-1"]).await.contains("Masquerade")
    );
    assert!(
        kubectl
            .ok(&["delete", "pod", "sleeper"])
            .await
            .contains("pod \"sleeper\" deleted")
    );
    let (code, _, err) = kubectl.run(&["get", "pod", "sleeper"], "").await;
    assert_eq!(
        (code, err.as_str()),
        (1, "Error from server (NotFound): pods \"sleeper\" not found\n")
    );
    let (code, out, err) = kubectl
        .run(
            &["apply", "--server-side", "-f", "-"],
            r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":"b"}}"#,
        )
        .await;
    assert_eq!((code, out.as_str()), (0, "configmap/c serverside-applied\n"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
#[cfg(target_os = "linux")]
async fn attach_carries_stdin_and_stdout_and_logs_keep_what_was_said() {
    let Some(kubectl) = Kubectl::start().await else { return };
    let script = "read word; echo \"heard $$word from $(GREETED)\"; cat >/dev/null; echo over";
    let pod = serde_json::json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "echo", "labels": {"app.kubernetes.io/managed-by": "kubectl-vmchaos"}},
        "spec": {"restartPolicy": "Never", "nodeName": "node-1", "containers": [{"name": "agent", "image": "x", "stdin": true, "stdinOnce": true,
            "env": [{"name": "GREETED", "value": "kubectl"}], "command": ["sh", "-c", script, "vmchaos-agent"]}]}});
    let (code, _, err) = kubectl.run(&["create", "-f", "-"], &pod.to_string()).await;
    assert_eq!(code, 0, "{err}");
    kubectl
        .ok(&["wait", "--for=condition=Ready", "pod/echo", "--timeout=60s"])
        .await;
    let (code, out, err) = kubectl.run(&["attach", "-i", "echo"], "hello\n").await;
    assert_eq!(
        (code, out.contains("heard hello from kubectl\n")),
        (0, true),
        "{out}{err}"
    );
    kubectl
        .ok(&[
            "wait",
            "--for=jsonpath={.status.phase}=Succeeded",
            "pod/echo",
            "--timeout=60s",
        ])
        .await;
    assert_eq!(kubectl.ok(&["logs", "echo"]).await, "heard hello from kubectl\nover\n");
    assert_eq!(kubectl.ok(&["logs", "echo", "--tail=1"]).await, "over\n");
    assert!(
        kubectl
            .ok(&["events", "--for", "pod/echo"])
            .await
            .contains("Container started")
    );
    let (code, _, err) = kubectl.run(&["attach", "-i", "echo"], "").await;
    assert_eq!((code, err.contains("completed pod")), (1, true), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_that_prepare_a_namespace_for_debug_pods_work() {
    let Some(kubectl) = Kubectl::start().await else { return };
    assert_eq!(
        kubectl.ok(&["create", "namespace", "vmchaos"]).await,
        "namespace/vmchaos created\n"
    );
    let label = ["label", "namespace", "vmchaos", "vmchaos.dev/debug-pods=allowed"];
    assert_eq!(kubectl.ok(&label).await, "namespace/vmchaos labeled\n");
    let (code, _, err) = kubectl.run(&["create", "namespace", "vmchaos"], "").await;
    assert!(code == 1 && err.contains("AlreadyExists"), "{err}");
}

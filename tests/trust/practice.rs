//! The practice cluster and other users of the same machine.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::client::User;
use crate::support::{Ended, Rehearsal, Running};

/// Where rehearsals put what they need, alone.
struct Machine {
    temp: tempfile::TempDir,
    rehearsal: Rehearsal,
}

/// A rehearsal that is kept up.
struct Served {
    running: Running,
    kubeconfig: PathBuf,
}

impl Machine {
    fn new() -> Self {
        Self {
            temp: tempfile::tempdir().unwrap(),
            rehearsal: Rehearsal::new(),
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.rehearsal.command(args);
        command.env("TMPDIR", self.temp.path());
        command
    }

    /// `rehearse --serve`, once it says where its kubeconfig is.
    fn serve(&self) -> Served {
        let mut running = Running::start(self.command(&["rehearse", "--serve", "--seed", "7"]));
        let line = running.wait_for("export KUBECONFIG=").last_line().to_owned();
        Served {
            kubeconfig: line.trim_start().trim_start_matches("export KUBECONFIG=").into(),
            running,
        }
    }

    fn user(&self, served: &Served) -> User<'_> {
        self.rehearsal.user(&served.kubeconfig)
    }

    /// What is left in the place for temporary files.
    fn left(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.temp.path()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

impl Served {
    fn token(&self) -> String {
        let config: Value = serde_json::from_str(&std::fs::read_to_string(&self.kubeconfig).unwrap()).unwrap();
        config["users"][0]["user"]["token"].as_str().unwrap().to_owned()
    }

    fn folder(&self) -> &Path {
        self.kubeconfig.parent().unwrap()
    }

    fn end(mut self) -> Ended {
        self.running.signal("TERM");
        self.running.end()
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

/// All substrings of so many characters.
fn pieces(text: &str, length: usize) -> BTreeSet<&str> {
    (length..=text.len()).map(|end| &text[end - length..end]).collect()
}

#[test]
fn what_another_user_sees_of_a_rehearsal_says_nothing_of_its_token() {
    let machine = Machine::new();
    let (one, other) = (machine.serve(), machine.serve());
    for served in [&one, &other] {
        assert_eq!((mode(served.folder()), mode(&served.kubeconfig)), (0o700, 0o600));
        let token = served.token();
        assert!(
            token.len() >= 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{token}"
        );
        let process = format!("/proc/{}", served.running.pid());
        for file in ["cmdline", "environ", "stat"] {
            let seen = std::fs::read(format!("{process}/{file}")).unwrap();
            let seen = String::from_utf8_lossy(&seen).into_owned();
            assert!(
                pieces(&token, 8).iter().all(|piece| !seen.contains(piece)),
                "{file}: {seen}"
            );
        }
        let named = served.kubeconfig.display().to_string();
        assert!(
            pieces(&token, 8).iter().all(|piece| !named.contains(piece)),
            "{named} {token}"
        );
    }
    // The same seed, and the same everything else but the process and its start: nothing in common.
    let (mine, its) = (one.token(), other.token());
    assert!(pieces(&mine, 8).is_disjoint(&pieces(&its, 8)), "{mine} {its}");
    for served in [one, other] {
        let token = served.token();
        let ended = served.end().expect(130);
        assert!(
            !ended.out.contains(&token) && !ended.err.contains(&token),
            "{}{}",
            ended.out,
            ended.err
        );
    }
    assert_eq!(machine.left(), Vec::<PathBuf>::new());
}

/// A debug pod of this program's own shape, with a script that leaves a trace.
fn debug_pod(name: &str, trace: &Path, script: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "kubectl-vmchaos", "vmchaos.dev/run": "k3f9ab"}},
        "spec": {
            "nodeName": "node-1", "restartPolicy": "Never",
            "containers": [{
                "name": "agent", "image": "example.com/any", "command": ["sh", "-c", script, "sh"], "stdin": true, "stdinOnce": true,
                "env": [{"name": "TRACE", "value": trace}, {"name": "VMCHAOS_RUN", "value": "k3f9ab"}, {"name": "VMCHAOS_PLAN", "value": ""}],
            }],
        },
    })
}

/// Posts a pod and waits until it has started and, one way or the other, said so.
fn post_and_wait(user: &User<'_>, pod: &Value) {
    let pods = "/api/v1/namespaces/default/pods";
    user.create(pods, pod).expect(201);
    let name = pod["metadata"]["name"].as_str().unwrap();
    let began = std::time::Instant::now();
    while user.get(&format!("{pods}/{name}")).expect(200).body["status"]["phase"] == "Pending" {
        assert!(began.elapsed() < crate::support::PATIENCE, "{name} stays pending");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_rehearsal_runs_nothing_that_it_is_sent() {
    let machine = Machine::new();
    let served = machine.serve();
    let user = machine.user(&served);
    let trace = machine.temp.path().join("trace");
    let read_and_run = "touch \"$TRACE\"; cat > \"$TRACE\"";
    post_and_wait(&user, &debug_pod("run", &trace, read_and_run));
    let mut plain = debug_pod("plain", &trace, read_and_run);
    plain["metadata"]["labels"] = json!({});
    post_and_wait(&user, &plain);
    // Into one that runs, and into a launcher.
    for path in ["run/exec", "run/ephemeralcontainers", "plain/exec"] {
        let path = format!(
            "/api/v1/namespaces/default/pods/{path}?command=touch&command={}",
            trace.display()
        );
        user.create(&path, &json!({})).expect(404);
    }
    for name in ["run", "plain"] {
        // An attach can be refused; what it says is not run.
        attach(&served, name, &format!("touch {}\n", trace.display()));
    }
    // As it would have been seen: the same pod on a cluster of the tests, whose nodes run the script.
    let script = machine.rehearsal.user(machine.rehearsal.practice.kubeconfig());
    let seen = machine.temp.path().join("seen");
    post_and_wait(&script, &debug_pod("run", &seen, read_and_run));
    machine.rehearsal.until("the script has run", |_| seen.exists());
    assert!(!trace.exists(), "the rehearsal ran what it was sent");
    served.end().expect(130);
}

/// Says something to a container, as `kubectl attach -i` does.
fn attach(served: &Served, pod: &str, words: &str) {
    use kube::api::{Api, AttachParams};
    use tokio::io::AsyncWriteExt as _;
    let kubeconfig = kube::config::Kubeconfig::read_from(&served.kubeconfig).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let options = kube::config::KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
        let client = kube::Client::try_from(config.unwrap()).unwrap();
        let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::default_namespaced(client);
        let params = AttachParams::default().stdin(true).stderr(false);
        if let Ok(mut attached) = pods.attach(pod, &params).await {
            let mut stdin = attached.stdin().unwrap();
            let _ = stdin.write_all(words.as_bytes()).await;
            let _ = stdin.flush().await;
        }
    });
}

#[test]
fn a_rehearsal_is_asked_nothing_by_a_web_page() {
    let machine = Machine::new();
    let served = machine.serve();
    let user = machine.user(&served);
    let list = "/api/v1/namespaces/default/pods";
    user.get(list).expect(200);
    for header in [
        ("host", "evil.example:6443"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let refused = user.send("GET", list, &[header], "").expect(403);
        assert!(refused.message().contains(header.1), "{refused:?}");
    }
    served.end().expect(130);
}

#[test]
fn a_rehearsal_that_ends_while_it_starts_leaves_nothing() {
    let machine = Machine::new();
    for signal in ["INT", "TERM", "HUP", "QUIT"] {
        // At any moment of the start, and at any moment after it.
        for wait in [0, 60, 300] {
            let mut running = Running::start(machine.command(&["rehearse", "--vms", "100", "--serve"]));
            std::thread::sleep(std::time::Duration::from_millis(wait));
            running.signal(signal);
            running.end();
            assert_eq!(machine.left(), Vec::<PathBuf>::new(), "{signal} after {wait} ms");
        }
    }
    // No file can be written: the folder for it goes.
    let mut command = Command::new("sh");
    let rehearse = machine.command(&["rehearse", "--", "list"]);
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""])
        .arg(rehearse.get_program())
        .args(rehearse.get_args())
        .env("TMPDIR", machine.temp.path())
        .stdin(Stdio::null());
    let ended = Running::start(command).end().expect(1);
    assert!(ended.err.contains("kubeconfig"), "{}", ended.err);
    assert_eq!(machine.left(), Vec::<PathBuf>::new());
}

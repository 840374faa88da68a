//! The script with nothing faked but the view of PID 1: real network and PID namespaces, real tc, real nsenter, real
//! cgroups. Needs root on Linux; says so where it skips. tbf stands in for netem, which not every kernel has.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use kubectl_vmchaos::rehearsal::host::{Agent, Signal};
use kubectl_vmchaos::rehearsal::script_agent::ScriptAgent;

use crate::rig::{HANDLE, Operator, container, spec};

crate::under_every_shell! {
    a_real_kernel_from_injection_to_rollback
    a_real_deadline
    a_real_kill_of_the_container
    a_real_launcher_gone
    a_real_sweep
}

/// A launcher: a process in network, PID and control group of its own, with a tap and an uplink.
struct Launcher {
    process: Child,
    cgroup: PathBuf,
    id: String,
    dir: PathBuf,
}

/// Where cgroup v2 is mounted.
fn unified() -> PathBuf {
    let hybrid = Path::new("/sys/fs/cgroup/unified");
    if hybrid.is_dir() {
        hybrid.to_owned()
    } else {
        PathBuf::from("/sys/fs/cgroup")
    }
}

impl Launcher {
    /// Starts one, or says why not.
    fn start() -> Option<Self> {
        let number: usize = rand::random_range(0..1 << 40);
        let id = container(number);
        let cgroup = unified().join(format!("vmchaos-test-{id}"));
        if let Err(error) = fs::create_dir(&cgroup) {
            println!("skipped: needs root and a writable cgroup v2: {error}");
            return None;
        }
        let dir = std::env::temp_dir().join(format!("vmchaos-real-{number}"));
        fs::create_dir_all(&dir).unwrap();
        let links = "ip link add k6t-eth0 type bridge && ip link set k6t-eth0 up && ip tuntap add dev tap0 mode tap && \
                     ip link set tap0 master k6t-eth0 up && ip link add eth0 type veth peer name p0 && ip link set eth0 up && \
                     ip link set p0 up && echo ready >\"$1\" && exec sleep 1000";
        let script = "echo $$ >\"$1\" && exec unshare -n -p -f --kill-child sh -c \"$2\" sh \"$3\"";
        let ready = dir.join("ready");
        Command::new("mkfifo").arg(&ready).status().unwrap();
        let mut process = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(cgroup.join("cgroup.procs"))
            .arg(links)
            .arg(&ready)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // End of file without the word when a namespace or a link could not be made.
        let waiter = Command::new("timeout")
            .arg("10")
            .arg("cat")
            .arg(&ready)
            .output()
            .unwrap();
        if waiter.stdout.is_empty() {
            println!("skipped: network namespaces, taps or veths cannot be made here");
            let _ = process.kill();
            let _ = process.wait();
            let _ = fs::remove_dir(&cgroup);
            return None;
        }
        Some(Self {
            process,
            cgroup,
            id,
            dir,
        })
    }

    /// A view of `/proc` in which PID 1 is a process whose root and namespaces can be looked at, as from a debug pod.
    fn proc_view(&self) -> PathBuf {
        let view = self.dir.join("proc");
        fs::create_dir_all(view.join("1/ns")).unwrap();
        symlink("/", view.join("1/root")).unwrap();
        symlink("/proc/self/ns/net", view.join("1/ns/net")).unwrap();
        symlink("/proc/self", view.join("self")).unwrap();
        // Every hierarchy as it is for this process: a guard stays in the cgroup of the test.
        let own: String = fs::read_to_string("/proc/self/cgroup").unwrap();
        fs::write(view.join("1/cgroup"), own).unwrap();
        for pid in fs::read_to_string(self.cgroup.join("cgroup.procs")).unwrap().lines() {
            symlink(format!("/proc/{pid}"), view.join(pid)).unwrap();
        }
        view
    }

    fn operator(&self, shell: &[&str], hold: &str) -> Operator {
        self.start_agent(
            shell,
            &format!(
                "vm 0 0a1b2c3d-0000-4000-8000-000000000000 {}\nhold 0 {hold}\ntap 0 tap0 k6t-eth0\nuplink 0 eth0 -\n\
             own 0 qdisc tap0 {HANDLE}\nown 0 qdisc eth0 {HANDLE}\n\
             apply 0 tc qdisc add dev tap0 root handle {HANDLE} tbf rate 1mbit burst 15kb latency 50ms\n\
             apply 0 tc qdisc add dev eth0 root handle {HANDLE} tbf rate 2mbit burst 15kb latency 50ms\n\
             ease 0 50\n\
             ease+ 0 tc qdisc change dev tap0 root handle {HANDLE} tbf rate 1gbit burst 128kb latency 50ms\n\
             undo 0 tc qdisc del dev tap0 root handle {HANDLE}\nundo 0 tc qdisc del dev eth0 root handle {HANDLE}\n",
                self.id
            ),
        )
    }

    fn start_agent(&self, shell: &[&str], plan: &str) -> Operator {
        let spec = spec(plan, &[]);
        let log = self.dir.join("log");
        fs::write(&log, "").unwrap();
        let mut command = tokio::process::Command::new(shell[0]);
        command
            .args(&shell[1..])
            .args(["-c", &spec.script, "vmchaos-agent"])
            .envs(spec.env.iter().cloned());
        command
            .env("VMCHAOS_PROC", self.proc_view())
            .env("VMCHAOS_TERMLOG", &log)
            .env("VMCHAOS_SCRATCH", &self.dir);
        // What moved is what the guards say: there is no other cgroup to tell them by here.
        let moved = self.dir.join("moved");
        fs::write(&moved, "").unwrap();
        Operator::of(Arc::new(ScriptAgent::start(command, log, moved).unwrap()) as Arc<dyn Agent>)
    }

    fn qdiscs(&self) -> String {
        self.tc("qdisc show")
    }

    fn tc(&self, command: &str) -> String {
        let view = fs::read_to_string(self.cgroup.join("cgroup.procs")).unwrap();
        let pid = view.lines().last().unwrap_or("0").to_owned();
        let said = Command::new("nsenter")
            .args(["-t", &pid, "-n", "tc"])
            .args(command.split(' '))
            .output()
            .unwrap();
        String::from_utf8_lossy(&said.stdout).into_owned()
    }

    async fn injected(&self, shell: &[&str], hold: &str) -> Operator {
        let mut operator = self.operator(shell, hold);
        operator.say("hello 0").await;
        operator.wait("found", 1).await;
        operator.say("arm").await;
        operator.wait("ready", 1).await;
        operator.say("go").await;
        operator.wait("injected", 1).await;
        assert_eq!(self.qdiscs().matches(HANDLE).count(), 2);
        operator
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        let _ = fs::write(self.cgroup.join("cgroup.kill"), "1");
        let _ = self.process.kill();
        let _ = self.process.wait();
        for _ in 0..100 {
            if fs::remove_dir(&self.cgroup).is_ok() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

async fn a_real_kernel_from_injection_to_rollback(shell: &[&str]) {
    let Some(launcher) = Launcher::start() else {
        return;
    };
    let before = launcher.qdiscs();
    let mut operator = launcher.injected(shell, "60").await;
    operator.say("rollback").await;
    let ended = operator.wait("restored", 1).await;
    assert!(ended[0].get("changed").is_none());
    assert_eq!(
        operator.seen("injected")[0]["read"]["eth0"][0]["options"]["rate"],
        250_000
    );
    assert_eq!(launcher.qdiscs(), before);
    assert_eq!(operator.bye().await, 0);
}

async fn a_real_deadline(shell: &[&str]) {
    let Some(launcher) = Launcher::start() else {
        return;
    };
    let before = launcher.qdiscs();
    let mut operator = launcher.injected(shell, "1").await;
    let ended = operator.wait("restored", 1).await;
    assert_eq!(ended[0]["by"], "deadline");
    assert!(ended[0]["held"].as_f64().unwrap() >= 0.98);
    assert_eq!(launcher.qdiscs(), before);
    assert_eq!(operator.bye().await, 0);
}

async fn a_real_kill_of_the_container(shell: &[&str]) {
    let Some(launcher) = Launcher::start() else {
        return;
    };
    let before = launcher.qdiscs();
    let mut operator = launcher.injected(shell, "60").await;
    // The agent alone: the guard's cgroup is the test's own here.
    let guard = fs::read_dir(&launcher.dir)
        .unwrap()
        .flatten()
        .map(|entry| entry.path().join("guard.0"))
        .find(|path| path.exists())
        .unwrap();
    let guard = fs::read_to_string(guard).unwrap();
    fs::write(launcher.dir.join("moved"), guard).unwrap();
    operator.agent.kill(Signal::Kill);
    assert_eq!(operator.end().await, 137);
    while operator.verdicts().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(operator.verdicts()[0][2], "lost-operator");
    assert_eq!(launcher.qdiscs(), before);
}

async fn a_real_launcher_gone(shell: &[&str]) {
    let Some(mut launcher) = Launcher::start() else {
        return;
    };
    let mut operator = launcher.injected(shell, "60").await;
    fs::write(launcher.cgroup.join("cgroup.kill"), "1").unwrap();
    let _ = launcher.process.wait();
    let gone = operator.wait("gone|restored|leaked", 1).await;
    assert_eq!(gone[0]["ev"], "gone");
    assert_eq!(operator.bye().await, 0);
}

async fn a_real_sweep(shell: &[&str]) {
    let Some(launcher) = Launcher::start() else {
        return;
    };
    let tbf = "tbf rate 1mbit burst 15kb latency 50ms";
    launcher.tc(&format!("qdisc add dev eth0 root handle 8a31: {tbf}"));
    let before = launcher.qdiscs();
    launcher.tc(&format!("qdisc add dev tap0 root handle {HANDLE} {tbf}"));
    assert_ne!(launcher.qdiscs(), before);
    let plan = format!(
        "vm 0 0a1b2c3d-0000-4000-8000-000000000000 {}\nsweep 0 tap0\nsweep 0 eth0\nsweep 0 tap9\n",
        launcher.id
    );
    let mut operator = launcher.start_agent(shell, &plan);
    operator.say("hello 0").await;
    operator.wait("found", 1).await;
    operator.say("sweep").await;
    let swept = operator.wait("swept", 1).await[0].clone();
    assert_eq!(
        (&swept["removed"], &swept["left"]),
        (&serde_json::json!(["tap0 tbf 7a31:"]), &serde_json::json!([]))
    );
    assert_eq!(launcher.qdiscs(), before, "what is not ours stays");
    assert_eq!(operator.bye().await, 0);
}

//! A launcher of its own for each test, in namespaces and a control group of a real kernel, and the agent beside it.

use std::fs;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use vmchaos_rehearsal::host::{Agent, Signal};
use vmchaos_rehearsal::script_agent::ScriptAgent;

use crate::rig::{Operator, container, skip, spec};

/// A launcher: a process in network, PID and control group of its own, with a tap and an uplink.
pub(crate) struct Launcher {
    process: Child,
    /// Its container's, as a kubelet names it; and what all of that is below.
    cgroup: PathBuf,
    top: PathBuf,
    /// A process of its that is to be taken for the first one.
    decoy: Option<String>,
    /// The container's ID, by which an agent finds it.
    pub(crate) id: String,
    pub(crate) dir: PathBuf,
}

/// The UID of every launcher's pod.
pub(crate) const UID: &str = "0a1b2c3d-0000-4000-8000-000000000000";

/// A control group without processes, and all below it.
fn remove(cgroup: &Path) {
    for below in fs::read_dir(cgroup).into_iter().flatten().flatten() {
        if below.path().is_dir() {
            remove(&below.path());
        }
    }
    let _ = fs::remove_dir(cgroup);
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
    pub(crate) fn start() -> Option<Self> {
        let number: usize = rand::random_range(0..1 << 40);
        let id = container(number);
        let top = unified().join(format!("vmchaos-test-{number}"));
        let cgroup = top.join(format!("kubepods/burstable/pod{UID}/{id}"));
        if let Err(error) = fs::create_dir_all(&cgroup) {
            skip(&format!("needs root and a writable cgroup v2: {error}"));
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
            .arg("60")
            .arg("cat")
            .arg(&ready)
            .output()
            .unwrap();
        if waiter.stdout.is_empty() {
            skip("network namespaces, taps or veths cannot be made here");
            let _ = process.kill();
            let _ = process.wait();
            remove(&top);
            return None;
        }
        Some(Self {
            process,
            cgroup,
            top,
            decoy: None,
            id,
            dir,
        })
    }

    /// Starts a process in the launcher's control group and namespaces of its own, the first of a PID namespace, whose name
    /// reads like the line of its status that would say so.
    pub(crate) fn start_decoy(&mut self) -> String {
        let ready = self.dir.join("decoy");
        Command::new("mkfifo").arg(&ready).status().unwrap();
        let inner = "printf 'NSpid:\\t9\\t1' >/proc/self/comm; read -r me _ </proc/self/stat; echo \"$me\" >\"$1\"; sleep 1000; :";
        let script =
            "echo $$ >\"$1\" && exec unshare --user --map-root-user -n -p -f --kill-child sh -c \"$2\" sh \"$3\"";
        let mut process = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(self.cgroup.join("cgroup.procs"))
            .arg(inner)
            .arg(&ready)
            .spawn()
            .unwrap();
        let pid = Command::new("timeout")
            .arg("60")
            .arg("cat")
            .arg(&ready)
            .output()
            .unwrap();
        let pid = String::from_utf8(pid.stdout).unwrap().trim().to_owned();
        assert!(!pid.is_empty(), "no decoy could be started");
        std::thread::spawn(move || process.wait());
        self.decoy = Some(pid.clone());
        pid
    }

    /// A view of `/proc` in which PID 1 is a process whose root and namespaces can be looked at, as from a debug pod.
    fn proc_view(&self, dir: &Path) -> PathBuf {
        let view = dir.join("proc");
        fs::create_dir_all(view.join("1/ns")).unwrap();
        symlink("/", view.join("1/root")).unwrap();
        for namespace in ["net", "user"] {
            let own = format!("/proc/self/ns/{namespace}");
            symlink(own, view.join("1/ns").join(namespace)).unwrap();
        }
        symlink("/proc/self", view.join("self")).unwrap();
        // Every hierarchy as it is for this process: a keeper stays in the cgroup of the test.
        let own: String = fs::read_to_string("/proc/self/cgroup").unwrap();
        fs::write(view.join("1/cgroup"), own).unwrap();
        for pid in fs::read_to_string(self.cgroup.join("cgroup.procs")).unwrap().lines() {
            symlink(format!("/proc/{pid}"), view.join(pid)).unwrap();
        }
        // Before all others.
        if let Some(pid) = &self.decoy {
            symlink(format!("/proc/{pid}"), view.join("0")).unwrap();
        }
        view
    }

    /// Starts an agent with a directory of its own; several may be at work on one launcher.
    pub(crate) fn start_agent(&self, shell: &[&str], plan: &str, env: &[(&str, &str)]) -> RealOperator {
        let dir = self.dir.join(format!("agent-{}", rand::random::<u32>()));
        fs::create_dir(&dir).unwrap();
        let spec = spec(plan, env);
        let log = dir.join("log");
        fs::write(&log, "").unwrap();
        let mut command = tokio::process::Command::new(shell[0]);
        command
            .args(&shell[1..])
            .args(["-c", &spec.script, "vmchaos-agent"])
            .envs(spec.env.iter().cloned());
        command
            .env("VMCHAOS_PROC", self.proc_view(&dir))
            .env("VMCHAOS_TERMLOG", &log)
            .env("VMCHAOS_SCRATCH", &dir);
        // What moved is what the keepers say: there is no other cgroup to tell them by here.
        let moved = dir.join("moved");
        fs::write(&moved, "").unwrap();
        let operator = Operator::of(Arc::new(ScriptAgent::start(command, log, moved).unwrap()) as Arc<dyn Agent>);
        RealOperator { operator, dir }
    }

    /// What a command prints on stdout in the launcher's network namespace.
    pub(crate) fn run(&self, command: &str) -> String {
        let all = fs::read_to_string(self.cgroup.join("cgroup.procs")).unwrap();
        // The one that has made the namespace; one that is gone leads nowhere.
        let pid = all
            .lines()
            .find(|pid| **pid == self.process.id().to_string())
            .unwrap_or("0");
        let said = Command::new("nsenter")
            .args(["-t", pid, "-n", "sh", "-c", command])
            .output()
            .unwrap();
        String::from_utf8_lossy(&said.stdout).into_owned()
    }

    pub(crate) fn qdiscs(&self) -> String {
        self.run("tc qdisc show")
    }

    /// Ends the launcher with everything in it.
    pub(crate) fn kill(&mut self) {
        fs::write(self.top.join("cgroup.kill"), "1").unwrap();
        let _ = self.process.wait();
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        let _ = fs::write(self.top.join("cgroup.kill"), "1");
        let _ = self.process.kill();
        let _ = self.process.wait();
        for _ in 0..100 {
            remove(&self.top);
            if !self.top.exists() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// An operator, and the directory in which its agent keeps what it needs.
pub(crate) struct RealOperator {
    operator: Operator,
    pub(crate) dir: PathBuf,
}

impl Deref for RealOperator {
    type Target = Operator;

    fn deref(&self) -> &Operator {
        &self.operator
    }
}

impl DerefMut for RealOperator {
    fn deref_mut(&mut self) -> &mut Operator {
        &mut self.operator
    }
}

impl RealOperator {
    pub(crate) async fn ready(&mut self) {
        self.say("hello 0").await;
        self.wait("found", 1).await;
        self.say("arm").await;
        self.wait("ready", 1).await;
    }

    pub(crate) async fn injected(&mut self) {
        self.ready().await;
        self.say("go").await;
        self.wait("injected", 1).await;
    }

    /// The first word of a file that the run keeps in its scratch directory.
    pub(crate) fn pid_of(&self, what: &str) -> String {
        self.maybe_pid_of(what).unwrap()
    }

    /// The same of one that may not be there yet.
    pub(crate) fn maybe_pid_of(&self, what: &str) -> Option<String> {
        let file = fs::read_dir(&self.dir)
            .unwrap()
            .flatten()
            .map(|entry| entry.path().join(what))
            .find(|path| path.exists())?;
        let text = fs::read_to_string(file).ok()?;
        text.split_whitespace().next().map(str::to_owned)
    }

    /// The keeper and the warden, which have left the container.
    fn outside(&self) -> String {
        let agent = self.pid_of("agent");
        format!("{}\n{}\n", self.pid_of("keeper.0"), crate::rig::helpers(&agent)[2])
    }

    /// Kills the agent alone: the cgroup of those that left is the test's own here.
    pub(crate) async fn kill_agent(&mut self) {
        fs::write(self.dir.join("moved"), self.outside()).unwrap();
        self.agent.kill(Signal::Kill);
        assert_eq!(self.end().await, 137);
        while self.verdicts().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

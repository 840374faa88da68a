//! A node of the practice cluster that runs the real agent script, under fakes of the few tools that need privileges.
//!
//! One directory holds the whole node: a `/proc` with the launchers' processes, their network namespaces as files, the
//! fakes, and what the containers write. Linux only: the script looks at its own processes in the real `/proc`.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::host::{Agent, Crashed, Feature, Foreign, Node, Presence, Spec, VmOnNode};
use super::script_agent::ScriptAgent;
use super::script_guest::Guest;
use super::script_launcher;
use super::script_netns::Netns;
use super::script_tools::write_tools;

/// Beyond every process ID that Linux gives (2^22 at most): the launchers' first processes are files only.
const NO_PID: u32 = 5_000_001;

/// A node that runs the real script.
pub struct ScriptNode {
    root: PathBuf,
    shell: Vec<String>,
    pods: Mutex<HashMap<String, u32>>,
    guests: Mutex<HashMap<String, Guest>>,
    tell_of_crashes: OnceLock<Crashed>,
    next: AtomicUsize,
}

impl ScriptNode {
    /// A node whose containers run `sh`.
    ///
    /// # Errors
    /// When its directory cannot be made.
    pub fn new() -> io::Result<Self> {
        Self::with_shell(&["sh"])
    }

    /// A node whose containers run another shell, such as `["busybox", "sh"]`.
    ///
    /// # Errors
    /// When its directory cannot be made.
    pub fn with_shell(shell: &[&str]) -> io::Result<Self> {
        let root = std::env::temp_dir().join(format!("vmchaos-node-{:016x}", rand::random::<u64>()));
        fs::create_dir(&root)?;
        // From here on it goes with the node, whatever fails.
        let node = Self {
            root,
            shell: shell.iter().map(ToString::to_string).collect(),
            pods: Mutex::default(),
            guests: Mutex::default(),
            tell_of_crashes: OnceLock::new(),
            next: AtomicUsize::new(0),
        };
        node.write_files()?;
        for feature in Feature::ALL {
            node.set_feature(feature, Presence::Loaded)?;
        }
        Ok(node)
    }

    fn write_files(&self) -> io::Result<()> {
        for dir in [
            "tools",
            "netns",
            "pidns",
            "userns",
            "shm",
            "log",
            "proc/1/ns",
            "proc/1/root/sys/fs/cgroup/init.scope",
        ] {
            fs::create_dir_all(self.root.join(dir))?;
        }
        write_tools(&self.root.join("tools"))?;
        fs::write(self.root.join("netns/host"), "")?;
        symlink(self.root.join("netns/host"), self.root.join("proc/1/ns/net"))?;
        fs::write(self.root.join("userns/host"), "")?;
        symlink(self.root.join("userns/host"), self.root.join("proc/1/ns/user"))?;
        fs::write(self.root.join("proc/1/cgroup"), "0::/init.scope\n")?;
        fs::write(self.root.join("proc/1/root/sys/fs/cgroup/init.scope/cgroup.procs"), "")
    }

    /// The directory that holds the node: `proc`, `netns`, `shm` and the rest.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory of the launcher's main process in the node's `/proc`.
    pub fn process_dir(&self, pod_uid: &str) -> Option<PathBuf> {
        self.pid(pod_uid)
            .map(|pid| self.root.join("proc").join(pid.to_string()))
    }

    /// Runs the node's `tc` in a launcher's network namespace, as somebody else on the node would.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn tc(&self, pod_uid: &str, args: &[&str]) -> io::Result<std::process::Output> {
        self.netns(pod_uid).tc(args)
    }

    /// Runs the node's `nft` in a launcher's network namespace, as somebody else on the node would.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn nft(&self, pod_uid: &str, args: &[&str]) -> io::Result<std::process::Output> {
        self.netns(pod_uid).nft(args)
    }

    /// Runs a tool of the node, by its name, in a launcher's network namespace, with text on its standard input.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn feed(&self, tool: &str, pod_uid: &str, args: &[&str], input: &str) -> io::Result<std::process::Output> {
        self.netns(pod_uid).feed(tool, args, input)
    }

    /// The guest of a launcher ends well; the launcher stays.
    pub fn end_guest(&self, pod_uid: &str) {
        self.guests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(pod_uid);
    }

    fn pid(&self, pod_uid: &str) -> Option<u32> {
        self.pods
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(pod_uid)
            .copied()
    }

    fn netns(&self, pod_uid: &str) -> Netns {
        Netns::new(&self.root, pod_uid)
    }

    fn lay_out(&self, vm: &VmOnNode, pid: u32) -> io::Result<()> {
        let process = script_launcher::lay_out(&self.root, self.netns(&vm.pod_uid).file(), vm, pid)?;
        let (tell, uid) = (self.tell_of_crashes.get().cloned(), vm.pod_uid.clone());
        let guest = Guest::start(&self.root.join("proc"), &process, move || {
            if let Some(tell) = tell {
                tell(&uid);
            }
        })?;
        let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        guests.insert(vm.pod_uid.clone(), guest);
        Ok(())
    }
}

impl Node for ScriptNode {
    fn add_pod(&self, vm: VmOnNode) {
        let pid = {
            let mut pods = self.pods.lock().unwrap_or_else(PoisonError::into_inner);
            let number = u32::try_from(self.next.fetch_add(1, Ordering::Relaxed)).unwrap_or(0);
            let pid = NO_PID + number * 10;
            pods.insert(vm.pod_uid.clone(), pid);
            pid
        };
        if let Err(error) = self.lay_out(&vm, pid) {
            tracing::error!(pod = vm.pod_uid, %error, "the launcher's files could not be written");
        }
    }

    fn on_crash(&self, tell: Crashed) {
        let _ = self.tell_of_crashes.set(tell);
    }

    fn remove_pod(&self, pod_uid: &str) {
        self.end_guest(pod_uid);
        let Some(process) = self.process_dir(pod_uid) else {
            return;
        };
        self.pods.lock().unwrap_or_else(PoisonError::into_inner).remove(pod_uid);
        let _ = fs::remove_dir_all(process);
        let netns = self.netns(pod_uid);
        // The namespace first: what still runs in it must find nothing to change.
        let _ = fs::remove_file(netns.file());
        script_launcher::end_members(&self.root, pod_uid);
        let _ = fs::remove_dir_all(netns.file().with_extension("d"));
        let _ = fs::remove_file(netns.file().with_extension("links"));
    }

    fn start(&self, spec: &Spec) -> io::Result<Arc<dyn Agent>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let log = self.root.join("log").join(number.to_string());
        fs::write(&log, "")?;
        let mut command = tokio::process::Command::new(&self.shell[0]);
        command
            .args(&self.shell[1..])
            .args(["-c", &spec.script, "vmchaos-agent"]);
        for (name, value) in &spec.env {
            command.env(name, value);
        }
        command
            .env("VMCHAOS_PROC", self.root.join("proc"))
            .env("VMCHAOS_SCRATCH", self.root.join("shm"))
            .env("VMCHAOS_TOOLS", self.root.join("tools"))
            .env("VMCHAOS_TERMLOG", &log);
        let moved = self.root.join("proc/1/root/sys/fs/cgroup/init.scope/cgroup.procs");
        Ok(Arc::new(ScriptAgent::start(command, log, moved)?))
    }

    fn qdiscs(&self, pod_uid: &str) -> Vec<(String, String)> {
        self.netns(pod_uid).qdiscs()
    }

    fn filters(&self, pod_uid: &str) -> Vec<String> {
        self.netns(pod_uid).filters()
    }

    fn put_foreign(&self, pod_uid: &str, device: &str, what: Foreign) -> io::Result<()> {
        self.netns(pod_uid).put_foreign(device, what)
    }

    fn set_feature(&self, feature: Feature, presence: Presence) -> io::Result<()> {
        let file = match feature {
            Feature::Netem => "netem",
            Feature::NftEgress => "nft-egress",
            Feature::NftReject => "nft-reject",
            Feature::Flower => "flower",
            Feature::Bash => "bash",
            Feature::Ping => "ping",
            Feature::Removal => return Err(io::ErrorKind::Unsupported.into()),
        };
        let text = match presence {
            Presence::Loaded => "loaded\n",
            Presence::Module => "module\n",
            Presence::Absent => "absent\n",
        };
        fs::write(self.root.join(file), text)
    }

    fn end(&self) {
        let pods: Vec<String> = self
            .pods
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .cloned()
            .collect();
        for pod in pods {
            self.remove_pod(&pod);
        }
        let _ = fs::remove_dir_all(&self.root);
    }
}

impl Drop for ScriptNode {
    fn drop(&mut self) {
        self.end();
    }
}

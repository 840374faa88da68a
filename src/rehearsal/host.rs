//! What a node of the practice cluster can do: hold launchers, and run the container of a debug pod against them.
//!
//! The API server side of the practice cluster (pods, attach, deletion) and the node side (processes, network
//! namespaces, qdiscs) meet here and nowhere else, so that the same cluster runs on either of two node sides:
//!
//! ```text
//! pod object ── Node::start ──> DoubleNode   the protocol in tokio tasks (any system, thousands of VMs): what ships
//!                          └──> ScriptNode   the real script under fake tc, ip and nsenter (tests, Linux, no root)
//! ```

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

/// The writing end of a container's stdin; dropping it is the end of file a closed attach stream causes.
pub type Stdin = Pin<Box<dyn AsyncWrite + Send>>;

/// The reading end of a container's stdout; ends when every process that holds it has ended.
pub type Stdout = Pin<Box<dyn AsyncRead + Send>>;

/// What a debug container is started with, after Kubernetes' expansion of `$$` and `$(NAME)`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spec {
    /// The container's environment, in order; a later entry of the same name wins.
    pub env: Vec<(String, String)>,
    /// The shell script given to `sh -c`.
    pub script: String,
}

impl Spec {
    /// The value of an environment variable of the container.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.env
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// The kind of a link in a launcher's network namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// A tap the guest is behind.
    Tap,
    /// One end of a veth pair: the pod's uplink.
    Veth,
    /// The bridge between tap and uplink.
    Bridge,
    /// The dummy that keeps the pod's address under the bridge binding.
    Dummy,
    /// A macvtap handed to the guest as it is.
    Macvtap,
}

/// A link in a launcher's network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its name, such as `tap0`.
    pub name: String,
    /// What it is.
    pub kind: DeviceKind,
    /// The bridge it is a port of.
    pub master: Option<String>,
    /// The kind of the kernel's default root qdisc: `fq_codel`, `noqueue`, `mq`, `pfifo_fast`.
    pub root: String,
    /// Whether the link is up.
    pub up: bool,
}

impl Device {
    /// A link that is up and has no master.
    pub fn new(name: &str, kind: DeviceKind, root: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            master: None,
            root: root.to_owned(),
            up: true,
        }
    }

    /// The same link as a port of a bridge.
    #[must_use]
    pub fn on(mut self, bridge: &str) -> Self {
        self.master = Some(bridge.to_owned());
        self
    }
}

/// A launcher pod as its node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmOnNode {
    /// UID of the launcher pod.
    pub pod_uid: String,
    /// Container ID of `compute`, 64 hexadecimal digits without the runtime's prefix.
    pub container_id: String,
    /// The links of its network namespace.
    pub devices: Vec<Device>,
    /// The pod's address; empty when nobody will ask for it.
    pub address: String,
}

/// Something that a node may have or not: most of it in its kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feature {
    /// The qdisc netem.
    Netem,
    /// Hooks of nftables on the egress of a device, in Linux 5.16 and later.
    NftEgress,
    /// `reject` in the netdev family of nftables, in Linux 5.11 and later.
    NftReject,
    /// The classifier flower, with the action that drops.
    Flower,
    /// A bash that opens connections, in the image or on the node.
    Bash,
    /// A ping that works, in the image or on the node.
    Ping,
    /// Taking away what a run has put on a device: without it, a node can undo nothing. Every kernel has it; a
    /// [`DoubleNode`](super::double::DoubleNode) can be made to lack it.
    Removal,
}

impl Feature {
    /// Those that a kernel or an image may lack.
    pub const ALL: [Self; 6] = [
        Self::Netem,
        Self::NftEgress,
        Self::NftReject,
        Self::Flower,
        Self::Bash,
        Self::Ping,
    ];
}

/// Where the kernel of a node has a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Presence {
    /// Built in or loaded.
    #[default]
    Loaded,
    /// On disk: `modprobe` loads it.
    Module,
    /// Nowhere: an old kernel, or a Red Hat node without `kernel-modules-extra`.
    Absent,
}

/// Something that somebody else has put on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// The root qdisc `htb 1:`.
    Qdisc,
    /// The nftables table `foreign` of the netdev family, with a chain on the ingress of the device.
    NftTable,
    /// A clsact qdisc without filters.
    Clsact,
    /// A clsact qdisc with a flower filter on its ingress, preference 1.
    Flower,
}

/// How a container is ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM to the container's first process, as at the start of a pod's grace period.
    Term,
    /// SIGKILL to everything still in the container's cgroup; what moved to another cgroup lives on.
    Kill,
}

/// Is told of a launcher pod, by its UID, whose guest has crashed.
pub type Crashed = Arc<dyn Fn(&str) + Send + Sync>;

/// One node of the practice cluster.
pub trait Node: Send + Sync {
    /// A launcher comes up, with its guest: from now on its network namespace, devices and processes can be found.
    fn add_pod(&self, vm: VmOnNode);

    /// Names who is told of guests that crash, by the UID of their launcher pod.
    fn on_crash(&self, tell: Crashed);

    /// A launcher goes: its network namespace goes with it, and every process in its PID namespace.
    fn remove_pod(&self, pod_uid: &str);

    /// Runs a debug container.
    ///
    /// # Errors
    /// When the container cannot be started.
    fn start(&self, spec: &Spec) -> io::Result<Arc<dyn Agent>>;

    /// The root qdisc of every device of a launcher, as `(device, line as tc prints it)`: what the kernel would say.
    /// Empty when the pod is not on this node.
    fn qdiscs(&self, pod_uid: &str) -> Vec<(String, String)>;

    /// What cuts packets in a launcher's network namespace, sorted: `nft TABLE`, `DEVICE clsact`, `DEVICE HOOK flower PREF
    /// HANDLE`. Empty when the pod is not on this node.
    fn filters(&self, pod_uid: &str) -> Vec<String>;

    /// Somebody else puts something on a device of a launcher.
    ///
    /// # Errors
    /// When there is no such device, or no place for it.
    fn put_foreign(&self, pod_uid: &str, device: &str, what: Foreign) -> io::Result<()>;

    /// Gives the node's kernel a feature, or takes it away.
    ///
    /// # Errors
    /// When the node's directory is gone.
    fn set_feature(&self, feature: Feature, presence: Presence) -> io::Result<()>;

    /// The cluster is gone: ends what runs and takes away what the node keeps outside this process. Whoever still holds
    /// the node afterwards can do nothing with it.
    fn end(&self) {}
}

/// The exit code, once it is there; -1 when nobody is left to say one.
pub(super) fn exit_code(exit: &watch::Receiver<Option<i32>>) -> BoxFuture<'static, i32> {
    let mut exit = exit.clone();
    async move {
        exit.wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|code| *code)
            .unwrap_or(-1)
    }
    .boxed()
}

/// A running, or ended, debug container.
pub trait Agent: Send + Sync {
    /// The writing end of its stdin; `None` when it was taken before.
    fn stdin(&self) -> Option<Stdin>;

    /// The reading end of its stdout; `None` when it was taken before.
    fn stdout(&self) -> Option<Stdout>;

    /// Ends it from outside.
    fn kill(&self, signal: Signal);

    /// Waits for the end of its first process: its exit code, 128 + the signal when a signal ended it.
    /// Can be called any number of times.
    fn wait(&self) -> BoxFuture<'static, i32>;

    /// What stands in its termination log now; processes that outlive the container may still add to it.
    fn termination_message(&self) -> String;
}

//! A running container: its log, its stdin, and the attach that feeds it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hyper::body::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::{mpsc, watch},
    time::timeout,
};

use crate::{
    cluster::lock,
    host::{Agent, Signal},
};

/// How long a runtime waits for the rest of an ended container's output.
const DRAIN: Duration = Duration::from_millis(500);

/// How the wires of a container's attaches are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Wire {
    /// Nothing gets through, in either direction, and nobody is told.
    pub(crate) frozen: bool,
    /// How many times every open attach has been closed.
    pub(crate) cuts: u64,
    /// The last cut kept stdin open: the client sees its stream end and the container does not (a dead containerd).
    pub(crate) stdin_survives: bool,
}

/// A container with its streams.
pub(crate) struct Container {
    node: String,
    agent: Option<Arc<dyn Agent>>,
    /// Taken for good when an attach ends (`stdinOnce`), or when there never was a stdin.
    stdin: Mutex<Option<mpsc::UnboundedSender<Bytes>>>,
    log: Mutex<Vec<u8>>,
    grown: watch::Sender<usize>,
    ended: watch::Sender<Option<i32>>,
    wire: watch::Sender<Wire>,
    attaches: AtomicU64,
}

impl Container {
    /// A container whose first process is the agent.
    pub(crate) fn of_agent(node: &str, agent: Arc<dyn Agent>, has_stdin: bool) -> Arc<Self> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let container = Self::new(node, Some(Arc::clone(&agent)), has_stdin.then_some(sender));
        if let Some(stdin) = agent.stdin() {
            tokio::spawn(feed(stdin, receiver));
        }
        let output = agent
            .stdout()
            .map(|stdout| tokio::spawn(collect(Arc::clone(&container), stdout)));
        let waiting = Arc::clone(&container);
        tokio::spawn(async move {
            let code = agent.wait().await;
            // What was printed last comes before the end; processes that outlive the container may hold its stdout longer.
            if let Some(output) = output {
                let _ = timeout(DRAIN, output).await;
            }
            waiting.ended.send_replace(Some(code));
        });
        container
    }

    /// A container that does nothing until it is ended: any image the practice cluster knows nothing about.
    pub(crate) fn idle(node: &str) -> Arc<Self> {
        Self::new(node, None, None)
    }

    fn new(node: &str, agent: Option<Arc<dyn Agent>>, stdin: Option<mpsc::UnboundedSender<Bytes>>) -> Arc<Self> {
        Arc::new(Self {
            node: node.to_owned(),
            agent,
            stdin: Mutex::new(stdin),
            log: Mutex::default(),
            grown: watch::Sender::new(0),
            ended: watch::Sender::new(None),
            wire: watch::Sender::new(Wire::default()),
            attaches: AtomicU64::new(0),
        })
    }

    pub(crate) fn node(&self) -> &str {
        &self.node
    }

    /// Ends the container from outside.
    pub(crate) fn kill(&self, signal: Signal) {
        match &self.agent {
            Some(agent) => agent.kill(signal),
            None => drop(
                self.ended
                    .send_replace(Some(if signal == Signal::Kill { 137 } else { 0 })),
            ),
        }
    }

    /// The exit code, once there is one.
    pub(crate) fn ended(&self) -> watch::Receiver<Option<i32>> {
        self.ended.subscribe()
    }

    pub(crate) fn termination_message(&self) -> String {
        self.agent
            .as_ref()
            .map(|agent| agent.termination_message())
            .unwrap_or_default()
    }

    /// What has been printed from a place on, and the place after it.
    pub(crate) fn log_from(&self, place: usize) -> (Bytes, usize) {
        let log = lock(&self.log);
        (Bytes::copy_from_slice(log.get(place..).unwrap_or_default()), log.len())
    }

    /// The length of the log, and when it grows.
    pub(crate) fn log_grows(&self) -> watch::Receiver<usize> {
        self.grown.subscribe()
    }

    /// Takes note of a new attach. A second one ends the stdin of the first: the number tells whether one is still the
    /// latest.
    pub(crate) fn attached(&self) -> u64 {
        let number = self.attaches.fetch_add(1, Ordering::SeqCst) + 1;
        if number > 1 {
            self.close_stdin();
        }
        number
    }

    pub(crate) fn write(&self, bytes: Bytes) {
        if let Some(stdin) = lock(&self.stdin).as_ref() {
            // The process may have closed its end.
            let _ = stdin.send(bytes);
        }
    }

    /// End of file for the container, for good.
    pub(crate) fn close_stdin(&self) {
        lock(&self.stdin).take();
    }

    pub(crate) fn wire(&self) -> watch::Receiver<Wire> {
        self.wire.subscribe()
    }

    pub(crate) fn change_wire(&self, change: impl FnOnce(&mut Wire)) {
        self.wire.send_modify(change);
    }
}

async fn feed(mut stdin: crate::host::Stdin, mut pieces: mpsc::UnboundedReceiver<Bytes>) {
    while let Some(piece) = pieces.recv().await {
        if stdin.write_all(&piece).await.is_err() || stdin.flush().await.is_err() {
            return;
        }
    }
    let _ = stdin.shutdown().await;
}

async fn collect(container: Arc<Container>, mut stdout: crate::host::Stdout) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read) = stdout.read(&mut buffer).await {
        if read == 0 {
            return;
        }
        let length = {
            let mut log = lock(&container.log);
            log.extend_from_slice(&buffer[..read]);
            log.len()
        };
        container.grown.send_replace(length);
    }
}

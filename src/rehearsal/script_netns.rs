//! A launcher's network namespace on a [`ScriptNode`](super::script_node::ScriptNode): what the node's own tools say and do there.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::host::Foreign;

pub(super) struct Netns {
    /// Stands for the namespace; what is on its devices lies beside it.
    file: PathBuf,
    tools: PathBuf,
}

impl Netns {
    /// That of a pod on the node in `root`.
    pub(super) fn new(root: &Path, pod_uid: &str) -> Self {
        Self {
            file: root.join("netns").join(pod_uid),
            tools: root.join("tools"),
        }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    pub(super) fn tc(&self, args: &[&str]) -> io::Result<Output> {
        self.feed("tc", args, "")
    }

    pub(super) fn nft(&self, args: &[&str]) -> io::Result<Output> {
        self.feed("nft", args, "")
    }

    /// Runs a tool of the node, with text on its standard input.
    pub(super) fn feed(&self, tool: &str, args: &[&str], input: &str) -> io::Result<Output> {
        let mut child = Command::new(self.tools.join(tool))
            .args(args)
            .env("FAKE_NETNS", &self.file)
            .env("VMCHAOS_TOOLS", &self.tools)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take()
            && let Err(error) = stdin.write_all(input.as_bytes())
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            return Err(error);
        }
        child.wait_with_output()
    }

    pub(super) fn qdiscs(&self) -> Vec<(String, String)> {
        let Ok(output) = self.tc(&["qdisc", "show"]) else {
            return Vec::new();
        };
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| {
                let mut words = line.split(' ').skip(3);
                let (dev, device, place) = (words.next()?, words.next()?, words.next()?);
                (dev == "dev" && place == "root" && device != "lo").then(|| {
                    (
                        device.to_owned(),
                        line.trim_end().replacen(&format!(" dev {device}"), "", 1),
                    )
                })
            })
            .collect()
    }

    pub(super) fn filters(&self) -> Vec<String> {
        let lines = |output: io::Result<Output>| -> Vec<String> {
            let text = output.map(|output| output.stdout).unwrap_or_default();
            String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
        };
        let tables = lines(self.nft(&["list", "tables", "netdev"]));
        let mut all: Vec<String> = tables
            .iter()
            .map(|line| format!("nft {}", line.trim_start_matches("table netdev ")))
            .collect();
        for line in lines(self.tc(&["qdisc", "show"])) {
            let ["qdisc", "clsact", _, "dev", device, ..] = line.split(' ').collect::<Vec<_>>()[..] else {
                continue;
            };
            all.push(format!("{device} clsact"));
            for hook in ["ingress", "egress"] {
                for line in lines(self.tc(&["filter", "show", "dev", device, hook])) {
                    let words: Vec<&str> = line.split_whitespace().collect();
                    if let ["filter", _, _, "pref", pref, kind, _, _, "handle", handle] = words[..] {
                        all.push(format!("{device} {hook} {kind} {pref} {handle}"));
                    }
                }
            }
        }
        all.sort();
        all
    }

    pub(super) fn put_foreign(&self, device: &str, what: Foreign) -> io::Result<()> {
        let chain = format!("{{ type filter hook ingress device \"{device}\" priority 0; }}");
        let tc = |args: &str| self.tc(&args.split(' ').collect::<Vec<_>>());
        let done = match what {
            Foreign::Qdisc => vec![tc(&format!("qdisc add dev {device} root handle 1: htb default 1"))?],
            Foreign::NftTable => vec![
                self.nft(&["create", "table", "netdev", "foreign"])?,
                self.nft(&["add", "chain", "netdev", "foreign", "ingress", &chain])?,
            ],
            Foreign::Clsact => vec![tc(&format!("qdisc add dev {device} clsact"))?],
            Foreign::Flower => vec![
                tc(&format!("qdisc add dev {device} clsact"))?,
                tc(&format!(
                    "filter add dev {device} ingress protocol ip pref 1 handle 0x1 flower ip_proto tcp dst_port 25 action drop"
                ))?,
            ],
        };
        match done.iter().find(|output| !output.status.success()) {
            Some(output) => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())),
            None => Ok(()),
        }
    }
}

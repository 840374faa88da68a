//! Filters in a real kernel, by the engine nft. Needs root and nft's netdev hooks for both directions; says so where it
//! skips. Flower filters need modules that few machines for tests have: they are the kernel tier's.

use serde_json::{Value, json};

use crate::launcher::{Launcher, RealOperator};
use crate::rig::{signal, skip};

crate::under_every_shell! {
    a_filter_from_injection_to_rollback
    a_filter_that_rejects
    a_deadline
    an_agent_killed
    a_sentinel_killed
    a_launcher_gone
    a_thousand_ports
    an_nft_that_does_too_little
    an_nft_that_deletes_nothing
}

pub(crate) const RULESET: &str = "nft list ruleset";
pub(crate) const FOREIGN: &str = "nft 'create table netdev foreign; add chain netdev foreign out { type filter hook egress device \
                       \"DEVICE\" priority 0; policy accept; }'";

/// A launcher on a kernel with the hooks that are needed.
pub(crate) fn launcher() -> Option<Launcher> {
    let launcher = Launcher::start()?;
    launcher.run(&FOREIGN.replace("DEVICE", "lo"));
    let works = !launcher.run("nft list chains netdev").is_empty();
    launcher.run("nft flush ruleset");
    if !works {
        skip("needs nft and a kernel with netdev hooks for both directions");
    }
    works.then_some(launcher)
}

pub(crate) fn plan_with(launcher: &Launcher, hold: &str, ports: &str) -> String {
    format!(
        "engine auto\nmark 7a31:\nports {ports}\npeers4 10.0.0.0/8,192.168.1.7\npeers6 fd00::/8\n\
         nft in ip saddr @peers4 meta l4proto {{ tcp, udp }} th dport @ports counter drop\n\
         nft in ip6 saddr @peers6 meta l4proto {{ tcp, udp }} th dport @ports counter drop\n\
         nft out icmpv6 type != 133-137 counter drop\n\
         tc in ip ip_proto tcp dst_port @ports\ntc out ip ip_proto tcp dst_port @ports\n\
         vm 0 0a1b2c3d-0000-4000-8000-000000000000 {}\nhold 0 {hold}\ntap 0 tap0 k6t-eth0\nuplink 0 eth0 -\n\
         own 0 cut tap0 in egress\nown 0 cut tap0 out ingress\n",
        launcher.id
    )
}

pub(crate) fn plan(launcher: &Launcher, hold: &str) -> String {
    plan_with(launcher, hold, "53,8000-8100")
}

pub(crate) async fn injected(launcher: &Launcher, shell: &[&str], hold: &str) -> RealOperator {
    let mut operator = launcher.start_agent(shell, &plan(launcher, hold), &[]);
    operator.injected().await;
    assert!(launcher.run(RULESET).contains("vmchaos_lock_tap0"));
    operator
}

/// Nothing is left, and it was ended by whom it should be.
pub(crate) async fn ended(launcher: &Launcher, operator: &mut RealOperator, by: &str) {
    let ended = operator.wait("restored|leaked|gone", 1).await[0].clone();
    assert_eq!((&ended["ev"], &ended["by"]), (&json!("restored"), &json!(by)));
    assert_eq!(
        (&ended["after"], ended.get("changed")),
        (&json!({"tap0": "none"}), None)
    );
    assert_eq!(launcher.run(RULESET), "");
    assert_eq!(operator.bye().await, 0);
}

fn chains(read: &Value) -> Vec<(&str, &str)> {
    read["nft"]["nftables"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one.get("chain"))
        .map(|chain| (chain["name"].as_str().unwrap(), chain["hook"].as_str().unwrap()))
        .collect()
}

async fn a_filter_from_injection_to_rollback(shell: &[&str]) {
    let Some(launcher) = launcher() else { return };
    let before = launcher.qdiscs();
    let mut operator = injected(&launcher, shell, "60").await;
    let hello = &operator.seen("hello")[0];
    assert_eq!(
        (&hello["engine"], &hello["nft"], &hello["reject"], &hello["flower"]),
        (&json!("nft"), &json!(true), &Value::Null, &Value::Null)
    );
    assert_eq!(operator.seen("ready")[0]["before"], json!({"tap0": "none"}));
    let kernel = launcher.run(RULESET);
    for line in [
        "elements = { 53, 8000-8100 }",
        "type filter hook egress device \"tap0\" priority -500; policy accept;",
        "type filter hook ingress device \"tap0\" priority -500; policy accept;",
        "ip6 saddr @peers6 meta l4proto { tcp, udp } th dport @ports counter packets",
        "chain vmchaos_k3f9ab",
    ] {
        assert!(kernel.contains(line), "{line}: {kernel}");
    }
    operator.say("rollback").await;
    operator.wait("ending", 1).await;
    for event in operator.seen("injected|ending") {
        assert_eq!(chains(&event["read"]), [("in_tap0", "egress"), ("out_tap0", "ingress")]);
    }
    ended(&launcher, &mut operator, "rollback").await;
    assert_eq!(launcher.qdiscs(), before);
}

/// Servers in the launcher on ports 53 and 54, and a client at the other end of its uplink.
struct Neighbours<'a> {
    launcher: &'a Launcher,
    client: String,
}

impl<'a> Neighbours<'a> {
    fn meet(launcher: &'a Launcher) -> Self {
        let client = launcher.run(
            "for port in 53 54; do timeout 100 busybox nc -ll -p $port -e true </dev/null >/dev/null 2>&1 & done
             ip link set lo up; ip addr add 10.99.7.1/24 dev eth0
             unshare -n sleep 100 </dev/null >/dev/null 2>&1 & client=$!
             while [ \"$(readlink /proc/$client/ns/net)\" = \"$(readlink /proc/self/ns/net)\" ]; do :; done
             ip link set p0 netns $client
             nsenter -t $client -n sh -c 'ip addr add 10.99.7.2/24 dev p0; ip link set p0 up' && echo $client",
        );
        Self {
            launcher,
            client: client.trim().to_owned(),
        }
    }

    /// What becomes of a connection to this port: `open`, or why there is none.
    fn knock(&self, port: u16) -> String {
        let client = &self.client;
        self.launcher.run(&format!(
            "nsenter -t {client} -n busybox nc -w 5 10.99.7.1 {port} </dev/null 2>&1 && echo open"
        ))
    }

    /// Servers and links need a moment.
    fn until_open(&self, port: u16) -> bool {
        (0..100).any(|_| self.knock(port).trim() == "open" || !self.launcher.run("sleep 0.05").is_empty())
    }
}

impl Drop for Neighbours<'_> {
    fn drop(&mut self) {
        self.launcher.run(&format!("kill -9 {}", self.client));
    }
}

async fn a_filter_that_rejects(shell: &[&str]) {
    let Some(launcher) = launcher() else { return };
    let neighbours = Neighbours::meet(&launcher);
    assert!(neighbours.until_open(53) && neighbours.until_open(54));
    let plan = format!(
        "engine auto reject\nmark 7a31:\nports 53\nnft in tcp dport @ports counter reject with tcp reset\n\
         nft in meta l4proto udp th dport @ports counter reject with icmpx port-unreachable\n\
         nft out tcp dport @ports counter reject with tcp reset\n\
         vm 0 0a1b2c3d-0000-4000-8000-000000000000 {}\nhold 0 60\ntap 0 tap0 k6t-eth0\nuplink 0 eth0 -\n\
         own 0 cut eth0 in ingress\nown 0 cut tap0 out ingress\n",
        launcher.id
    );
    let mut operator = launcher.start_agent(shell, &plan, &[]);
    operator.injected().await;
    assert_eq!(operator.seen("hello")[0]["reject"], json!(true));
    assert_eq!(
        chains(&operator.seen("injected")[0]["read"]),
        [("in_eth0", "ingress"), ("out_tap0", "ingress")]
    );
    // Answered, where a packet that is dropped would leave the client waiting.
    let said = neighbours.knock(53);
    assert!(said.contains("refused"), "{said}");
    assert_eq!(neighbours.knock(54).trim(), "open");
    operator.say("rollback").await;
    operator.wait("restored", 1).await;
    assert!(neighbours.until_open(53));
    assert_eq!(launcher.run(RULESET), "");
    assert_eq!(operator.bye().await, 0);
}

async fn a_deadline(shell: &[&str]) {
    let Some(launcher) = launcher() else { return };
    let mut operator = injected(&launcher, shell, "1").await;
    ended(&launcher, &mut operator, "deadline").await;
    assert!(operator.seen("restored")[0]["held"].as_f64().unwrap() >= 0.98);
}

async fn an_agent_killed(shell: &[&str]) {
    let Some(launcher) = launcher() else { return };
    let mut operator = injected(&launcher, shell, "60").await;
    operator.kill_agent().await;
    assert_eq!(operator.verdicts()[0][2], "lost-operator");
    assert_eq!(launcher.run(RULESET), "");
}

async fn a_sentinel_killed(shell: &[&str]) {
    let Some(launcher) = launcher() else { return };
    let mut operator = injected(&launcher, shell, "60").await;
    signal(&operator.pid_of("sentinel.0"), "-KILL");
    operator.wait("ending", 1).await;
    assert_eq!(chains(&operator.seen("ending")[0]["read"]).len(), 2);
    ended(&launcher, &mut operator, "sentinel").await;
}

async fn a_launcher_gone(shell: &[&str]) {
    let Some(mut launcher) = launcher() else { return };
    let mut operator = injected(&launcher, shell, "60").await;
    launcher.kill();
    assert_eq!(operator.wait("gone|restored|leaked", 1).await[0]["ev"], "gone");
    assert_eq!(operator.bye().await, 0);
}

async fn a_thousand_ports(shell: &[&str]) {
    let Some(launcher) = launcher() else { return };
    // None beside another: nothing that could be merged into a range.
    let ports: Vec<String> = (0..1000).map(|n| (1 + 2 * n).to_string()).collect();
    let mut operator = launcher.start_agent(shell, &plan_with(&launcher, "60", &ports.join(",")), &[]);
    operator.injected().await;
    let read = operator.seen("injected")[0]["read"]["nft"]["nftables"].clone();
    let set = read
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["set"]["name"] == "ports")
        .unwrap();
    assert_eq!(set["set"]["elem"].as_array().unwrap().len(), 1000);
    operator.say("rollback").await;
    ended(&launcher, &mut operator, "rollback").await;
}

/// Puts another tool in front of the real nft; the script says `REAL` for it.
fn replaced_nft(launcher: &Launcher, script: &str) -> String {
    let dir = launcher.dir.join("tools");
    launcher.run(&format!("mkdir {}", dir.display()));
    let real = launcher.run("command -v nft");
    // Written by another process: one this process has open for writing could not be executed by a child of another thread.
    let text = script.replace("REAL", real.trim());
    launcher.run(&format!(
        "printf %s '{text}' >{0}/nft && chmod +x {0}/nft",
        dir.display()
    ));
    dir.to_str().unwrap().to_owned()
}

async fn an_nft_that_does_too_little(shell: &[&str]) {
    // Nothing of a run, or a chain less; it reports success.
    for missing in ["/vmchaos_[kl]/d", "/out_tap0/d"] {
        let Some(launcher) = launcher() else { return };
        let tools = replaced_nft(
            &launcher,
            &format!(
                "#!/bin/sh\ncase $* in *\"-f -\") sed -e {missing} | REAL \"$@\" ;; *) exec REAL \"$@\" ;; esac\n"
            ),
        );
        let mut operator = launcher.start_agent(shell, &plan(&launcher, "60"), &[("VMCHAOS_TOOLS", &tools)]);
        operator.ready().await;
        operator.say("go").await;
        assert_eq!(operator.wait("failed|injected", 1).await[0]["reason"], "readback");
        ended(&launcher, &mut operator, "sentinel").await;
    }
}

async fn an_nft_that_deletes_nothing(shell: &[&str]) {
    let Some(launcher) = launcher() else { return };
    let tools = replaced_nft(
        &launcher,
        "#!/bin/sh\ncase $* in *\"-f -\") grep -v \"^delete\" | REAL \"$@\" ;; *) exec REAL \"$@\" ;; esac\n",
    );
    let mut operator = launcher.start_agent(shell, &plan(&launcher, "60"), &[("VMCHAOS_TOOLS", &tools)]);
    operator.injected().await;
    operator.say("rollback").await;
    let leaked = operator.wait("restored|leaked", 1).await[0].clone();
    assert_eq!(
        (&leaked["ev"], &leaked["left"]),
        (&json!("leaked"), &json!("nft vmchaos_k3f9ab, nft vmchaos_lock_tap0"))
    );
    assert_eq!(operator.bye().await, 3);
    assert!(launcher.run(RULESET).contains("vmchaos_k3f9ab"));
}

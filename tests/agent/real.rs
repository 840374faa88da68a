//! The script with nothing faked but the view of PID 1: real network and PID namespaces, real tc, real nsenter, real
//! cgroups. Needs root on Linux; says so where it skips. tbf stands in for netem, which not every kernel has.

use crate::launcher::{Launcher, RealOperator};
use crate::rig::HANDLE;

crate::under_every_shell! {
    a_real_kernel_from_injection_to_rollback
    a_real_deadline
    a_real_kill_of_the_container
    a_real_launcher_gone
    a_real_sweep
    a_real_decoy
}

/// A bandwidth on both devices.
pub(crate) fn tbf_plan(launcher: &Launcher, hold: &str) -> String {
    format!(
        "vm 0 0a1b2c3d-0000-4000-8000-000000000000 {}\nhold 0 {hold}\ntap 0 tap0 k6t-eth0\nuplink 0 eth0 -\n\
         own 0 qdisc tap0 {HANDLE}\nown 0 qdisc eth0 {HANDLE}\n\
         apply 0 tc qdisc add dev tap0 root handle {HANDLE} tbf rate 1mbit burst 15kb latency 50ms\n\
         apply 0 tc qdisc add dev eth0 root handle {HANDLE} tbf rate 2mbit burst 15kb latency 50ms\n\
         ease 0 50\n\
         ease+ 0 tc qdisc change dev tap0 root handle {HANDLE} tbf rate 1gbit burst 128kb latency 50ms\n\
         undo 0 tc qdisc del dev tap0 root handle {HANDLE}\nundo 0 tc qdisc del dev eth0 root handle {HANDLE}\n",
        launcher.id
    )
}

async fn injected(launcher: &Launcher, shell: &[&str], hold: &str) -> RealOperator {
    let mut operator = launcher.start_agent(shell, &tbf_plan(launcher, hold), &[]);
    operator.injected().await;
    assert_eq!(launcher.qdiscs().matches(HANDLE).count(), 2);
    operator
}

async fn a_real_kernel_from_injection_to_rollback(shell: &[&str]) {
    let Some(launcher) = Launcher::start() else {
        return;
    };
    let before = launcher.qdiscs();
    let mut operator = injected(&launcher, shell, "60").await;
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
    let mut operator = injected(&launcher, shell, "1").await;
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
    let mut operator = injected(&launcher, shell, "60").await;
    operator.kill_agent().await;
    assert_eq!(operator.verdicts()[0][2], "lost-operator");
    assert_eq!(launcher.qdiscs(), before);
}

async fn a_real_launcher_gone(shell: &[&str]) {
    let Some(mut launcher) = Launcher::start() else {
        return;
    };
    let mut operator = injected(&launcher, shell, "60").await;
    launcher.kill();
    let gone = operator.wait("gone|restored|leaked", 1).await;
    assert_eq!(gone[0]["ev"], "gone");
    assert_eq!(operator.bye().await, 0);
}

async fn a_real_sweep(shell: &[&str]) {
    let Some(launcher) = Launcher::start() else {
        return;
    };
    let tbf = "tbf rate 1mbit burst 15kb latency 50ms";
    launcher.run(&format!("tc qdisc add dev eth0 root handle 8a31: {tbf}"));
    let before = launcher.qdiscs();
    launcher.run(&format!("tc qdisc add dev tap0 root handle {HANDLE} {tbf}"));
    assert_ne!(launcher.qdiscs(), before);
    let plan = format!(
        "vm 0 0a1b2c3d-0000-4000-8000-000000000000 {}\nsweep 0 tap0\nsweep 0 eth0\nsweep 0 tap9\n",
        launcher.id
    );
    let mut operator = launcher.start_agent(shell, &plan, &[]);
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

/// In the launcher's control group, first of a PID namespace, by a name that reads like the kernel's line: a network namespace
/// that anybody can make.
async fn a_real_decoy(shell: &[&str]) {
    let Some(mut launcher) = Launcher::start() else {
        return;
    };
    let decoy = launcher.start_decoy();
    let links_of_decoy = || {
        let said = std::process::Command::new("nsenter")
            .args(["-t", &decoy, "-n", "ip", "-d", "link"])
            .output();
        String::from_utf8(said.unwrap().stdout).unwrap()
    };
    assert!(links_of_decoy().contains("lo:"));
    let mut operator = launcher.start_agent(shell, &tbf_plan(&launcher, "60"), &[]);
    operator.injected().await;
    let found = operator.seen("found")[0]["pid"].to_string();
    assert!(found != "0" && found != decoy, "{found}");
    assert_eq!(launcher.qdiscs().matches(HANDLE).count(), 2);
    operator.say("rollback").await;
    operator.wait("restored", 1).await;
    assert_eq!(operator.bye().await, 0);
}

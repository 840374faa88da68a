//! Filters in a real kernel beside what is there already: other runs, other faults, other people's tables.

use serde_json::{Value, json};

use crate::launcher::Launcher;
use crate::real::tbf_plan;
use crate::real_filter::{FOREIGN, RULESET, ended, injected, launcher, plan};

crate::under_every_shell! {
    two_runs_on_one_device
    a_second_run
    a_foreign_table_on_the_device
    a_foreign_table_elsewhere
    a_foreign_table_put_there_meanwhile
    the_lock_of_another_run
    a_netem_and_a_filter
    a_filter_and_a_netem
    sweeping_every_run
    sweeping_one_run
}

async fn two_runs_on_one_device(shell: &[&str]) {
    let Some(launcher) = launcher() else { return };
    let mut winner = launcher.start_agent(shell, &plan(&launcher, "60"), &[]);
    winner.ready().await;
    let loser_plan = plan(&launcher, "60").replace("7a31:", "7b02:");
    let mut loser = launcher.start_agent(shell, &loser_plan, &[("VMCHAOS_RUN", "z9z9z9")]);
    loser.ready().await;
    winner.say("go").await;
    winner.wait("injected", 1).await;
    let kernel = launcher.run(RULESET);
    loser.say("go").await;
    assert_eq!(loser.wait("failed|injected", 1).await[0]["reason"], "apply");
    assert_eq!(loser.wait("restored|leaked", 1).await[0]["ev"], "restored");
    assert_eq!(loser.bye().await, 0);
    assert_eq!(launcher.run(RULESET), kernel, "the winner's tables are untouched");
    winner.say("rollback").await;
    ended(&launcher, &mut winner, "rollback").await;
}

/// The refusal of a run, which has changed nothing.
async fn refusal(launcher: &Launcher, shell: &[&str], env: &[(&str, &str)]) -> Value {
    let (kernel, qdiscs) = (launcher.run(RULESET), launcher.qdiscs());
    let mut operator = launcher.start_agent(shell, &plan(launcher, "60"), env);
    operator.say("hello 0").await;
    operator.say("arm").await;
    let refused = operator.wait("refused|ready", 1).await[0].clone();
    assert_eq!(operator.bye().await, 0);
    assert_eq!((launcher.run(RULESET), launcher.qdiscs()), (kernel, qdiscs));
    refused
}

async fn a_second_run(shell: &[&str]) {
    let Some(launcher) = launcher() else { return };
    let mut first = injected(&launcher, shell, "60").await;
    let refused = refusal(&launcher, shell, &[("VMCHAOS_RUN", "z9z9z9")]).await;
    assert_eq!(
        (&refused["reason"], &refused["device"]),
        (&json!("foreign-filter"), &json!("tap0"))
    );
    assert!(
        refused["detail"]
            .as_str()
            .unwrap()
            .contains("another run of this program")
    );
    assert!(refused["detail"].as_str().unwrap().contains("vmchaos_k3f9ab"));
    first.say("rollback").await;
    ended(&launcher, &mut first, "rollback").await;
}

async fn a_foreign_table_on_the_device(shell: &[&str]) {
    let Some(launcher) = launcher() else { return };
    launcher.run(&FOREIGN.replace("DEVICE", "tap0"));
    let refused = refusal(&launcher, shell, &[]).await;
    assert_eq!(
        (&refused["reason"], &refused["device"]),
        (&json!("foreign-filter"), &json!("tap0"))
    );
    assert!(refused["detail"].as_str().unwrap().contains("nft table foreign"));
}

async fn a_foreign_table_elsewhere(shell: &[&str]) {
    let Some(launcher) = launcher() else { return };
    launcher.run(&FOREIGN.replace("DEVICE", "k6t-eth0"));
    let kernel = launcher.run(RULESET);
    let mut operator = injected(&launcher, shell, "60").await;
    operator.say("rollback").await;
    let restored = operator.wait("restored|leaked", 1).await[0].clone();
    assert_eq!((&restored["ev"], restored.get("changed")), (&json!("restored"), None));
    assert_eq!(launcher.run(RULESET), kernel);
    assert_eq!(operator.bye().await, 0);
}

async fn a_foreign_table_put_there_meanwhile(shell: &[&str]) {
    let Some(launcher) = launcher() else { return };
    let mut operator = injected(&launcher, shell, "60").await;
    launcher.run(&FOREIGN.replace("DEVICE", "tap0"));
    operator.say("rollback").await;
    let restored = operator.wait("restored|leaked", 1).await[0].clone();
    assert_eq!(restored["changed"], "tap0 has the nft table foreign");
    assert!(launcher.run(RULESET).starts_with("table netdev foreign {"));
    assert!(!launcher.run(RULESET).contains("vmchaos"));
    assert_eq!(operator.bye().await, 0);
}

async fn the_lock_of_another_run(shell: &[&str]) {
    let Some(launcher) = launcher() else { return };
    let mut operator = injected(&launcher, shell, "60").await;
    // Somebody has removed the lock, and another run has taken it.
    launcher.run(
        "nft 'delete table netdev vmchaos_lock_tap0; create table netdev vmchaos_lock_tap0; \
         add chain netdev vmchaos_lock_tap0 vmchaos_z9z9z9'",
    );
    operator.say("rollback").await;
    assert_eq!(operator.wait("restored|leaked", 1).await[0]["ev"], "restored");
    let left = launcher.run(RULESET);
    assert!(left.contains("chain vmchaos_z9z9z9"), "{left}");
    assert!(!left.contains("vmchaos_k3f9ab"), "{left}");
    assert_eq!(operator.bye().await, 0);
}

async fn a_netem_and_a_filter(shell: &[&str]) {
    let Some(launcher) = launcher() else { return };
    let before = launcher.qdiscs();
    let mut tbf = launcher.start_agent(shell, &tbf_plan(&launcher, "60"), &[("VMCHAOS_RUN", "t9t9t9")]);
    tbf.injected().await;
    let both = launcher.qdiscs();
    let mut filter = injected(&launcher, shell, "60").await;
    tbf.say("rollback").await;
    assert!(tbf.wait("restored", 1).await[0].get("changed").is_none());
    assert_ne!(launcher.qdiscs(), both);
    assert_eq!(launcher.qdiscs(), before);
    assert!(launcher.run(RULESET).contains("vmchaos_k3f9ab"));
    filter.say("rollback").await;
    ended(&launcher, &mut filter, "rollback").await;
    assert_eq!(tbf.bye().await, 0);
}

async fn a_filter_and_a_netem(shell: &[&str]) {
    let Some(launcher) = launcher() else { return };
    let mut filter = injected(&launcher, shell, "60").await;
    let before = launcher.qdiscs();
    let mut tbf = launcher.start_agent(shell, &tbf_plan(&launcher, "60"), &[("VMCHAOS_RUN", "t9t9t9")]);
    tbf.injected().await;
    let both = launcher.qdiscs();
    assert_ne!(both, before);
    filter.say("rollback").await;
    ended(&launcher, &mut filter, "rollback").await;
    assert_eq!(launcher.qdiscs(), both);
    tbf.say("rollback").await;
    assert!(tbf.wait("restored", 1).await[0].get("changed").is_none());
    assert_eq!(launcher.qdiscs(), before);
    assert_eq!(tbf.bye().await, 0);
}

/// Two runs that nobody is left of, on two devices, and somebody else's table.
fn leftovers(launcher: &Launcher) {
    for (run, device) in [("k3f9ab", "tap0"), ("z9z9z9", "eth0")] {
        launcher.run(&format!(
            "nft 'create table netdev vmchaos_{run}; create table netdev vmchaos_lock_{device}; \
             add chain netdev vmchaos_lock_{device} vmchaos_{run}; add chain netdev vmchaos_{run} in_{device} {{ type \
             filter hook egress device \"{device}\" priority -500; policy accept; }}'"
        ));
    }
    launcher.run(&FOREIGN.replace("DEVICE", "tap0"));
    assert_eq!(launcher.run("nft list tables").lines().count(), 5);
}

async fn swept(launcher: &Launcher, shell: &[&str], handle: &str) -> (Value, String) {
    leftovers(launcher);
    let plan = format!(
        "vm 0 0a1b2c3d-0000-4000-8000-000000000000 {}\nsweep 0 tap0{handle}\nsweep 0 eth0{handle}\n",
        launcher.id
    );
    let mut operator = launcher.start_agent(shell, &plan, &[]);
    operator.say("hello 0").await;
    operator.wait("found", 1).await;
    operator.say("sweep").await;
    let swept = operator.wait("swept", 1).await[0].clone();
    assert_eq!(swept["left"], json!([]));
    assert_eq!(operator.bye().await, 0);
    (swept["removed"].clone(), launcher.run("nft list tables"))
}

async fn sweeping_every_run(shell: &[&str]) {
    let Some(launcher) = launcher() else { return };
    let (removed, left) = swept(&launcher, shell, "").await;
    assert_eq!(removed.as_array().unwrap().len(), 4, "{removed}");
    assert_eq!(left, "table netdev foreign\n");
}

async fn sweeping_one_run(shell: &[&str]) {
    let Some(launcher) = launcher() else { return };
    let (removed, left) = swept(&launcher, shell, " 7a31:").await;
    assert_eq!(removed, json!(["nft vmchaos_k3f9ab", "nft vmchaos_lock_tap0"]));
    assert_eq!(
        left.lines().collect::<Vec<_>>(),
        [
            "table netdev vmchaos_z9z9z9",
            "table netdev vmchaos_lock_eth0",
            "table netdev foreign"
        ]
    );
}

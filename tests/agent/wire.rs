//! The dialogue itself: numbering, replay, limits, and that whatever a tool prints stays one line of JSON.

use std::time::Duration;

use serde_json::Value;

use crate::rig::{Rig, plan};

crate::under_every_shell! {
    events_are_numbered_and_replayed
    a_partial_line_is_dropped
    words_nobody_knows_are_ignored
    words_out_of_turn_are_ignored
    nobody_says_hello
    what_tc_prints_is_escaped
    heartbeats_are_echoed
    thirty_vms_at_once
    the_termination_log_stays_short
}

async fn events_are_numbered_and_replayed(shell: &[&str]) {
    let rig = Rig::new(shell, 2);
    let mut operator = rig.injected(&plan(2, "60"), &[]).await;
    operator.say("rollback").await;
    operator.wait("end", 1).await;
    let all = operator.seen("hello|found|ready|injected|ending|restored|end");
    let numbers: Vec<u64> = all.iter().map(|event| event["s"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    operator.events.clear();
    operator.say("hello 5").await;
    let again = operator
        .wait("found|ready|injected|ending|restored|end", all.len() - 5)
        .await;
    assert_eq!(again, all[5..]);
    assert_eq!(operator.bye().await, 0);
}

async fn a_partial_line_is_dropped(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.armed(&plan(1, "60"), &[]).await;
    operator.write("go").await;
    operator.close();
    assert_eq!(operator.end().await, 0);
    assert!(operator.seen("injected").is_empty());
    assert_eq!(operator.seen("restored")[0]["held"], 0);
}

async fn words_nobody_knows_are_ignored(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.armed(&plan(1, "60"), &[]).await;
    for words in [
        "",
        "nonsense",
        "go 7",
        "go x",
        "arm -1",
        "rollback *",
        "hello x",
        "go $(id)",
        "rollback 99999999999999999999",
    ] {
        operator.say(words).await;
    }
    operator.say("hb").await;
    operator.wait("hb", 1).await;
    assert!(operator.seen("injected|restored").is_empty());
    assert_eq!(operator.bye().await, 0);
}

async fn words_out_of_turn_are_ignored(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.start(&plan(1, "60"), &[]);
    operator.say("hello 0").await;
    operator.wait("found", 1).await;
    for word in ["kill", "sweep", "hb"] {
        operator.say(word).await;
    }
    operator.wait("hb", 1).await;
    assert!(
        operator.seen("killed|swept|gone|refused").is_empty(),
        "the plan asks for neither"
    );
    for (out_of_turn, word, answer) in [("go", "arm", "ready"), ("arm", "go", "injected")] {
        operator.say(out_of_turn).await;
        operator.say(word).await;
        operator.wait(&format!("{answer}|refused"), 1).await;
    }
    for (beat, word) in ["go", "arm", "go 0", "arm 0"].iter().enumerate() {
        operator.say(word).await;
        operator.say("hb").await;
        operator.wait("hb", beat + 2).await;
    }
    assert!(operator.seen("refused|ending|restored|failed").is_empty());
    assert_eq!(rig.netems(0), 2);
    operator.say("rollback").await;
    operator.wait("end", 1).await;
    assert_eq!(operator.bye().await, 0);
    // A second keeper or sentinel would have had its say by now.
    assert!(operator.seen("refused|failed").is_empty());
    assert_eq!(operator.seen("restored").len(), 1);
}

async fn nobody_says_hello(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.start(&plan(1, "60"), &[("VMCHAOS_HELLO_LIMIT", "0.5")]);
    assert_eq!(operator.end().await, 0);
    assert_eq!(operator.seen("end").len(), 1);
}

async fn what_tc_prints_is_escaped(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    rig.replace_tool(
        "tc",
        "#!/bin/sh\ncase $* in *'-batch -') cat >/dev/null; printf 'a\\tb \"c\" d\\\\e \\303\\251\\nf' >&2; exit 1 ;; esac\nexec REAL \"$@\"\n",
    );
    let mut operator = rig.armed(&plan(1, "60"), &[]).await;
    operator.say("go").await;
    assert_eq!(operator.wait("failed", 1).await[0]["detail"], "a b \"c\" d\\e ?? f");
    operator.wait("restored", 1).await;
    assert_eq!(operator.bye().await, 0);
}

async fn heartbeats_are_echoed(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    let mut operator = rig.injected(&plan(1, "60"), &[("VMCHAOS_SILENCE", "1.5")]).await;
    let time = |event: &Value| event["t"].as_f64().unwrap();
    let injected = time(&operator.seen("injected")[0]);
    // Longer than the silence that ends a fault, by the node's clock.
    for beat in 1.. {
        operator.say("hb").await;
        if time(&operator.wait("hb", beat).await[beat - 1]) > injected + 2.5 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(operator.seen("ending").is_empty());
    assert_eq!(operator.bye().await, 0);
    assert_eq!(operator.seen("restored")[0]["by"], "rollback");
}

async fn thirty_vms_at_once(shell: &[&str]) {
    let rig = Rig::new(shell, 30);
    let mut operator = rig.injected(&plan(30, "60"), &[]).await;
    operator.say("rollback").await;
    operator.wait("restored", 30).await;
    assert_eq!(operator.bye().await, 0);
    rig.clean(&operator, 30).await;
}

async fn the_termination_log_stays_short(shell: &[&str]) {
    let rig = Rig::new(shell, 0);
    let mut operator = rig.start(&plan(150, "60"), &[]);
    operator.say("hello 0").await;
    operator.wait("refused", 150).await;
    assert_eq!(operator.bye().await, 0);
    let text = operator.agent.termination_message();
    assert!(text.len() <= 4096);
    let log: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        log["vms"].as_array().unwrap().len() as u64 + log["more"].as_u64().unwrap(),
        150
    );
}

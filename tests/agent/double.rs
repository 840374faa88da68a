//! The double says what the script says: the same dialogue with both, event by event.

use std::sync::Arc;

use serde_json::Value;
use vmchaos_rehearsal::double::DoubleNode;
use vmchaos_rehearsal::host::{Foreign, Node, Signal};
use vmchaos_rehearsal::script_node::ScriptNode;

use crate::rig::{Operator, launcher, plan, uid};

/// What differs between two runs of anything: times, and the machine.
fn essence(mut event: Value) -> Value {
    for name in ["t", "pid", "netns", "kernel", "tc", "shell"] {
        if let Some(object) = event.as_object_mut() {
            object.remove(name);
        }
    }
    if event["held"].is_f64() {
        event["held"] = "some time".into();
    }
    event.get_mut("read").into_iter().for_each(uncounted);
    event
}

/// What a kernel counts in rules and filters.
fn uncounted(read: &mut Value) {
    match read {
        Value::Array(items) => items.iter_mut().for_each(uncounted),
        Value::Object(fields) => {
            for (name, value) in fields {
                if ["packets", "bytes", "drops", "installed", "last_used"].contains(&name.as_str()) {
                    assert!(value.is_u64(), "{name}: {value}");
                    *value = 0.into();
                }
                uncounted(value);
            }
        }
        _ => {}
    }
}

fn nodes() -> [Arc<dyn Node>; 2] {
    [Arc::new(ScriptNode::new().unwrap()), Arc::new(DoubleNode::new())]
}

/// A step of a dialogue: what is said, and the events it is said after.
pub(crate) enum Step {
    Say(&'static str),
    Wait(&'static str),
    Close,
    Kill(Signal),
    Remove,
    /// Somebody else puts something on `tap0`.
    Put(Foreign),
}
pub(crate) use Step::{Close, Kill, Put, Remove, Say, Wait};

/// A fault is put in place, and then something happens.
pub(crate) fn held<const N: usize>(then: [Step; N]) -> Vec<Step> {
    let start = [Say("hello 0"), Say("arm"), Wait("ready"), Say("go"), Wait("injected")];
    start.into_iter().chain(then).collect()
}

/// Holds a dialogue about one VM with both and compares all they say, their exit codes and termination logs.
pub(crate) async fn same(plan: &str, steps: &[Step]) -> Vec<Value> {
    same_beside(None, plan, steps).await
}

/// The same while another run has its fault in place, which is rolled back at the end.
pub(crate) async fn same_beside(other: Option<&str>, plan: &str, steps: &[Step]) -> Vec<Value> {
    same_on(|_| {}, other, plan, steps).await
}

/// The same on nodes that were changed before.
pub(crate) async fn same_on(
    prepare: impl Fn(&dyn Node),
    other: Option<&str>,
    plan: &str,
    steps: &[Step],
) -> Vec<Value> {
    let mut said = Vec::new();
    for node in nodes() {
        node.add_pod(launcher(0));
        prepare(&*node);
        let mut live = None;
        if let Some(plan) = other {
            live = Some(injected(&*node, plan).await);
        }
        let mut operator = Operator::start(&*node, plan, &[]);
        for step in steps {
            match step {
                Say(words) => operator.say(words).await,
                Wait(kind) => drop(operator.wait(kind, 1).await),
                Close => operator.close(),
                Kill(signal) => operator.agent.kill(*signal),
                Remove => node.remove_pod(&uid(0)),
                Put(what) => node.put_foreign(&uid(0), "tap0", *what).unwrap(),
            }
        }
        let code = operator.end().await;
        let mut events: Vec<Value> = Vec::new();
        for event in operator
            .seen("hello|found|refused|ready|injected|failed|ending|restored|leaked|gone|swept|killed|hb|detached|end")
        {
            events.push(essence(event));
        }
        // After a kill the verdict is written by what outlives the container.
        let killed = steps.iter().any(|step| matches!(step, Kill(Signal::Kill)));
        for _ in 0..500 {
            if !killed || !operator.verdicts().is_empty() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let verdicts: Vec<Value> = operator
            .verdicts()
            .into_iter()
            .map(|mut verdict| {
                if verdict[3].is_f64() {
                    verdict[3] = "some time".into();
                }
                verdict
            })
            .collect();
        if let Some(live) = &mut live {
            live.say("rollback").await;
            for event in live.wait("ending|restored", 2).await {
                events.push(essence(event));
            }
            assert_eq!(live.bye().await, 0);
        }
        let log = operator.agent.termination_message();
        let armed = serde_json::from_str::<Value>(&log).unwrap()["armed"].clone();
        let kernel = (node.qdiscs(&uid(0)), node.filters(&uid(0)));
        said.push((events, code, verdicts, armed, kernel));
    }
    let double = said.pop().unwrap();
    let mut script = said.pop().unwrap();
    script.4.0.sort();
    for (script, double) in script.0.iter().zip(&double.0) {
        let texts = [script, double].map(|event| serde_json::to_string_pretty(event).unwrap());
        let differs = texts[0]
            .lines()
            .zip(texts[1].lines())
            .position(|(script, double)| script != double);
        let from = differs.unwrap_or_default().saturating_sub(10);
        let here = texts
            .each_ref()
            .map(|text| text.lines().skip(from).take(20).collect::<Vec<_>>().join("\n"));
        assert!(script == double, "script:\n{}\ndouble:\n{}", here[0], here[1]);
    }
    assert_eq!(script, double);
    script.0
}

#[tokio::test]
async fn rollback() {
    let events = same(
        &plan(1, "60"),
        &[
            Say("hello 0"),
            Wait("found"),
            Say("arm"),
            Wait("ready"),
            Say("go"),
            Wait("injected"),
            Say("hb"),
            Wait("hb"),
            Say("rollback"),
            Wait("end"),
            Say("bye"),
        ],
    )
    .await;
    assert_eq!(events.len(), 8);
}

/// A run whose fault is in place.
async fn injected(node: &dyn Node, plan: &str) -> Operator {
    let mut operator = Operator::start(node, plan, &[]);
    for (words, answer) in [("hello 0", "found"), ("arm", "ready"), ("go", "injected")] {
        operator.say(words).await;
        operator.wait(answer, 1).await;
    }
    operator
}

#[tokio::test]
async fn deadline() {
    same(
        &plan(1, "1"),
        &[
            Say("hello 0"),
            Say("arm"),
            Wait("ready"),
            Say("go"),
            Wait("restored"),
            Say("bye"),
        ],
    )
    .await;
}

#[tokio::test]
async fn end_of_file() {
    same(&plan(1, "60"), &held([Close])).await;
}

#[tokio::test]
async fn end_of_file_before_go() {
    same(&plan(1, "60"), &[Say("hello 0"), Say("arm"), Wait("ready"), Close]).await;
}

#[tokio::test]
async fn term() {
    same(&plan(1, "60"), &held([Kill(Signal::Term)])).await;
}

#[tokio::test]
async fn kill() {
    same(&plan(1, "60"), &held([Kill(Signal::Kill)])).await;
}

#[tokio::test]
async fn gone() {
    same(&plan(1, "60"), &held([Remove, Wait("end"), Say("bye")])).await;
}

#[tokio::test]
async fn detached() {
    same(&plan(1, "1"), &held([Say("detach"), Wait("detached"), Close])).await;
}

#[tokio::test]
async fn nothing_armed() {
    for last in [Say("bye"), Close, Kill(Signal::Term), Kill(Signal::Kill)] {
        same(&plan(1, "60"), &[Say("hello 0"), Wait("found"), last]).await;
    }
}

#[tokio::test]
async fn never_armed() {
    same(
        &plan(1, "60"),
        &[Say("hello 0"), Wait("found"), Say("arm"), Wait("ready"), Say("bye")],
    )
    .await;
}

#[tokio::test]
async fn refusals() {
    let good = plan(1, "60");
    let change = |from: &str, to: &str| good.replace(from, to);
    for bad in [
        change("tap 0 tap0 k6t-eth0", "tap 0 tap0 k6t-net1"),
        change("tap0", "tap9"),
        change("tap 0 tap0 k6t-eth0", "tap 0 tap0 k6t-eth0\ntap 0 eth0 -"),
        change("delay 100ms", "delay 100ms;"),
        change("hold 0 60", "hold 0 sixty"),
        change("own 0 qdisc tap0 7a31:", "own 0 qdisc tap0 8001:"),
        change("0a1b2c3d", "ffffffff").replace("abc000", "abcfff"),
    ] {
        let events = same(&bad, &[Say("hello 0"), Wait("refused"), Say("arm"), Say("bye")]).await;
        assert!(events.iter().any(|event| event["ev"] == "refused"), "{events:#?}");
    }
}

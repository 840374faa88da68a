//! The double sweeps as the script does.

use serde_json::json;

use crate::double::{Remove, Say, Step, Wait, same, same_beside};
use crate::rig::{plan, uid};

const SWEEP: [Step; 7] = [
    Say("hello 0"),
    Wait("found"),
    Say("arm"),
    Say("go"),
    Say("sweep"),
    Wait("end"),
    Say("bye"),
];

fn sweep_plan(handle: &str) -> String {
    format!(
        "vm 0 {} -\nsweep 0 tap0{handle}\nsweep 0 eth0{handle}\nsweep 0 tap9{handle}\n",
        uid(0)
    )
}

#[tokio::test]
async fn sweep_of_nothing() {
    let events = same(&sweep_plan(""), &SWEEP).await;
    assert_eq!(
        events[2],
        json!({"s": 3, "ev": "swept", "vm": 0, "removed": [], "left": []})
    );
}

#[tokio::test]
async fn sweep_of_a_live_fault() {
    for handle in ["", " 7a31:"] {
        let events = same_beside(Some(&plan(1, "60")), &sweep_plan(handle), &SWEEP).await;
        assert_eq!(events[2]["removed"], json!(["eth0 netem 7a31:", "tap0 netem 7a31:"]));
    }
}

#[tokio::test]
async fn sweep_for_another_run() {
    let events = same_beside(Some(&plan(1, "60")), &sweep_plan(" 7a32:"), &SWEEP).await;
    assert_eq!(events[2]["removed"], json!([]));
}

#[tokio::test]
async fn sweep_of_a_vm_that_went_meanwhile() {
    let events = same(
        &sweep_plan(""),
        &[
            Say("hello 0"),
            Wait("found"),
            Remove,
            Say("sweep"),
            Wait("end"),
            Say("bye"),
        ],
    )
    .await;
    assert_eq!((&events[2]["ev"], &events[3]["gone"]), (&json!("gone"), &json!(1)));
}

#[tokio::test]
async fn sweep_by_a_plan_that_is_not_taken() {
    for bad in [
        plan(1, "60") + "sweep 0 tap0\n",
        sweep_plan("") + "hold 0 60\n",
        sweep_plan(" 8001:"),
        sweep_plan(" 7a31: 7a32:"),
    ] {
        let events = same(&bad, &[Say("hello 0"), Wait("refused"), Say("sweep"), Say("bye")]).await;
        assert_eq!(events[1]["reason"], "plan");
    }
}

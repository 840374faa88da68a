//! The double kills a guest as the script does.

use crate::double::{Say, Step, Wait, same};
use crate::rig::{plan, uid};

const KILL: [Step; 7] = [
    Say("hello 0"),
    Wait("found"),
    Say("arm"),
    Say("kill"),
    Say("kill"),
    Wait("end"),
    Say("bye"),
];

#[tokio::test]
async fn kill() {
    let events = same(&format!("vm 0 {} -\nkill 0\n", uid(0)), &KILL).await;
    assert_eq!(events[2]["ev"], "killed");
}

#[tokio::test]
async fn kill_by_a_plan_that_is_not_taken() {
    let alone = format!("vm 0 {} -\nkill 0\n", uid(0));
    for bad in [
        plan(1, "60") + "kill 0\n",
        alone.clone() + "hold 0 60\n",
        alone.clone() + "sweep 0 tap0\n",
        alone.replace("kill 0", "kill 0 9"),
    ] {
        let events = same(&bad, &[Say("hello 0"), Wait("refused"), Say("kill"), Say("bye")]).await;
        assert_eq!(events[1]["reason"], "plan");
    }
}

//! Whatever ends a game day, everything is back.

use super::{Day, outcomes};

const TWO: &str = "
  steps:
    - name: both
      parallel:
        - {name: slow, netem: {vms: [web-1], latency: 10ms, duration: 1h}}
        - {name: cut, filter: {vms: [web-2], preset: dns, duration: 1h}}
    - {name: never, netem: {vms: [web-3], latency: 10ms}}
";

#[test]
fn a_signal_rolls_all_back_and_skips_the_rest() {
    for name in ["INT", "TERM", "HUP"] {
        let day = Day::new(TWO);
        let mut running = day.spawn(&["--yes", "-o", "json"]);
        running.wait_for("slow  default/web-1  injected");
        running.signal(name);
        let document = running.end().expect(130).json();
        assert_eq!(document["outcome"], "interrupted");
        let ended: Vec<_> = outcomes(&document).into_iter().map(|(_, runs)| runs.len()).collect();
        assert_eq!(ended, [1, 1, 0], "{name}");
        assert_eq!(document.get("verdict"), None);
        day.is_clean(&["web-1", "web-2", "web-3"]);
    }
}

#[test]
fn a_killed_game_day_leaves_nothing() {
    let day = Day::new(TWO);
    let mut running = day.spawn(&["--yes"]);
    running.wait_for("slow  default/web-1  injected");
    running.signal("KILL");
    running.end();
    day.rehearsal.until("nothing of it is left", |rehearsal| {
        let pods = rehearsal.debug_pods();
        let clean = rehearsal.ours("default", "web-1").is_empty();
        clean && !pods.is_empty() && pods.iter().all(|(_, phase)| phase == "Succeeded")
    });
}

#[test]
fn a_signal_while_it_waits_ends_it() {
    let day = Day::new(
        "\n  steps:\n    - {name: long, wait: 1h}\n    - {name: never, netem: {vms: [web-1], latency: 10ms}}\n",
    );
    let mut running = day.spawn(&["--yes", "-o", "json"]);
    running.wait_for("long: waits for 3600s");
    running.signal("INT");
    let document = running.end().expect(130).json();
    assert_eq!(outcomes(&document)[0].1, Vec::<String>::new());
    assert_eq!(day.rehearsal.writes(), Vec::<String>::new());
}

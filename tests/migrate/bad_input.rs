//! Command lines that are wrong by themselves: exit 2, and the cluster hears nothing.

use super::cluster;

#[test]
fn flags_that_do_not_go_together() {
    let rehearsal = cluster();
    for (line, says) in [
        (
            "--interval-min 10m --interval-max 5m --rounds 2",
            "--interval-min 600s is more than --interval-max 300s",
        ),
        (
            "--rounds 2 --interval-max 1m",
            "--interval-min 120s is more than --interval-max 60s",
        ),
        (
            "--interval-min 1s",
            "an interval has no meaning for one VM that is migrated once",
        ),
        (
            "--rounds 2 --duration 1h",
            "--rounds 2 and --duration 3600s contradict each other",
        ),
        ("--parallel 0", "--parallel 0 would migrate nothing"),
        ("--parallel 2", "--parallel 2 is more than the one VM that is named"),
        ("--timeout 0", "--timeout 0 would cancel every migration at once"),
        ("--timeout 0s", "--timeout 0 would cancel"),
        ("--to-node a --node-selector b=c", "contradict each other"),
        ("--node-selector zone=a,zone=b", "two values for zone"),
        ("--node-selector zone", "not a node label as KEY=VALUE"),
        ("--node-selector=-x=y", "not a node label as KEY=VALUE"),
        ("--rounds -1", "a count cannot be negative"),
        ("--duration 1x", "--duration"),
        ("--interval-max 200h", "longer than a week"),
    ] {
        let args: Vec<&str> = ["migrate", "web-1"].into_iter().chain(line.split(' ')).collect();
        let ended = rehearsal.run(&args).expect(2);
        assert!(ended.err.contains(says), "{line}:\n{}", ended.err);
    }
    assert_eq!(rehearsal.practice.requests().len(), 0);
}

#[test]
fn empty_values_are_as_good_as_none() {
    let rehearsal = cluster();
    let args = [
        "migrate",
        "web-1",
        "--rounds",
        "",
        "--to-node",
        "",
        "--node-selector",
        "",
        "--timeout",
        "",
        "--dry-run",
    ];
    rehearsal
        .run(&args)
        .expect(0)
        .says(&["migrate: every VM once", "cancelled after 300s"]);
}

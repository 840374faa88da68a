//! Command lines that are wrong by themselves: exit 2, and nothing is asked of the cluster.

use super::{YES, quick, with};

#[test]
fn flags_that_mean_nothing_together_are_refused_with_the_fix() {
    let rehearsal = quick();
    let cases: [(&[&str], &str); 17] = [
        (&["--grace-period", "5"], "use --mode kill"),
        (
            &["--mode", "stop", "--grace-period", "5s"],
            "'--grace-period <S>': not a whole number; try `5`",
        ),
        (&["--mode", "stop", "--grace-period", "1.5m"], "try `90`"),
        (&["--mode", "pod", "--grace-period", "soon"], "try `30`"),
        (
            &["--mode", "pod", "--grace-period", "-1"],
            "cannot be negative; try `1`",
        ),
        (&["--mode", "pause", "--grace-period", "5"], "no guest is shut down"),
        (&["--mode", "reset", "--grace-period", "5"], "no guest is shut down"),
        (&["--mode", "reset", "--duration", "5s"], "--timeout limits how long"),
        (
            &["--mode", "reset", "--duration", "5s"],
            "--duration 5s means nothing to --mode reset",
        ),
        (
            &["--mode", "pause", "--no-recover"],
            "--no-recover contradicts --mode pause",
        ),
        (
            &["--mode", "stop", "--no-recover"],
            "--no-recover contradicts --mode stop",
        ),
        (&["--no-recover", "--disable-auto-restart"], "contradict each other"),
        (
            &["--mode", "pause", "--disable-auto-restart"],
            "nothing restarts by itself",
        ),
        (
            &["--mode", "stop", "--disable-auto-restart"],
            "nothing restarts by itself",
        ),
        (&["--mode", "crash"], "possible values: delete"),
        (&["-f", "file.yaml"], "files are for `kubectl vmchaos run`"),
        (&["--target", "web-.*"], "names and --target do not go together"),
    ];
    for (flags, says) in cases {
        let ended = rehearsal.run(&with(&["outage", "web-1", YES], flags)).expect(2);
        assert!(ended.err.contains(says), "{flags:?}: {}", ended.err);
        assert_eq!(ended.out, "");
    }
    assert_eq!(rehearsal.practice.requests().len(), 0);
}

#[test]
fn empty_and_zero_mean_not_asked_for() {
    let rehearsal = quick();
    let args = [
        "outage",
        "web-1",
        "--mode",
        "",
        "--duration",
        "0",
        "--timeout",
        "",
        "--grace-period",
        "",
        "--dry-run",
        "-o",
        "json",
    ];
    let fault = rehearsal.run(&args).expect(0).json()["fault"].clone();
    assert_eq!(
        (&fault["mode"], &fault["duration"], &fault["timeout"]),
        (&"delete".into(), &"60s".into(), &"300s".into())
    );
}

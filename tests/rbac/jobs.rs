//! What each command is for, done with its role alone.

use std::time::Duration;

use vmchaos_rehearsal::{AgentKind, Answer, Options, Rule};

use super::proof::{Job, job, proves};
use crate::support::Rehearsal;

/// A cluster on which everything is quick.
pub(crate) fn quick() -> Rehearsal {
    with_migrations(Duration::from_millis(20))
}

/// The same, where each step of a migration and of its end takes this long.
fn with_migrations(step: Duration) -> Rehearsal {
    Rehearsal::with(Options {
        guest: Duration::from_millis(50),
        pod_start: Duration::from_millis(20),
        running_lag: Duration::ZERO,
        migration_step: step,
        agent: AgentKind::Double,
        ..Options::default()
    })
}

#[test]
fn list() {
    let absent = Job {
        code: 4,
        ..job(&["list", "nobody"])
    };
    proves("list", &quick(), &[job(&["list"]), job(&["list", "web-1"]), absent]);
}

#[test]
fn status() {
    let watched = Job {
        watches: Some(5),
        code: 130,
        ..job(&["status", "--watch"])
    };
    proves("status", &quick(), &[job(&["status"]), watched]);
}

#[test]
fn netem() {
    const ONE: &[&str] = &["netem", "web-1", "--latency", "20ms", "--duration", "1s", "-y"];
    on_packets(
        "netem",
        ONE,
        &["netem", "-l", "app=web", "--latency", "20ms", "--duration", "1s", "-y"],
    );
}

#[test]
fn filter() {
    const ONE: &[&str] = &["filter", "web-1", "--ports", "53", "--duration", "1s", "-y"];
    on_packets(
        "filter",
        ONE,
        &["filter", "-l", "app=web", "--ports", "53", "--duration", "1s", "-y"],
    );
}

/// The answer to the creation of the next debug pod gets lost.
fn lose_the_pods_reply(rehearsal: &Rehearsal) {
    let lost = Rule::new("create", "namespaces/kubevirt/pods$", Answer::LoseReply).unwrap();
    // A dry run comes first.
    rehearsal.practice.fail(lost.after(1));
}

/// One by name, one of many, one whose pod's creation is not answered, and one that is not there.
fn on_packets(command: &'static str, one: &'static [&'static str], matched: &'static [&'static str]) {
    let lost = Job {
        before: lose_the_pods_reply,
        ..job(one)
    };
    let absent: &[&str] = match command {
        "netem" => &["netem", "nobody", "--latency", "20ms"],
        _ => &["filter", "nobody", "--ports", "53"],
    };
    let absent = Job { code: 4, ..job(absent) };
    proves(command, &quick(), &[job(one), job(matched), lost, absent]);
}

#[test]
fn migrate() {
    let cancelled = Job {
        before: |rehearsal| rehearsal.practice.stick_migrations("default", "web-1", Some("Running")),
        code: 5,
        ..job(&["migrate", "web-1", "--timeout", "1s", "-y"])
    };
    let absent = Job {
        code: 4,
        ..job(&["migrate", "nobody"])
    };
    let moved = Job {
        before: |rehearsal| rehearsal.practice.stick_migrations("default", "web-1", None),
        ..job(&["migrate", "-l", "app=web", "-y"])
    };
    proves(
        "migrate",
        &quick(),
        &[moved, job(&["migrate", "web-2", "-y"]), cancelled, absent],
    );
}

#[test]
fn outage() {
    const YES: &str = "--yes=vmchaos-rehearsal";
    let jobs = [
        job(&["outage", "web-1", YES, "--duration", "1s"]),
        job(&["outage", "-n", "default", "--target", ".*", "--all", "--dry-run"]),
        job(&["outage", "web-1", YES, "--duration", "1s", "--disable-auto-restart"]),
        job(&["outage", "web-1", YES, "--duration", "1s", "--mode", "pause"]),
        job(&["outage", "web-1", YES, "--duration", "1s", "--mode", "stop"]),
        job(&["outage", "web-1", YES, "--mode", "reset"]),
        job(&["outage", "web-1", YES, "--duration", "1s", "--mode", "pod"]),
        job(&["outage", "web-1", YES, "--duration", "1s", "--mode", "kill"]),
        Job {
            before: lose_the_pods_reply,
            ..job(&["outage", "web-1", YES, "--duration", "1s", "--mode", "kill"])
        },
        job(&["outage", "vmi/lone-1/lab", YES, "--duration", "1s"]),
        job(&["outage", "vmi/lone-1/lab", YES, "--duration", "1s", "--mode", "pause"]),
        Job {
            code: 4,
            ..job(&["outage", "nobody"])
        },
    ];
    proves("outage", &quick(), &jobs);
}

#[test]
fn halt() {
    /// A run whose command is gone in the middle of it.
    fn lost(rehearsal: &Rehearsal, args: &[&str]) {
        let mut run = rehearsal.spawn(args);
        run.wait_for("injected");
        run.signal("KILL");
        run.end();
    }
    const ALL: &[&str] = &["halt", "--all", "-y"];
    const YES: &str = "--yes=vmchaos-rehearsal";
    let jobs = [
        Job {
            before: |rehearsal| {
                let fault = [
                    "netem",
                    "web-1",
                    "--latency",
                    "20ms",
                    "--duration",
                    "10m",
                    "-y",
                    "--detach",
                ];
                rehearsal.run(&fault).expect(0);
            },
            ..job(ALL)
        },
        job(&["halt", "vmi/web-1", "-y"]),
        Job {
            before: lose_the_pods_reply,
            ..job(&["halt", "vmi/web-1", "-y"])
        },
        // One that nothing of is left but Events, if anything.
        job(&["halt", "zzzzzz"]),
        Job {
            before: |rehearsal| {
                rehearsal.practice.stick_migrations("default", "web-1", Some("Running"));
                let mut run = rehearsal.spawn(&["migrate", "web-1", "-y"]);
                run.wait_for("Running");
                run.signal("KILL");
                run.end();
            },
            ..job(ALL)
        },
        Job {
            before: |rehearsal| {
                lost(
                    rehearsal,
                    &["outage", "web-2", YES, "--duration", "10m", "--mode", "pause"],
                );
            },
            ..job(ALL)
        },
        Job {
            before: |rehearsal| {
                lost(
                    rehearsal,
                    &["outage", "cache-1", YES, "--duration", "10m", "--mode", "stop"],
                );
            },
            ..job(ALL)
        },
        Job {
            before: |rehearsal| {
                let pause = ["outage", "vmi/lone-1/lab", YES, "--duration", "10m", "--mode", "pause"];
                lost(rehearsal, &pause);
            },
            ..job(ALL)
        },
    ];
    proves("halt", &with_migrations(Duration::from_millis(300)), &jobs);
}

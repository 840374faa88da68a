//! The steady state: before, during and after; and the abort.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::Value;

use super::Day;

/// A web server that answers well as long as it is told to.
struct Web {
    url: String,
    well: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Web {
    /// `body` is what it answers.
    fn new(body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let web = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            well: Arc::new(AtomicBool::new(true)),
            asked: Arc::default(),
        };
        let (well, asked) = (Arc::clone(&web.well), Arc::clone(&web.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let (well, asked) = (Arc::clone(&well), Arc::clone(&asked));
                std::thread::spawn(move || {
                    let mut bytes = [0; 4096];
                    while stream.read(&mut bytes).is_ok_and(|read| read > 0) {
                        asked.fetch_add(1, Ordering::SeqCst);
                        let status = if well.load(Ordering::SeqCst) {
                            "200 OK"
                        } else {
                            "503 Service Unavailable"
                        };
                        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                        if stream.write_all(answer.as_bytes()).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        web
    }

    fn fail(&self) {
        self.well.store(false, Ordering::SeqCst);
    }
}

fn day(check: &str, abort: &str, duration: &str) -> Day {
    Day::new(&format!(
        "
  hypothesis: It stays up.
  steadyState: [{{name: it, every: 100ms, {check}}}]
  {abort}
  steps:
    - {{name: slow, netem: {{vms: [web-1], latency: 10ms, duration: {duration}}}}}
    - {{name: never, netem: {{vms: [web-2], latency: 10ms, duration: {duration}}}}}
"
    ))
}

fn phases(document: &Value) -> Vec<String> {
    let samples = document["checks"][0]["samples"].as_array().unwrap();
    let mut phases: Vec<String> = samples
        .iter()
        .map(|sample| sample["phase"].as_str().unwrap().to_owned())
        .collect();
    phases.dedup();
    phases
}

#[test]
fn a_hypothesis_that_holds_is_said_to() {
    let web = Web::new("fine");
    let day = day(
        &format!("http: {{url: '{}/x', contains: fine}}", web.url),
        "abort: {after: 3, of: 5}",
        "500ms",
    );
    let document = day.document(&[], 0);
    assert_eq!(document["verdict"], "held");
    assert_eq!(phases(&document), ["before", "during", "after"]);
    assert_eq!(document["checks"][0]["failed"], 0);
}

#[test]
fn without_a_steady_state_nothing_is_done() {
    let web = Web::new("fine");
    web.fail();
    let day = day(&format!("http: {{url: '{}'}}", web.url), "", "1s");
    let ended = day.run(&["--yes", "-o", "json"]).expect(4);
    let ended = ended.says(&["the steady state is not there, and nothing was done: it: status 503"]);
    assert_eq!(ended.json()["error"]["reason"], "steady-state");
    assert_eq!(day.rehearsal.writes(), Vec::<String>::new());
}

#[test]
fn too_many_failed_looks_roll_everything_back_at_once() {
    let web = Web::new("fine");
    let day = day(
        &format!("http: {{url: '{}'}}", web.url),
        "abort: {after: 3, of: 5}",
        "1h",
    );
    let mut running = day.spawn(&["--yes", "-o", "json"]);
    running.wait_for("slow  default/web-1  injected");
    web.fail();
    let ended = running.end().expect(6).says(&[
        "check it failed: status 503",
        "abort: check it failed too often",
        "aborted by check it (status 503",
    ]);
    let document = ended.json();
    assert_eq!(
        (&document["verdict"], &document["outcome"]),
        (&"aborted".into(), &"refuted".into())
    );
    assert_eq!(document["abort"]["check"], "it");
    assert!(document["abort"]["restoredAfter"].as_f64().is_some());
    assert_eq!(document["steps"][1]["runs"].as_array().unwrap().len(), 0);
    day.is_clean(&["web-1", "web-2"]);
}

#[test]
fn without_an_abort_a_failed_look_refutes_and_ends_nothing() {
    let web = Web::new("fine");
    let day = day(&format!("http: {{url: '{}'}}", web.url), "", "700ms");
    let mut running = day.spawn(&["--yes", "-o", "json"]);
    running.wait_for("slow  default/web-1  injected");
    web.fail();
    running.wait_for("check it failed");
    web.well.store(true, Ordering::SeqCst);
    let document = running.end().expect(6).json();
    assert_eq!(document["verdict"], "refuted");
    assert_eq!(document["steps"][1]["runs"][0]["outcome"], "completed");
}

#[test]
fn prometheus_is_asked_and_its_values_are_held_to_their_bounds() {
    let good = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"0.001"]}]}}"#;
    let web = Web::new(good);
    let check = |bound: &str| format!("prometheus: {{url: '{}', query: 'rate(errors[1m])', {bound}}}", web.url);
    let held = day(&check("below: 0.01"), "", "300ms").document(&[], 0);
    assert_eq!(held["checks"][0]["samples"][0]["value"], 0.001);
    day(&check("above: 0.01"), "", "300ms")
        .run(&["--yes"])
        .expect(4)
        .says(&["it: 0.001 is not above 0.01"]);
    assert!(web.asked.load(Ordering::SeqCst) > 3);
}

#[test]
fn a_condition_of_a_vmi_is_watched() {
    let check = "condition: {vm: web-1, type: LiveMigratable, status: 'True'}";
    let day = day(check, "abort: {after: 1}", "1h");
    let mut running = day.spawn(&["--yes", "-o", "json"]);
    running.wait_for("slow  default/web-1  injected");
    day.rehearsal
        .practice
        .edit("VirtualMachineInstance", "default", "web-1", |vmi| {
            let conditions = vmi["status"]["conditions"].as_array_mut().unwrap();
            for condition in conditions.iter_mut().filter(|it| it["type"] == "LiveMigratable") {
                condition["status"] = "False".into();
            }
        });
    running.end().expect(6).says(&[
        "abort: check it failed too often",
        "LiveMigratable of vmi default/web-1 is False",
    ]);
    let gets = day.rehearsal.practice.requests().into_iter();
    let polls = gets
        .filter(|it| it.method == "GET" && it.path.ends_with("virtualmachineinstances/web-1"))
        .count();
    assert!(polls < 5, "{polls}");
}

#[test]
fn programs_of_a_file_need_more_than_a_yes() {
    let day = day("command: [/bin/sh, -c, 'test ! -e stop']", "abort: {after: 1}", "1h");
    day.run(&["--yes"]).expect(4).says(&[
        "The file runs a program on this machine, as you, and --yes does not allow that",
        "--allow-commands",
    ]);
    day.run(&["--yes=vmchaos-rehearsal"])
        .expect(4)
        .says(&["--allow-commands"]);
    assert_eq!(day.rehearsal.writes(), Vec::<String>::new());
    let mut running = day.spawn(&["--yes", "--allow-commands", "-o", "json"]);
    running.wait_for("slow  default/web-1  injected");
    std::fs::write(day.folder.path().join("stop"), "").unwrap();
    running
        .end()
        .expect(6)
        .says(&["abort: check it failed too often", "/bin/sh ended with exit status: 1"]);
    day.is_clean(&["web-1"]);
}

#[test]
fn secrets_come_from_outside_and_are_in_no_report() {
    let web = Web::new("fine");
    let check = format!(
        "http: {{url: '{}', headers: {{Authorization: 'env:THE_TOKEN'}}}}",
        web.url
    );
    let day = day(&check, "", "300ms");
    day.run(&["--yes"])
        .expect(4)
        .says(&["header Authorization: the environment has no THE_TOKEN"]);
    let args = day.args(&["--yes", "-o", "json"]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut command = day.rehearsal.command(&args);
    command.env("THE_TOKEN", "s3cr3t-value");
    let ended = crate::support::Running::start(command).end().expect(0);
    assert!(
        !ended.out.contains("s3cr3t") && !ended.err.contains("s3cr3t"),
        "{}{}",
        ended.out,
        ended.err
    );
}

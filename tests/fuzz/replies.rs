//! Answers of an API server that is not one: those of the practice cluster, changed here and there, and given to the binary.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kubectl_vmchaos::testing::cluster::{Cluster, Connection};
use kubectl_vmchaos::testing::escape::is_dangerous;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseResult;
use serde_json::{Value, json};

use super::campaign::holds;
use super::mutate::{Changes, changes};
use crate::support::http::{Answer, Recorded, Server};
use crate::support::{Ended, Rehearsal};

/// What the server does to one of its answers.
#[derive(Debug, Clone)]
enum Spoil {
    /// Of the document.
    Change(Changes),
    /// Another status, the document beside it.
    Status(u16),
    /// Something that is not the document at all.
    Instead(Value),
    Drop,
}

fn spoil() -> impl Strategy<Value = Spoil> {
    prop_oneof![
        12 => changes(6).prop_map(Spoil::Change),
        1 => select(vec![201_u16, 204, 302, 400, 401, 403, 404, 409, 410, 422, 500]).prop_map(Spoil::Status),
        1 => select(vec![json!(null), json!([]), json!("\u{1b}[2J"), json!({"kind": "Status", "code": -1})]).prop_map(Spoil::Instead),
        1 => Just(Spoil::Drop),
    ]
}

/// Which answers are spoilt, and how; and how many were given so far.
type Lies = (Vec<(Index, Spoil)>, usize);

/// Stands between the binary and a practice cluster.
struct Liar {
    server: Server,
    /// Which answers are spoilt, and how; the others are passed on.
    plan: Arc<Mutex<Lies>>,
}

/// So many answers of a command may be spoilt.
const ANSWERS: usize = 16;

impl Liar {
    fn before(rehearsal: &Rehearsal) -> Self {
        let connection = Connection {
            kubeconfig: Some(rehearsal.practice.kubeconfig().to_owned()),
            ..Connection::default()
        };
        let plan: Arc<Mutex<Lies>> = Arc::default();
        let known = plan.clone();
        let server = rehearsal.runtime.block_on(async {
            let cluster = Cluster::connect(&connection, Arc::new(|_: &str| {})).await.unwrap();
            Server::start(move |request| {
                let number = {
                    let mut plan = known.lock().unwrap();
                    plan.1 += 1;
                    plan.1
                };
                let (code, body) = truth(&cluster, request);
                let plan = known.lock().unwrap();
                let spoils = plan.0.iter().filter(|(at, _)| at.index(ANSWERS) == number % ANSWERS);
                spoils.fold(Answer::Json(code, body), |answer, (_, spoil)| spoilt(answer, spoil))
            })
            .await
        });
        Self { server, plan }
    }
}

fn spoilt(answer: Answer, spoil: &Spoil) -> Answer {
    let Answer::Json(code, mut body) = answer else {
        return answer;
    };
    match spoil {
        Spoil::Change(changes) => {
            changes.make(&mut body);
            Answer::Json(code, body)
        }
        Spoil::Status(code) => Answer::Json(*code, body),
        Spoil::Instead(other) => Answer::Json(code, other.clone()),
        Spoil::Drop => Answer::Drop,
    }
}

/// What the practice cluster says; a watch is the list, once.
fn truth(cluster: &Cluster, request: &Recorded) -> (u16, Value) {
    let query = request.query.replace("watch=true", "watch=false");
    let mut asked = http::Request::builder()
        .method(request.method.as_str())
        .uri(format!("{}?{query}", request.path));
    for name in ["content-type", "accept"] {
        if let Some(value) = request.header(name) {
            asked = asked.header(name, value);
        }
    }
    let body = if request.body.is_null() {
        Vec::new()
    } else {
        request.body.to_string().into_bytes()
    };
    let Ok(asked) = asked.body(body) else {
        return (400, json!({}));
    };
    let answer = tokio::task::block_in_place(|| {
        tokio::runtime::Handle::current().block_on(cluster.client.request::<Value>(asked))
    });
    match answer {
        Ok(body) => (200, body),
        Err(kube::Error::Api(status)) => (status.code, serde_json::to_value(&*status).unwrap_or_default()),
        Err(_) => (500, json!({})),
    }
}

/// Runs a command to its end; one that takes longer than `limit` hangs.
pub(crate) fn run(mut command: Command, limit: Duration) -> Result<Ended, TestCaseError> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let out = std::thread::spawn(move || {
        let mut text = Vec::new();
        out.read_to_end(&mut text).map(|_| text)
    });
    let err = std::thread::spawn(move || {
        let mut text = Vec::new();
        err.read_to_end(&mut text).map(|_| text)
    });
    let begun = Instant::now();
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status.code());
        }
        if begun.elapsed() > limit {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let text =
        |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|error| TestCaseError::fail(format!("not UTF-8: {error}")));
    let (out, err) = (text(out.join().unwrap().unwrap())?, text(err.join().unwrap().unwrap())?);
    match code {
        Some(code) => Ok(Ended { code, out, err }),
        None => Err(TestCaseError::fail(format!("it hangs; until then:\n{out}\n{err}"))),
    }
}

/// A code of the contract, no defect, and nothing that steers a terminal; in JSON the marks of direction are data.
pub(crate) fn ends_well(ended: &Ended, json: bool) -> TestCaseResult {
    let told = || format!("{:?}\n{}\n{}", ended.code, ended.out, ended.err);
    prop_assert!(
        ended.code.is_some_and(|code| [0, 1, 2, 3, 4, 5, 130].contains(&code)),
        "{}",
        told()
    );
    prop_assert!(
        !ended.err.contains("this is a defect") && !ended.err.contains("panicked"),
        "{}",
        told()
    );
    let steers = |c: char| c != '\n' && is_dangerous(c);
    prop_assert!(!ended.err.contains(steers), "{:?}", ended.err);
    let steers = |c: char| c != '\n' && if json { c.is_control() } else { is_dangerous(c) };
    prop_assert!(!ended.out.contains(steers), "{:?}", ended.out);
    Ok(())
}

const READS: [&[&str]; 12] = [
    &["list"],
    &["list", "-A", "-o", "json"],
    &["status"],
    &["status", "-o", "yaml"],
    &["check", "netem"],
    &["halt", "--all", "--dry-run"],
    &["halt", "k3f9ab", "vmi/web-1", "-y"],
    &["netem", "web-1", "--latency", "20ms", "--dry-run"],
    &[
        "netem",
        "--target",
        ".*",
        "--all",
        "--latency",
        "20ms",
        "--dry-run=server",
        "-o",
        "json",
    ],
    &["filter", "-l", "app=web", "--ports", "53", "--dry-run"],
    &["migrate", "--target", ".*", "--dry-run"],
    &["outage", "web-1", "--mode", "stop", "--dry-run=server"],
];

#[test]
fn answers_that_no_server_gives_end_a_command_in_words() {
    let rehearsal = Rehearsal::new();
    // Something to see for status and halt.
    let undo = json!({"run": "k3f9ab", "mode": "stop", "at": "2026-11-20T12:00:00.000Z", "duration": "60s", "vmi": "web-2",
        "strategy": {"before": {"runStrategy": "Always"}, "during": {"runStrategy": "Halted"}}});
    rehearsal.practice.edit("VirtualMachine", "default", "web-2", |vm| {
        vm["metadata"]["annotations"]["vmchaos.dev/undo"] = json!(undo.to_string());
        vm["metadata"]["labels"]["vmchaos.dev/run"] = json!("k3f9ab");
    });
    let liar = Liar::before(&rehearsal);
    let kubeconfig = liar.server.kubeconfig();
    let spoils = proptest::collection::vec((any::<Index>(), spoil()), 1..4);
    holds(48, &(select(&READS[..]), spoils), |(words, spoils)| {
        *liar.plan.lock().unwrap() = (spoils, 0);
        let mut command = rehearsal.command(words);
        command.env("KUBECONFIG", &kubeconfig);
        // A server that stalls has a limit of its own.
        command.args(["--request-timeout", "10s"]);
        let ended = run(command, Duration::from_secs(90))?;
        ends_well(&ended, words.contains(&"json"))
    });
}

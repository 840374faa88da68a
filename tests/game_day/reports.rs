//! A game day is kept in every form of a report, and told to others as it goes.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::Day;

const SPEC: &str = "
  hypothesis: It <stays> up.
  steadyState: [{name: ready, condition: {vm: web-1, type: Ready, status: 'True'}, every: 100ms}]
  steps:
    - {name: slow, netem: {vms: [web-1], latency: 10ms, duration: 500ms}}
    - {name: move, migrate: {vms: [web-2]}}
";

#[test]
fn every_form_of_a_report_holds_steps_and_checks() {
    let day = Day::new(SPEC);
    let path = |name: &str| day.folder.path().join(name).display().to_string();
    let names = ["r.json", "r.jsonl", "r.md", "r.html", "r.xml"];
    let files: Vec<String> = names
        .iter()
        .flat_map(|name| ["--report".to_owned(), path(name)])
        .collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let document = day.document(&files, 0);
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&read("r.json")).unwrap(), document);
    for name in ["r.md", "r.html", "r.xml"] {
        let text = read(name);
        for part in ["slow", "move", "ready", "held"] {
            assert!(text.contains(part), "{name} lacks {part}");
        }
    }
    assert!(read("r.html").contains("<svg") && read("r.html").contains("It &lt;stays&gt; up."));
    assert!(read("r.html").contains("class=\"during\""));
    assert!(
        read("r.xml").contains("tests=\"3\" failures=\"0\" errors=\"0\""),
        "{}",
        read("r.xml")
    );
    let lines: Vec<Value> = read("r.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(
        (events[0], events[1], *events.last().unwrap()),
        ("begun", "planned", "ended")
    );
    assert!(
        lines
            .iter()
            .any(|line| line["step"] == "slow" && line["vmi"] == "default/web-1"),
        "{lines:#?}"
    );
}

#[test]
fn a_report_that_cannot_be_kept_refuses_the_game_day() {
    let day = Day::new(SPEC);
    day.run(&["--yes", "--report", "/no/such/folder/r.json"])
        .expect(4)
        .says(&["the report cannot be kept"]);
    assert_eq!(day.rehearsal.practice.requests().len(), 0);
}

/// A request that a listener got.
#[derive(Debug, Clone)]
struct Got {
    line: String,
    headers: BTreeMap<String, String>,
    body: Value,
}

/// A server that takes everything; `status` is what it answers.
fn listener(status: &'static str) -> (String, Arc<Mutex<Vec<Got>>>) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    let all: Arc<Mutex<Vec<Got>>> = Arc::default();
    let kept = Arc::clone(&all);
    std::thread::spawn(move || {
        for stream in server.incoming().map_while(Result::ok) {
            let kept = Arc::clone(&kept);
            std::thread::spawn(move || {
                while let Some(got) = take(&stream, status) {
                    kept.lock().unwrap().push(got);
                }
            });
        }
    });
    (url, all)
}

fn take(mut stream: &TcpStream, status: &str) -> Option<Got> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers
        .get("content-length")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let answer = r#"{"id": 7}"#;
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
    stream.write_all(answer.as_bytes()).ok()?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Some(Got {
        line: line.trim().to_owned(),
        headers,
        body,
    })
}

fn with_token(day: &Day, more: &[&str]) -> crate::support::Ended {
    let args = day.args(&[&["--yes"], more].concat());
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut command = day.rehearsal.command(&args);
    command.env("THE_TOKEN", "s3cr3t-value").current_dir(day.folder.path());
    crate::support::Running::start(command).end()
}

#[test]
fn webhooks_are_told_in_order_what_happens() {
    let (url, got) = listener("204 No Content");
    let notify = format!(
        "\n  notify:\n    - {{on: [begin, injected, restored, abort, end], webhook: {{url: '{url}/hook', headers: {{X-Token: 'env:THE_TOKEN'}}}}}}\n"
    );
    let day = Day::new(&format!("{}{notify}", SPEC.trim_end()));
    let ended = with_token(&day, &["-o", "json"]).expect(0);
    assert!(!ended.out.contains("s3cr3t") && !ended.err.contains("s3cr3t"));
    let got = got.lock().unwrap().clone();
    let told: Vec<(String, String)> = got
        .iter()
        .map(|got| {
            (
                got.body["on"].as_str().unwrap().to_owned(),
                got.body["step"].as_str().unwrap_or("").to_owned(),
            )
        })
        .collect();
    let told: Vec<(&str, &str)> = told.iter().map(|(on, step)| (on.as_str(), step.as_str())).collect();
    let expected = [
        ("begin", ""),
        ("injected", "slow"),
        ("restored", "slow"),
        ("injected", "move"),
        ("restored", "move"),
        ("end", ""),
    ];
    assert_eq!(told, expected);
    assert_eq!(got[0].line, "POST /hook HTTP/1.1");
    assert_eq!(got[0].headers["x-token"], "s3cr3t-value");
    assert_eq!(got[1].body["vms"], json!(["default/web-1"]));
    assert_eq!(got[5].body["verdict"], "held");
    assert_eq!(got[0].body["gameDay"], "day");
}

#[test]
fn an_annotation_in_grafana_lasts_as_long_as_the_fault() {
    let (url, got) = listener("200 OK");
    let notify = format!(
        "\n  notify:\n    - {{on: [injected, restored], grafana: {{url: '{url}/g', token: 'env:THE_TOKEN', tags: [game-day]}}}}\n"
    );
    let day = Day::new(&format!("{}{notify}", SPEC.trim_end()));
    with_token(&day, &[]).expect(0);
    let got = got.lock().unwrap().clone();
    let lines: Vec<&str> = got.iter().map(|got| got.line.as_str()).collect();
    let (post, patch) = (
        "POST /g/api/annotations HTTP/1.1",
        "PATCH /g/api/annotations/7 HTTP/1.1",
    );
    assert_eq!(lines, [post, patch, post, patch]);
    assert_eq!(got[0].headers["authorization"], "Bearer s3cr3t-value");
    assert_eq!(got[0].body["tags"], json!(["game-day"]));
    let (from, to) = (
        got[0].body["time"].as_i64().unwrap(),
        got[1].body["timeEnd"].as_i64().unwrap(),
    );
    assert!((450..20_000).contains(&(to - from)), "{from} {to}");
}

#[test]
fn who_cannot_be_told_is_named_and_stops_nothing() {
    let (url, _) = listener("500 Internal Server Error");
    let notify = format!(
        "\n  notify:\n    - {{on: [begin], webhook: {{url: '{url}'}}}}\n    - {{on: [end], command: [/bin/sh, -c, 'cat > told.json']}}\n    - {{on: [end], command: [/no/such/program]}}\n"
    );
    let day = Day::new(&format!("{}{notify}", SPEC.trim_end()));
    day.run(&["--yes"]).expect(4).says(&["--allow-commands"]);
    let ended = day.run(&["--yes", "--allow-commands", "-o", "json"]).expect(0);
    let ended = ended.says(&[
        &format!("not told: {url}: status 500"),
        "not told: /no/such/program cannot be run",
    ]);
    assert_eq!(ended.json()["notTold"].as_array().unwrap().len(), 2);
    let told: Value =
        serde_json::from_str(&std::fs::read_to_string(day.folder.path().join("told.json")).unwrap()).unwrap();
    assert_eq!((&told["on"], &told["exitCode"]), (&"end".into(), &0.into()));
}

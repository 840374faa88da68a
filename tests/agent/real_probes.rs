//! Probes over this machine's own loopback: the shell's real connections, to servers that answer, refuse, fail and hang.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use serde_json::Value;

use crate::rig::{HANDLE, PATIENCE, Rig, plan_of};

crate::under_every_shell! {
    servers_of_all_kinds
}

/// A server that says this to every request, or nothing; its port, and the lines of the last request.
fn server(says: Option<&'static str>) -> (u16, std::sync::mpsc::Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (send, requests) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some(says) = says else {
                open.push(stream);
                continue;
            };
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let request = lines.map_while(Result::ok).take_while(|line| !line.is_empty());
            let _ = send.send(request.collect());
            let _ = stream.write_all(says.as_bytes());
        }
    });
    (port, requests)
}

async fn servers_of_all_kinds(shell: &[&str]) {
    let rig = Rig::new(shell, 1);
    std::fs::remove_file(rig.node.root().join("tools/dial")).unwrap();
    let (answers, requests) = server(Some("HTTP/1.1 404 Not Found\r\n\r\n"));
    let (fails, _) = server(Some("HTTP/1.1 503 Service Unavailable\r\n\r\n"));
    let (babbles, _) = server(Some("220 mail.example ESMTP\r\n"));
    let (hangs, _) = server(None);
    // Not one that was free a moment ago: the kernel may give that to another test.
    let refuses = 1;
    let plan = plan_of(0, "60", HANDLE)
        + &[
            format!("probe 0 tcp 127.0.0.1 {answers} 2\n"),
            format!("probe 0 http 127.0.0.1 {answers} 2 /a?b=c&d=$e\n").replace('$', "~"),
            format!("probe 0 tcp 127.0.0.1 {hangs} 2\n"),
            format!("probe 0 http 127.0.0.1 {fails} 2 /\n"),
            format!("probe 0 http 127.0.0.1 {babbles} 2 /\n"),
            format!("probe 0 http 127.0.0.1 {hangs} 1 /\n"),
            format!("probe 0 tcp 127.0.0.1 {refuses} 2\n"),
        ]
        .concat();
    let mut operator = rig.armed(&plan, &[]).await;
    let mut answered = [None; 7];
    while answered.contains(&None) {
        let event = operator.next().await.unwrap();
        if event["ev"] == "probe" {
            let n = usize::try_from(event["n"].as_u64().unwrap()).unwrap();
            let answer = event["ms"] != Value::Null;
            assert!(answered[n].is_none_or(|before| before == answer), "{event}");
            answered[n] = Some(answer);
        }
    }
    let expected = [true, true, true, false, false, false, false];
    assert_eq!(answered, expected.map(Some));
    let request = requests.recv_timeout(PATIENCE).unwrap();
    // A connection alone says nothing.
    let request = if request.is_empty() {
        requests.recv_timeout(PATIENCE).unwrap()
    } else {
        request
    };
    assert_eq!(request[0], "GET /a?b=c&d=~e HTTP/1.1");
    assert!(request.contains(&format!("Host: 127.0.0.1:{answers}")), "{request:?}");
    assert_eq!(operator.bye().await, 0);
}

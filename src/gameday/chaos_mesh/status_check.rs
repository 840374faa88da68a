//! A `StatusCheck` of a workflow: something that must stay true.

use std::time::Duration;

use super::Reader;
use crate::fault::Time;
use crate::gameday::check::{Abort, Check, Http, What};
use crate::gameday::file::yaml::{Node, Path};
use crate::gameday::url::Url;

/// What Chaos Mesh does where a status check does not say.
const INTERVAL: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(1);
const FAILURES: u32 = 3;

/// The check, and how often it may fail in a row.
pub(super) fn check(reader: &mut Reader<'_>, path: &Path, node: &Node, name: &str) -> Option<(Check, Abort)> {
    if reader.word(path, node, "type").is_some_and(|kind| kind != "HTTP") {
        reader.wrong(&path.key("type"), "only HTTP can be had");
    }
    let at = path.key("http");
    let Some(http) = node.get("http") else {
        reader.wrong(path, "missing key `http`");
        return None;
    };
    if reader
        .word(&at, http, "method")
        .is_some_and(|method| !method.eq_ignore_ascii_case("GET"))
    {
        reader.wrong(&at.key("method"), "only GET can be had");
    }
    for key in ["body", "headers"] {
        if http.get(key).is_some() {
            reader.wrong(
                &at.key(key),
                "cannot be had; write the check in a file of `kind: GameDay`",
            );
        }
    }
    let url = match Url::parse(&reader.word(&at, http, "url").unwrap_or_default()) {
        Ok(url) => url,
        Err(why) => {
            reader.wrong(&at.key("url"), why);
            return None;
        }
    };
    let criteria = http.get("criteria");
    let status = criteria.and_then(|criteria| reader.word(&at.key("criteria"), criteria, "statusCode"));
    let status = status.and_then(|status| match status.parse() {
        Ok(status) => Some(status),
        // As a range: any that is good.
        Err(_) if status == "200-299" => None,
        Err(_) => {
            reader.wrong(
                &at.key("criteria").key("statusCode"),
                format!("`{status}` is not one status"),
            );
            None
        }
    });
    let every = seconds(reader, path, node, "intervalSeconds").unwrap_or(INTERVAL);
    let within = seconds(reader, path, node, "timeoutSeconds").unwrap_or(TIMEOUT);
    let failures = reader
        .word(path, node, "failureThreshold")
        .and_then(|word| word.parse().ok())
        .unwrap_or(FAILURES);
    let check = Check {
        name: name.to_owned(),
        every,
        within,
        what: What::Http(Http {
            url,
            status,
            contains: None,
            headers: Vec::new(),
        }),
    };
    Some((check, Abort::new(failures, failures)?))
}

fn seconds(reader: &mut Reader<'_>, path: &Path, node: &Node, key: &str) -> Option<Duration> {
    let word = reader.word(path, node, key)?;
    match Time::parse_wait(&word) {
        Ok(time) => Some(time.as_duration()).filter(|time| !time.is_zero()),
        Err(error) => {
            reader.wrong(&path.key(key), error);
            None
        }
    }
}

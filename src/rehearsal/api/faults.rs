//! Faults of the API server itself, on demand: what a client must survive.

use std::sync::Arc;
use std::time::Duration;

use regex::Regex;
use tokio::sync::Notify;

/// What goes wrong with a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A `Status` error instead of the answer; nothing is done.
    Status {
        code: u16,
        reason: String,
        message: String,
        retry_after: Option<u64>,
    },
    /// The connection is closed without an answer; nothing is done.
    Drop,
    /// No answer, ever; nothing is done.
    Hang,
    /// The request is done and then the connection is closed: the client cannot know.
    LoseReply,
    /// The request is done at once, and its answer comes this much later: after the events it causes.
    LateReply(Duration),
    /// The request is done at once, and its answer comes when the test lets it go: after all that it has waited for.
    HeldReply(Arc<Notify>),
    /// The request is done, after a delay.
    Delay(Duration),
    /// The request is done, and the answer carries a `Warning` header.
    Warning(String),
    /// A watch is told that its version is too old (410); any other request is answered so itself.
    Gone,
    /// A watch is cut in the middle after this time, as when a load balancer closes it.
    Cut(Duration),
    /// Every event of a watch comes this much later, at least: another watch, or a `GET`, is ahead of it.
    LateEvents(Duration),
}

/// An answer for the next requests of a verb and a path.
#[derive(Debug, Clone)]
pub struct Rule {
    verb: String,
    path: Regex,
    answer: Answer,
    skip: usize,
    left: usize,
}

impl Rule {
    /// The next request of `verb` (Kubernetes' word: `list`, `watch`, `create` …; `*` = any) whose path (without the
    /// query) the regular expression finds.
    pub fn new(verb: &str, path: &str, answer: Answer) -> Result<Self, regex::Error> {
        Ok(Self {
            verb: verb.to_owned(),
            path: Regex::new(path)?,
            answer,
            skip: 0,
            left: 1,
        })
    }

    /// How many requests get the answer.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.left = times;
        self
    }

    /// Every request gets the answer.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    /// Lets that many requests through first.
    #[must_use]
    pub fn after(mut self, requests: usize) -> Self {
        self.skip = requests;
        self
    }
}

impl Answer {
    /// A `Status` error.
    pub fn status(code: u16, reason: &str, message: &str) -> Self {
        Self::Status {
            code,
            reason: reason.to_owned(),
            message: message.to_owned(),
            retry_after: None,
        }
    }

    /// 429 with a `Retry-After` header.
    pub fn too_many_requests(seconds: u64) -> Self {
        Self::Status {
            code: 429,
            reason: "TooManyRequests".to_owned(),
            message: "the server has received too many requests and has asked us to try again later".to_owned(),
            retry_after: Some(seconds),
        }
    }

    /// 504, as when etcd does not answer in time.
    pub fn timeout() -> Self {
        Self::status(
            504,
            "Timeout",
            "Timeout: request did not complete within requested timeout - context deadline exceeded",
        )
    }
}

/// The rules in force.
#[derive(Default)]
pub(crate) struct Faults(Vec<Rule>);

impl Faults {
    pub(crate) fn add(&mut self, rule: Rule) {
        self.0.push(rule);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The answer for this request, which uses one turn of its rule up.
    pub(crate) fn next(&mut self, verb: &str, path: &str) -> Option<Answer> {
        let mut hit = None;
        for (place, rule) in self.0.iter_mut().enumerate() {
            if (rule.verb != "*" && rule.verb != verb) || !rule.path.is_match(path) {
                continue;
            }
            // What a rule lets through first counts also when another rule answers it.
            if rule.skip > 0 {
                rule.skip -= 1;
            } else if hit.is_none() {
                hit = Some(place);
            }
        }
        let place = hit?;
        let rule = &mut self.0[place];
        rule.left = rule.left.saturating_sub(usize::from(rule.left != usize::MAX));
        let answer = rule.answer.clone();
        self.0.retain(|rule| rule.left > 0);
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_used_up_and_hits_its_verb_and_path_only() {
        let mut faults = Faults::default();
        faults.add(Rule::new("list", "/pods$", Answer::Drop).unwrap().times(2).after(1));
        assert!(faults.next("create", "/api/v1/pods").is_none());
        assert!(faults.next("list", "/api/v1/nodes").is_none());
        assert!(
            faults.next("list", "/api/v1/pods").is_none(),
            "the first one is let through"
        );
        assert!(faults.next("list", "/api/v1/pods").is_some());
        assert!(faults.next("list", "/api/v1/pods").is_some());
        assert!(faults.next("list", "/api/v1/pods").is_none());
    }
}

//! What the API server was asked, for tests and for people who want to see what a command does.

use std::time::Instant;

/// One request and how it was answered.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The query as it was sent.
    pub query: String,
    /// Kubernetes' word for it (`list`, `watch`, `create` …), empty for paths that are no resource.
    pub verb: String,
    pub body: Vec<u8>,
    pub user_agent: String,
    pub content_type: String,
    /// Who asked, after impersonation.
    pub user: String,
    /// The HTTP status of the answer; 0 while there is none, and for ever when the connection was dropped.
    pub code: u16,
    pub when: Instant,
}

impl Request {
    /// The body as JSON, null when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether it asks to change something that a later request could see (access reviews and dry runs do not).
    pub fn writes(&self) -> bool {
        self.method != "GET"
            && !self.path.contains("/selfsubject")
            && !self.query.contains("dryRun=All")
            && self.json().get("dryRun").is_none()
    }
}

/// The requests so far.
#[derive(Default)]
pub(crate) struct Log {
    first: usize,
    requests: Vec<Request>,
}

impl Log {
    /// Notes a request; the number is for [`Log::answered`].
    pub(crate) fn asked(&mut self, request: Request) -> usize {
        self.requests.push(request);
        self.first + self.requests.len() - 1
    }

    pub(crate) fn answered(&mut self, number: usize, code: u16) {
        if let Some(request) = number
            .checked_sub(self.first)
            .and_then(|place| self.requests.get_mut(place))
        {
            request.code = code;
        }
    }

    pub(crate) fn all(&self) -> Vec<Request> {
        self.requests.clone()
    }

    pub(crate) fn clear(&mut self) {
        self.first += self.requests.len();
        self.requests.clear();
    }
}

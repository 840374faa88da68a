//! What must stay true: checks of a game day, and what their results say.

mod window;

use std::fmt;
use std::time::Duration;

pub use self::window::{Abort, Window};

use super::file::game_day as file;
use super::file::yaml::{Node, Path};
use super::file::{Problems, WITHIN};
use super::secret::Secret;
use super::url::Url;

/// Something that must be true.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    pub name: String,
    /// From the begin of one look to the begin of the next.
    pub every: Duration,
    /// A look that takes longer has failed.
    pub within: Duration,
    pub what: What,
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    Http(Http),
    Prometheus(Query),
    Condition {
        vm: Vm,
        kind: String,
        status: String,
    },
    /// A port of a VM takes connections from the VM's node.
    Tcp {
        vm: Vm,
        port: u16,
    },
    /// Program and arguments.
    Command(Vec<String>),
}

/// A VM as a file names it: its namespace is that of the game day where it says none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vm {
    pub namespace: Option<String>,
    pub name: String,
}

/// A GET request, and what must come back.
#[derive(Debug, Clone, PartialEq)]
pub struct Http {
    pub url: Url,
    /// `None`: any of 200 to 299.
    pub status: Option<u16>,
    pub contains: Option<String>,
    pub headers: Vec<(String, Secret)>,
}

/// A query of Prometheus, and between which bounds its values must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub url: Url,
    pub query: String,
    pub below: Option<f64>,
    pub above: Option<f64>,
    pub headers: Vec<(String, Secret)>,
}

/// What one look has seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// How long it took.
    pub took: Duration,
    /// What was measured, where that is a number other than the time.
    pub value: Option<f64>,
    /// Why it has failed, as a sentence.
    pub failed: Option<String>,
}

/// How often is looked where a file does not say.
const EVERY: Duration = Duration::from_secs(1);

/// The check of a file at `path`.
pub(super) fn of_file(document: &Node, path: &Path, said: &file::Check, problems: &mut Problems) -> Option<Check> {
    let kinds = [
        said.http.is_some(),
        said.prometheus.is_some(),
        said.condition.is_some(),
        said.tcp.is_some(),
        said.command.is_some(),
    ];
    if kinds.iter().filter(|there| **there).count() != 1 {
        let told = "has exactly one of `http`, `tcp`, `prometheus`, `condition` and `command`";
        problems.at(document, path, told);
        return None;
    }
    let of_http = said.http.as_ref().and_then(|http| http.within);
    if of_http.is_some() && said.within.is_some() {
        problems.at(document, &path.key("within"), "`within` is said twice");
    }
    let what = if let Some(http) = &said.http {
        let at = path.key("http");
        let url = url(document, &at, &http.url, problems);
        let headers = headers(document, &at, &http.headers, problems);
        What::Http(Http {
            url: url?,
            status: http.status,
            contains: http.contains.clone(),
            headers: headers?,
        })
    } else if let Some(query) = &said.prometheus {
        let at = path.key("prometheus");
        if query.below.is_none() && query.above.is_none() {
            problems.at(document, &at, "missing key `below` or `above`");
        }
        let url = url(document, &at, &query.url, problems);
        let headers = headers(document, &at, &query.headers, problems);
        What::Prometheus(Query {
            url: url?,
            query: query.query.clone(),
            below: query.below,
            above: query.above,
            headers: headers?,
        })
    } else if let Some(condition) = &said.condition {
        What::Condition {
            vm: Vm::parse(&condition.vm),
            kind: condition.kind.clone(),
            status: condition.status.clone(),
        }
    } else if let Some(tcp) = &said.tcp {
        if tcp.port == 0 {
            problems.at(
                document,
                &path.key("tcp").key("port"),
                "is not a number from 1 to 65535",
            );
        }
        What::Tcp {
            vm: Vm::parse(&tcp.vm),
            port: tcp.port,
        }
    } else {
        let command = said.command.clone().unwrap_or_default();
        if command.first().is_none_or(String::is_empty) {
            problems.at(document, &path.key("command"), "names no program");
            return None;
        }
        What::Command(command)
    };
    let time = |span: Option<file::Span>, usual| {
        let time = span.map(|span| span.0.as_duration());
        time.filter(|time| !time.is_zero()).unwrap_or(usual)
    };
    Some(Check {
        name: said.name.clone(),
        every: time(said.every, EVERY),
        within: time(of_http.or(said.within), WITHIN),
        what,
    })
}

/// The URL in the key `url`.
pub(super) fn url(document: &Node, path: &Path, text: &str, problems: &mut Problems) -> Option<Url> {
    match Url::parse(text) {
        Ok(url) => Some(url),
        Err(why) => {
            problems.at(document, &path.key("url"), why);
            None
        }
    }
}

/// Headers, without secrets in plain text.
pub(super) fn headers<'a>(
    document: &Node,
    path: &Path,
    said: impl IntoIterator<Item = (&'a String, &'a String)>,
    problems: &mut Problems,
) -> Option<Vec<(String, Secret)>> {
    let mut all = Some(Vec::new());
    for (name, value) in said {
        let at = path.key("headers").key(name);
        match Secret::of_header(name, value) {
            _ if http::HeaderName::try_from(name).is_err() => {
                problems.at(document, &at, "is no name of a header");
                all = None;
            }
            Ok(secret) => {
                if let Some(all) = &mut all {
                    all.push((name.clone(), secret));
                }
            }
            Err(why) => {
                problems.at(document, &at, why);
                all = None;
            }
        }
    }
    all
}

// === impl What ===

impl What {
    /// Whom it talks to beside the cluster.
    pub fn origin(&self) -> Option<String> {
        match self {
            Self::Http(http) => Some(http.url.origin()),
            Self::Prometheus(query) => Some(query.url.origin()),
            Self::Condition { .. } | Self::Tcp { .. } | Self::Command(_) => None,
        }
    }

    /// What it sends with each request.
    pub fn headers(&self) -> &[(String, Secret)] {
        match self {
            Self::Http(http) => &http.headers,
            Self::Prometheus(query) => &query.headers,
            Self::Condition { .. } | Self::Tcp { .. } | Self::Command(_) => &[],
        }
    }

    /// The VM it is about.
    pub fn vm(&self) -> Option<&Vm> {
        match self {
            Self::Condition { vm, .. } | Self::Tcp { vm, .. } => Some(vm),
            _ => None,
        }
    }

    /// The program it runs, with its arguments.
    pub fn program(&self) -> Option<&[String]> {
        match self {
            Self::Command(words) => Some(words),
            _ => None,
        }
    }
}

/// What must be true, without secrets.
impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(http) => {
                write!(f, "GET {} answers ", http.url)?;
                match http.status {
                    Some(status) => status.fmt(f)?,
                    None => f.write_str("200 to 299")?,
                }
                match &http.contains {
                    Some(text) => write!(f, " with {text:?}"),
                    None => Ok(()),
                }
            }
            Self::Prometheus(query) => {
                f.write_str(&query.query)?;
                if let Some(above) = query.above {
                    write!(f, " above {above}")?;
                }
                match query.below {
                    Some(below) => write!(f, " below {below}"),
                    None => Ok(()),
                }
            }
            Self::Condition { vm, kind, status } => write!(f, "{kind} of vmi {} is {status}", vm.name),
            Self::Tcp { vm, port } => write!(f, "port {port} of vmi {} takes connections from its node", vm.name),
            Self::Command(words) => write!(f, "{} ends with 0", words.join(" ")),
        }
    }
}

// === impl Vm ===

impl Vm {
    fn parse(text: &str) -> Self {
        match text.split_once('/') {
            Some((namespace, name)) => Self {
                namespace: Some(namespace.to_owned()),
                name: name.to_owned(),
            },
            None => Self {
                namespace: None,
                name: text.to_owned(),
            },
        }
    }
}

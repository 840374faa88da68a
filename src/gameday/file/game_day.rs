//! Our own file: `kind: GameDay`. The types are the JSON Schema, too; the steps are read in `steps`.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny};

use crate::fault::Time;

/// A game day: what must stay true, what is done, and who hears of it
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "GameDay")]
#[expect(dead_code, reason = "a file may say it, and the schema does")]
pub struct File {
    pub api_version: ApiVersion,
    pub kind: Kind,
    pub metadata: Metadata,
    pub spec: Spec,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub enum ApiVersion {
    #[serde(rename = "vmchaos.dev/v1alpha1")]
    V1Alpha1,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub enum Kind {
    GameDay,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "a file may say it, and the schema does")]
pub struct Metadata {
    /// What it is called in reports
    pub name: String,
    /// Whom to ask about it
    pub owner: Option<String>,
    /// Where the VMs of steps and checks are that name no namespace [default: that of `-n`, else the context's]
    pub namespace: Option<String>,
    /// Taken for tools that write them; nothing is done with them
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Taken for tools that write them; nothing is done with them
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read with their places in the file, and here for the schema")]
pub struct Spec {
    /// What is expected to stay true; shown, and judged by the checks
    pub hypothesis: Option<String>,
    /// Values that `${name}` stands for in this file; `--set name=value` gives others
    #[serde(default)]
    pub values: BTreeMap<String, Scalar>,
    /// What must be true before the first step, is watched during all of them, and must be true at the end
    #[serde(default)]
    pub steady_state: Vec<Check>,
    /// When failed checks end the game day and roll everything back [default: they never do, and one of them refutes the hypothesis]
    pub abort: Option<Abort>,
    /// What is done, one after the other
    #[schemars(schema_with = "steps")]
    pub steps: Vec<IgnoredAny>,
    /// Who is told, and when
    #[serde(default)]
    pub notify: Vec<Notify>,
}

/// A value that is one word.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
}

/// Something that must be true; exactly one of `http`, `tcp`, `prometheus`, `condition` and `command`
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Check {
    pub name: String,
    /// From the begin of one look to the begin of the next [default: 1s]
    pub every: Option<Span>,
    /// A look that takes longer has failed [default: 5s]
    pub within: Option<Span>,
    /// A GET request
    pub http: Option<Http>,
    /// A query with one value
    pub prometheus: Option<Prometheus>,
    /// A port of a VM, from the VM's node; a privileged debug pod on that node tries it about once a second
    pub tcp: Option<Tcp>,
    /// A condition of the VMI
    pub condition: Option<Condition>,
    /// Program and arguments, without a shell; it must end with 0. Needs --allow-commands
    pub command: Option<Vec<String>>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Http {
    pub url: String,
    /// The status that must come [default: any of 200 to 299]
    pub status: Option<u16>,
    /// An answer that takes longer has failed [default: the check's `within`]
    pub within: Option<Span>,
    /// A text that the body must hold
    pub contains: Option<String>,
    /// Sent with each request; what is secret is written as `env:NAME` or `file:PATH`
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tcp {
    /// NAME or NAMESPACE/NAME
    pub vm: String,
    /// The port that must take connections
    #[schemars(range(min = 1))]
    pub port: u16,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prometheus {
    /// The server, without `/api/v1`
    pub url: String,
    /// An instant query with one value; of several, each must be in bounds
    pub query: String,
    /// The value must be below this
    pub below: Option<f64>,
    /// The value must be above this
    pub above: Option<f64>,
    /// Sent with each request; what is secret is written as `env:NAME` or `file:PATH`
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Condition {
    /// NAME or NAMESPACE/NAME
    pub vm: String,
    /// e.g. `Ready`
    #[serde(rename = "type")]
    pub kind: String,
    /// e.g. `"True"`
    pub status: String,
}

/// Failed looks that end the game day
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Abort {
    /// So many failed looks of one check while faults are in place …
    pub after: u32,
    /// … among its last so many [default: as many as `after`]
    pub of: Option<u32>,
}

/// Somebody who is told; exactly one of `webhook`, `grafana` and `command`
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Notify {
    pub on: Vec<Occasion>,
    /// A POST of what happened, as JSON
    pub webhook: Option<Webhook>,
    /// An annotation in Grafana; a step's is a region from its fault to its end
    pub grafana: Option<Grafana>,
    /// Program and arguments, without a shell; what happened is JSON on its stdin. Needs --allow-commands
    pub command: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Occasion {
    Begin,
    Injected,
    Restored,
    Abort,
    End,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Webhook {
    pub url: String,
    /// Sent with each request; what is secret is written as `env:NAME` or `file:PATH`
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grafana {
    /// The server, without `/api`
    pub url: String,
    /// A service account's token, as `env:NAME` or `file:PATH`
    pub token: String,
    #[serde(default)]
    pub tags: Vec<String>,
}

/// A time in the spelling of `--duration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Time);

// === impl Span ===

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let word = Scalar::deserialize(from)?.to_string();
        Time::parse_wait(&word).map(Self).map_err(D::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "description": "A time such as 500ms, 2m or 1m30s; a bare number is seconds",
            "type": ["string", "integer"]
        })
    }
}

// === impl Scalar ===

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

fn steps(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Step"}})
}

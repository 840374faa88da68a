//! The guards' settings as a config file has them, and what holds without one.

use std::fmt;
use std::time::Duration;

use regex::Regex;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use crate::fault::{Percent, Time, full_match, parse_image};

/// Every key of the config file; what is absent is as built in.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// The longest that a fault may be asked for.
    pub maximum_duration: Limit,
    /// Namespaces whose VMs are never chosen; a list replaces the built-in one.
    pub protected_namespaces: Vec<Pattern>,
    /// VMs that are never chosen: patterns of `namespace/name`.
    #[serde(rename = "protectedVMs")]
    pub protected_vms: Vec<Pattern>,
    /// Contexts whose name has to be typed: patterns of the context's name, the cluster's name or the server's URL.
    pub typed_contexts: Vec<Pattern>,
    /// A run of more VMs than this wants their number typed.
    pub typed_count: u32,
    /// A run of several VMs that are this share of their namespace, or more, wants their number typed.
    pub typed_share: Share,
    pub ceilings: Ceilings,
    /// What debug pods run, instead of KubeVirt's own launcher image.
    pub image: Option<Image>,
}

/// How many VMs there may be at most.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Ceilings {
    /// In a run; a percentage is of what matches.
    pub per_run: Option<Ceiling>,
    /// On a node; a percentage is of the VMIs there.
    pub per_node: Option<Ceiling>,
    /// In a namespace; a percentage is of the VMIs there.
    pub per_namespace: Option<Ceiling>,
}

/// A number of VMs, or a share of those there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ceiling {
    Count(u32),
    Share(Percent),
}

/// A regular expression that must match the whole of something.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
    text: String,
}

/// A time in the spelling of `--duration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(pub Time);

/// A container image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image(pub String);

/// A percentage: `50%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(pub Percent);

// === impl Config ===

impl Config {
    /// The longest that a fault may last without a config file: one hour.
    const LONGEST: Time = Time::from_millis(3_600_000);
    /// More VMs than this want their number typed without a config file.
    const MANY: u32 = 10;
    const PROTECTED: [&'static str; 2] = ["kube-.*", "openshift-.*"];

    /// Reads the text of a config file.
    ///
    /// # Errors
    /// The line, the key and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let nothing = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
        if text.lines().all(nothing) {
            return Ok(Self::default());
        }
        // A file of all keys has some dozens of nodes; what unfolds into more is not meant well.
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! { max_nodes: 10_000, max_anchors: 100, max_aliases: 100, max_depth: 16 },
            alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 10_000 },
        };
        serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| error.without_snippet().to_string().trim().to_owned())
    }

    pub fn maximum_duration(&self) -> Duration {
        self.maximum_duration.0.as_duration()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            maximum_duration: Limit(Self::LONGEST),
            protected_namespaces: Self::PROTECTED
                .iter()
                .filter_map(|text| Pattern::parse(text).ok())
                .collect(),
            protected_vms: Vec::new(),
            typed_contexts: Vec::new(),
            typed_count: Self::MANY,
            typed_share: Share(Percent::whole(50)),
            ceilings: Ceilings::default(),
            image: None,
        }
    }
}

// === impl Ceiling ===

impl Ceiling {
    /// How many of `there` VMs may be chosen; a share is rounded down.
    pub fn of(self, there: usize) -> usize {
        match self {
            Self::Count(count) => count as usize,
            Self::Share(share) => share.of(there),
        }
    }
}

impl fmt::Display for Ceiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Share(share) => share.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Ceiling {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrShare;
        impl Visitor<'_> for NumberOrShare {
            type Value = Ceiling;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of VMs, or a percentage as `50%`")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Ceiling, E> {
                let count = u32::try_from(number).map_err(|_| E::custom("more VMs than there can be"))?;
                Ok(Ceiling::Count(count))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Ceiling, E> {
                let number = u64::try_from(number).map_err(|_| E::custom("less than no VM"))?;
                self.visit_u64(number)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Ceiling, E> {
                match text.parse() {
                    Ok(count) => Ok(Ceiling::Count(count)),
                    Err(_) => share(text).map(Ceiling::Share).map_err(E::custom),
                }
            }
        }
        deserializer.deserialize_any(NumberOrShare)
    }
}

/// A percentage with its sign, so that it cannot be taken for a number of VMs.
fn share(text: &str) -> Result<Percent, String> {
    match Percent::parse(text) {
        Ok(share) if text.trim_end().ends_with('%') => Ok(share),
        _ => Err(format!("`{text}` is no percentage as `50%`")),
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        share(&String::deserialize(deserializer)?)
            .map(Self)
            .map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Time::parse_wait(&text)
            .map(Self)
            .map_err(|error| D::Error::custom(format!("`{text}`: {error}")))
    }
}

impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_image(&text)
            .map(Self)
            .map_err(|error| D::Error::custom(format!("`{text}`: {error}")))
    }
}

// === impl Pattern ===

impl Pattern {
    fn parse(text: &str) -> Result<Self, regex::Error> {
        Ok(Self {
            regex: full_match(text)?,
            text: text.to_owned(),
        })
    }

    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// As it stands in the file.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| D::Error::custom(format!("`{text}` is no regular expression: {error}")))
    }
}

//! A YAML document with the place of everything in it. JSON is YAML.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value as Json};
use serde_saphyr::{Location, Spanned};

pub use super::path::{Path, Segment};

/// A place in a file, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    pub line: u64,
    pub column: u64,
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub at: Place,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// The key of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub at: Place,
    pub name: String,
}

/// The documents of a file, without those that are empty.
///
/// # Errors
/// Where the file is no YAML, and why.
pub fn read(text: &str) -> Result<Vec<Node>, (Place, String)> {
    // A long game day has some thousand nodes; what unfolds into more is not meant well.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_nodes: 100_000, max_anchors: 1_000, max_aliases: 1_000, max_depth: 64 },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 100_000 },
        // A VM may be called `y`, and a step `on`.
        strict_booleans: true,
    };
    let documents: Result<Vec<Spanned<Value>>, _> = serde_saphyr::from_multiple_with_options(text, options);
    match documents {
        Ok(documents) => Ok(documents
            .into_iter()
            .map(Node::from)
            .filter(|node| node.value != Value::Null)
            .collect()),
        Err(error) => {
            let at = error.location().map(Place::from).unwrap_or_default();
            Err((at, words(text, at, &error.without_snippet().to_string())))
        }
    }
}

/// What the library says, without the place, which stands before it, and without what it says to programmers.
fn words(text: &str, at: Place, said: &str) -> String {
    let said = said
        .trim()
        .rsplit_once(" at line ")
        .map_or(said.trim(), |(said, _)| said);
    let said = said
        .split_once(", set DuplicateKeyPolicy")
        .map_or(said, |(said, _)| said);
    let line = usize::try_from(at.line)
        .ok()
        .and_then(|line| text.lines().nth(line.checked_sub(1)?));
    // In braces the end of a name would be that of the mapping.
    if line.is_some_and(|line| line.contains("${") && line.replace("${", "").contains('{')) {
        return format!("{said}; within braces put quotes around it: \"${{name}}\"");
    }
    said.to_owned()
}

// === impl Place ===

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        Self {
            line: location.line(),
            column: location.column(),
        }
    }
}

// === impl Node ===

impl Node {
    /// The value of a key of a mapping.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(map) => map.iter().find(|(key, _)| key.name == name).map(|(_, node)| node),
            _ => None,
        }
    }

    /// What `path` leads to.
    pub fn find(&self, path: &[Segment]) -> Option<&Self> {
        match path.split_first() {
            None => Some(self),
            Some((Segment::Key(name), rest)) => self.get(name)?.find(rest),
            Some((Segment::Index(index), rest)) => match &self.value {
                Value::List(list) => list.get(*index)?.find(rest),
                _ => None,
            },
        }
    }

    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Where something is: its key, where it is the value of one. Of what is not there, the nearest thing around it.
    pub fn place(&self, path: &[Segment]) -> Place {
        let Some((first, rest)) = path.split_first() else {
            return self.at;
        };
        match (&self.value, first) {
            (Value::Map(map), Segment::Key(name)) => match map.iter().find(|(key, _)| key.name == *name) {
                Some((key, _)) if rest.is_empty() => key.at,
                Some((_, node)) => node.place(rest),
                None => self.at,
            },
            (Value::List(list), Segment::Index(index)) => list.get(*index).map_or(self.at, |node| node.place(rest)),
            _ => self.at,
        }
    }

    /// Takes a key of a mapping away; whether it was there.
    pub fn remove(&mut self, path: &[Segment]) -> bool {
        match (&mut self.value, path) {
            (Value::Map(map), [Segment::Key(name)]) => {
                let before = map.len();
                map.retain(|(key, _)| key.name != *name);
                map.len() < before
            }
            (Value::Map(map), [Segment::Key(name), rest @ ..]) => map
                .iter_mut()
                .find(|(key, _)| key.name == *name)
                .is_some_and(|(_, node)| node.remove(rest)),
            (Value::List(list), [Segment::Index(index), rest @ ..]) if !rest.is_empty() => {
                list.get_mut(*index).is_some_and(|node| node.remove(rest))
            }
            _ => false,
        }
    }

    /// The same without places.
    pub fn json(&self) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Number(number) => Json::Number(number.clone()),
            Value::Text(text) => Json::String(text.clone()),
            Value::List(list) => Json::Array(list.iter().map(Self::json).collect()),
            Value::Map(map) => {
                let pairs = map.iter().map(|(key, node)| (key.name.clone(), node.json()));
                Json::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }
}

impl From<Spanned<Value>> for Node {
    fn from(spanned: Spanned<Value>) -> Self {
        Self {
            at: spanned.referenced.into(),
            value: spanned.value,
        }
    }
}

// === impl Value ===

impl Value {
    /// What it is, for a sentence.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }

    /// What a person reads as one word; `None` of a list or a mapping.
    pub fn word(&self) -> Option<String> {
        match self {
            Self::Null => Some(String::new()),
            Self::Bool(value) => Some(value.to_string()),
            Self::Number(number) => Some(number.to_string()),
            Self::Text(text) => Some(text.clone()),
            Self::List(_) | Self::Map(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("not a finite number"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = seq.next_element::<Spanned<Value>>()? {
            list.push(node.into());
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let key = Key {
                at: key.referenced.into(),
                name: key.value,
            };
            pairs.push((key, map.next_value::<Spanned<Value>>()?.into()));
        }
        Ok(Value::Map(pairs))
    }
}

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
            Err((at, error.without_snippet().to_string().trim().to_owned()))
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Node {
        read(text).unwrap().remove(0)
    }

    fn at(line: u64, column: u64) -> Place {
        Place { line, column }
    }

    #[test]
    fn everything_is_where_it_stands() {
        let node = one("a: 1\nb:\n  - c: [x, 2.5]\n    d: {e: true}\n");
        let b = Path::default().key("b");
        assert_eq!(node.place(&Path::default().key("a").0), at(1, 1));
        assert_eq!(node.place(&b.0), at(2, 1));
        assert_eq!(node.place(&b.index(0).key("c").0), at(3, 5));
        assert_eq!(node.place(&b.index(0).key("c").index(1).0), at(3, 12));
        assert_eq!(node.place(&b.index(0).key("d").key("e").0), at(4, 9));
        // What is not there is missed in what is around it.
        assert_eq!(node.place(&b.index(0).key("d").key("f").0), at(4, 8));
        assert_eq!(b.index(0).key("d").to_string(), "b[0].d");
        assert_eq!(
            node.json(),
            serde_json::json!({"a": 1, "b": [{"c": ["x", 2.5], "d": {"e": true}}]})
        );
    }

    #[test]
    fn a_file_may_have_several_documents_and_empty_ones() {
        assert_eq!(read("a: 1\n---\n---\nb: 2\n").unwrap().len(), 2);
        assert_eq!(read("# nothing\n").unwrap().len(), 0);
        assert_eq!(one(r#"{"a": [1, null]}"#).json(), serde_json::json!({"a": [1, null]}));
    }

    #[test]
    fn what_is_no_yaml_is_said_with_its_place() {
        let (place, why) = read("a: 1\nb: [1, 2\nc: 3\n").unwrap_err();
        assert!(place.line >= 2, "{place:?} {why}");
        let (place, why) = read("a: 1\na: 2\n").unwrap_err();
        assert!(place.line == 2 && why.contains("duplicate"), "{place:?} {why}");
        let bomb = (0..30).fold("a0: &a0 [x]\n".to_owned(), |text, n| {
            format!("{text}a{}: &a{} [*a{n}, *a{n}, *a{n}]\n", n + 1, n + 1)
        });
        assert!(read(&bomb).is_err());
    }

    #[test]
    fn only_true_and_false_are_no_words() {
        let node = one("[y, on, no, true, False]");
        assert_eq!(node.json(), serde_json::json!(["y", "on", "no", true, false]));
    }

    #[test]
    fn an_alias_stands_where_it_is_used() {
        let node = one("a: &x {b: 1}\nc: *x\n");
        assert_eq!(node.get("c").unwrap().at, at(2, 4));
        assert_eq!(node.json()["c"]["b"], 1);
    }
}

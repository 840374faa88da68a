//! Changes something that is well-formed here and there: most of it is still understood, and the odd part is reached.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

/// What somebody writes who wants a terminal, a shell, a path or a parser to do something else.
pub(crate) const ODD: [&str; 24] = [
    "",
    "\u{0}",
    "\u{1b}[2J\u{1b}]0;x\u{7}",
    "a\r\nb",
    "\u{202e}\u{2066}\u{feff}",
    "\u{9b}31m",
    "//evil.example/fix\n| sudo sh",
    "$(sudo sh)`sudo sh`'\"",
    "../../../namespaces/default/virtualmachines/web-1/stop?x=",
    "a/b?c=d#e%2f",
    "%s%n{}{:?}",
    "-1",
    "--yes",
    "99999999999999999999999999",
    "1e999",
    "NaN",
    "2026-13-45T99:99:99Z",
    "9999-12-31T23:59:59.999Z",
    "18446744073709551615s",
    "null",
    "{\"a\":",
    "[[[[[[[[",
    "&a [*a,*a]",
    "\u{d7ff}é漢🙂",
];

/// What is put in the place of a part of a document.
#[derive(Debug, Clone)]
enum Change {
    Put(Value),
    Remove,
    Double,
    /// Another part of the same document.
    Other(Index),
    /// So many lists around it.
    Wrap(usize),
    /// A text of so many characters.
    Long(usize),
}

fn change() -> impl Strategy<Value = Change> {
    let values = vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e300),
        json!([]),
        json!({}),
        json!([[], {}, null]),
    ];
    prop_oneof![
        4 => select(values).prop_map(Change::Put),
        4 => select(&ODD[..]).prop_map(|text| Change::Put(json!(text))),
        1 => any::<String>().prop_map(|text| Change::Put(json!(text))),
        2 => Just(Change::Remove),
        1 => Just(Change::Double),
        1 => any::<Index>().prop_map(Change::Other),
        1 => (1..60_usize).prop_map(Change::Wrap),
        1 => (1..70_000_usize).prop_map(Change::Long),
    ]
}

/// Changes that can be made to any document.
#[derive(Debug, Clone)]
pub(crate) struct Changes(Vec<(Index, Change)>);

pub(crate) fn changes(most: usize) -> impl Strategy<Value = Changes> {
    vec((any::<Index>(), change()), 0..=most).prop_map(Changes)
}

impl Changes {
    pub(crate) fn make(&self, document: &mut Value) {
        for (place, change) in &self.0 {
            let mut paths = Vec::new();
            parts(document, &mut String::new(), &mut paths);
            let path = place.get(&paths).clone();
            let other = |of: &Index| document.pointer(of.get::<String>(&paths)).cloned().unwrap_or_default();
            let new = match change {
                Change::Put(value) => value.clone(),
                Change::Other(of) => other(of),
                Change::Long(length) => json!("x".repeat(*length)),
                Change::Wrap(depth) => {
                    let part = document.pointer(&path).cloned().unwrap_or_default();
                    (0..*depth).fold(part, |inner, _| json!([inner]))
                }
                Change::Remove | Change::Double => {
                    reshape(document, &path, matches!(change, Change::Double));
                    continue;
                }
            };
            if let Some(part) = document.pointer_mut(&path) {
                *part = new;
            }
        }
    }
}

/// A document that is one of these, changed in at most four places.
pub(crate) fn changed(documents: Vec<Value>) -> impl Strategy<Value = Value> {
    (select(documents), changes(4)).prop_map(|(mut document, changes)| {
        changes.make(&mut document);
        document
    })
}

/// JSON pointers of all parts.
fn parts(value: &Value, path: &mut String, found: &mut Vec<String>) {
    found.push(path.clone());
    let length = path.len();
    let mut inner = |key: &str, value: &Value| {
        path.push('/');
        path.push_str(&key.replace('~', "~0").replace('/', "~1"));
        parts(value, path, found);
        path.truncate(length);
    };
    match value {
        Value::Array(items) => (0..).zip(items).for_each(|(at, item)| inner(&format!("{at}"), item)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| inner(key, value)),
        _ => {}
    }
}

/// Takes a part out, or puts it in twice.
fn reshape(document: &mut Value, path: &str, double: bool) {
    let Some((parent, key)) = path.rsplit_once('/') else {
        return;
    };
    let key = key.replace("~1", "/").replace("~0", "~");
    match document.pointer_mut(parent) {
        Some(Value::Array(items)) => {
            let at: usize = key.parse().unwrap();
            if double {
                items.push(items[at].clone());
            } else {
                items.remove(at);
            }
        }
        Some(Value::Object(fields)) => {
            let fields: &mut Map<String, Value> = fields;
            match fields.remove(&key) {
                Some(part) if double => drop(fields.insert(format!("{key}2"), part)),
                _ => {}
            }
        }
        _ => {}
    }
}

/// A change of a text: what is put in the place of the characters between two places.
pub(crate) fn changed_text(texts: Vec<String>) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => select(&ODD[..]).prop_map(str::to_owned),
        2 => select(vec!["\n", "\t", ":", "- ", "\"", "'", "{", "}", "[", "]", ",", "#", "|", "=", " ", "0", "\\"]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    let edit = (any::<Index>(), 0..8_usize, piece);
    (select(texts), vec(edit, 0..6), any::<Option<Index>>()).prop_map(|(text, edits, cut)| {
        let mut text: Vec<char> = text.chars().collect();
        for (at, length, piece) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + length).min(text.len());
            text.splice(at..end, piece.chars());
        }
        // Now and then the end is missing.
        if let Some(cut) = cut.filter(|cut| cut.index(4) == 0) {
            text.truncate(cut.index(text.len() + 1));
        }
        text.into_iter().collect()
    })
}

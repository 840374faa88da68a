//! From a document to its types: everything that is wrong with it is found, not only the first.

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment as Step;

use super::problems::Problems;
use super::yaml::{Node, Path, Segment, Value};

/// What the part of a document at `path` says. What is wrong with it goes to `problems`, with its place; what it says apart
/// from that is returned, where there is enough of it.
pub(super) fn decode<T: DeserializeOwned>(
    document: &Node,
    path: &Path,
    part: &Node,
    problems: &mut Problems,
) -> Option<T> {
    let mut part = part.clone();
    // A key that is missing because it was taken out below is no other problem.
    let mut is_whole = true;
    loop {
        let error = match serde_path_to_error::deserialize(part.json()) {
            Ok(read) => return Some(read),
            Err(error) => error,
        };
        let inner = segments(error.path());
        let found = Path(path.0.iter().chain(&inner).cloned().collect());
        // What a mapping lacks is said of the mapping.
        let may_lack_what_was_taken =
            !is_whole && part.find(&inner).is_some_and(|of| matches!(of.value, Value::Map(_)));
        if !may_lack_what_was_taken {
            problems.at(document, &found, sentence(&error.inner().to_string()));
        }
        let last_key = inner.iter().rposition(|segment| matches!(segment, Segment::Key(_)));
        if !last_key.is_some_and(|last| part.remove(&inner[..=last])) {
            return None;
        }
        is_whole = false;
    }
}

/// serde's sentence in the words of files.
fn sentence(message: &str) -> String {
    message
        .replace("unknown field `", "unknown key `")
        .replace("missing field `", "missing key `")
}

fn segments(path: &serde_path_to_error::Path) -> Vec<Segment> {
    let segments = path.iter().map_while(|step| match step {
        Step::Seq { index } => Some(Segment::Index(*index)),
        Step::Map { key } | Step::Enum { variant: key } => Some(Segment::Key(key.clone())),
        Step::Unknown => None,
    });
    segments.collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::yaml::read;
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        name: String,
        #[serde(default)]
        count: u32,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        on: bool,
        list: Vec<u8>,
    }

    fn all(text: &str) -> (Option<Outer>, Vec<String>) {
        let document = read(text).unwrap().remove(0);
        let mut problems = Problems::of("f");
        let read = decode(&document, &Path::default(), &document, &mut problems);
        (read, problems.into_all().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_is_right_is_read() {
        let (read, problems) = all("name: a\ninner: {on: true, list: [1]}\n");
        let inner = Inner {
            on: true,
            list: vec![1],
        };
        let outer = Outer {
            name: "a".into(),
            count: 0,
            inner: Some(inner),
        };
        assert_eq!((read, problems), (Some(outer), Vec::new()));
    }

    #[test]
    fn all_that_is_wrong_is_found_each_in_its_place() {
        let (read, problems) = all("nam: a\ncount: x\ninner:\n  on: 1\n  off: 2\n  list: [1, b]\n");
        assert_eq!(read, None);
        let places: Vec<&str> = problems.iter().map(|problem| &problem[..5]).collect();
        assert_eq!(places, ["f:1:1", "f:2:1", "f:4:3", "f:5:3", "f:6:1"], "{problems:#?}");
        assert!(problems[0].contains("unknown key `nam`"), "{problems:#?}");
        assert!(problems[4].contains("inner.list[1]: "), "{problems:#?}");
    }

    #[test]
    fn a_missing_key_is_said_unless_it_was_wrong() {
        let (_, problems) = all("count: 1\n");
        assert_eq!(problems, ["f:1:1: missing key `name`"]);
        let (_, problems) = all("name: [1]\n");
        assert_eq!(problems.len(), 1, "{problems:?}");
    }
}

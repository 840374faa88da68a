//! `${name}` in a file: the values of `spec.values`, and those of `--set`.

use std::collections::BTreeMap;

use super::problems::Problems;
use super::yaml::{self, Node, Path, Place, Value};

/// Fills in what `${name}` stands for; what stands for nothing, and what is set and not in the file, is a problem.
pub(super) fn fill(document: &mut Node, given: &BTreeMap<String, String>, problems: &mut Problems) {
    let at = Path::default().key("spec").key("values");
    let mut values = BTreeMap::new();
    if let Some(Value::Map(map)) = document.find(&at.0).map(|node| &node.value) {
        for (key, node) in map {
            values.insert(key.name.clone(), node.value.clone());
        }
    }
    for (name, value) in given {
        if values.insert(name.clone(), typed(value)).is_none() {
            let told = format!("--set {name}: there is no such name in `spec.values`");
            problems.add(Place::default(), told);
        }
    }
    walk(document, &values, problems);
}

/// What a word of the command line would be in a file.
fn typed(word: &str) -> Value {
    let plain = yaml::read(word).ok().and_then(|mut documents| documents.pop());
    match plain.map(|node| node.value) {
        Some(value @ (Value::Bool(_) | Value::Number(_))) => value,
        _ => Value::Text(word.to_owned()),
    }
}

fn walk(node: &mut Node, values: &BTreeMap<String, Value>, problems: &mut Problems) {
    let at = node.at;
    match &mut node.value {
        Value::List(list) => list.iter_mut().for_each(|node| walk(node, values, problems)),
        Value::Map(map) => map.iter_mut().for_each(|(_, node)| walk(node, values, problems)),
        Value::Text(text) if text.contains("${") => match filled(text, values) {
            Ok(filled) => node.value = filled,
            Err(name) => problems.add(at, format!("`${{{name}}}`: there is no `{name}` in `spec.values`")),
        },
        _ => {}
    }
}

/// The text with its values: the value itself where it is the whole text. The error is the name of one that there is not.
/// `$${` is a `${` that stands for itself.
fn filled(text: &str, values: &BTreeMap<String, Value>) -> Result<Value, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, after) = (&rest[..start], &rest[start + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            filled.push_str(before);
            filled.push_str("${");
            rest = after;
            continue;
        }
        let Some(end) = after.find('}') else {
            break;
        };
        let name = &after[..end];
        let value = values.get(name).ok_or(name)?;
        rest = &after[end + 1..];
        if before.is_empty() && filled.is_empty() && rest.is_empty() {
            return Ok(value.clone());
        }
        filled.push_str(before);
        filled.push_str(&value.word().ok_or(name)?);
    }
    filled.push_str(rest);
    Ok(Value::Text(filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, set: &[(&str, &str)]) -> (serde_json::Value, Vec<String>) {
        let mut document = yaml::read(text).unwrap().remove(0);
        let given = set
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut problems = Problems::of("f");
        fill(&mut document, &given.collect(), &mut problems);
        let problems = problems.into_all().iter().map(ToString::to_string).collect();
        (document.json()["it"].clone(), problems)
    }

    const VALUES: &str = "spec: {values: {slow: 100ms, many: 3}}\n";

    #[test]
    fn names_stand_for_their_values() {
        let of = |it: &str, set: &[(&str, &str)]| filled(&format!("{VALUES}it: {it}\n"), set).0;
        assert_eq!(of("'${slow}'", &[]), "100ms");
        assert_eq!(of("'${many}'", &[]), 3);
        assert_eq!(of("'${many}'", &[("many", "5")]), 5);
        assert_eq!(of("'${slow}'", &[("slow", "a: [b] # ${many}")]), "a: [b] # ${many}");
        assert_eq!(of("'x ${many} of ${slow}'", &[]), "x 3 of 100ms");
        assert_eq!(of("'$${many} ${'", &[]), "${many} ${");
    }

    #[test]
    fn what_stands_for_nothing_is_said() {
        let (_, problems) = filled(&format!("{VALUES}it: '${{fast}}'\n"), &[("slw", "1s")]);
        assert_eq!(
            problems,
            [
                "f: --set slw: there is no such name in `spec.values`",
                "f:2:5: `${fast}`: there is no `fast` in `spec.values`"
            ]
        );
    }
}

//! Label and field selectors, with the server's words for what it cannot read.

use serde_json::Value;

use super::{
    resources::{EVENTS, PODS, Resource},
    status_error::{ApiError, ApiResult},
};
use crate::json;

/// What a list or a watch shows of its kind.
#[derive(Debug, Default, Clone)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<Field>,
}

#[derive(Debug, Clone)]
struct Requirement {
    key: String,
    rule: Rule,
}

#[derive(Debug, Clone)]
enum Rule {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Missing,
}

#[derive(Debug, Clone)]
struct Field {
    pointer: String,
    value: String,
    equal: bool,
}

impl Selector {
    /// Reads both selectors of a request (empty texts select everything).
    pub(crate) fn parse(resource: &Resource, labels: &str, fields: &str) -> ApiResult<Self> {
        Ok(Self {
            labels: parse_labels(labels)?,
            fields: parse_fields(resource, fields)?,
        })
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.labels.iter().all(|requirement| requirement.matches(object))
            && self
                .fields
                .iter()
                .all(|field| (json::text(object, &field.pointer) == field.value) == field.equal)
    }
}

impl Requirement {
    fn matches(&self, object: &Value) -> bool {
        let value = object
            .pointer("/metadata/labels")
            .and_then(|labels| labels.get(&self.key))
            .and_then(Value::as_str);
        match (&self.rule, value) {
            (Rule::In(values), Some(value)) => values.iter().any(|one| one == value),
            (Rule::NotIn(values), Some(value)) => !values.iter().any(|one| one == value),
            (Rule::Exists, Some(_)) | (Rule::NotIn(_) | Rule::Missing, None) => true,
            (Rule::In(_) | Rule::Exists, None) | (Rule::Missing, Some(_)) => false,
        }
    }
}

/// Splits at the commas that are not inside brackets.
fn terms(text: &str) -> Vec<&str> {
    let (mut terms, mut start, mut depth) = (Vec::new(), 0, 0_u32);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                terms.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
        .into_iter()
        .map(str::trim)
        .filter(|term| !term.is_empty())
        .collect()
}

fn parse_labels(text: &str) -> ApiResult<Vec<Requirement>> {
    terms(text)
        .into_iter()
        .map(|term| {
            requirement(term).ok_or_else(|| {
                let mut words = term.split_whitespace();
                let (found, expected) = match (words.next(), words.next()) {
                    (Some(key), Some(operator)) if key_is_valid(key) => (operator, "in, notin, =, ==, !=, gt, lt"),
                    _ => (term, "identifier"),
                };
                ApiError::bad_request(format!(
                    "unable to parse requirement: found '{found}', expected: {expected}"
                ))
            })
        })
        .collect()
}

fn requirement(term: &str) -> Option<Requirement> {
    let made = |key: &str, rule| {
        key_is_valid(key.trim()).then(|| Requirement {
            key: key.trim().to_owned(),
            rule,
        })
    };
    if let Some((head, set)) = term.split_once('(') {
        let values = set
            .trim_end()
            .strip_suffix(')')?
            .split(',')
            .map(|value| value.trim().to_owned())
            .collect();
        let (key, operator) = head.trim().rsplit_once(char::is_whitespace)?;
        return match operator {
            "in" => made(key, Rule::In(values)),
            "notin" => made(key, Rule::NotIn(values)),
            _ => None,
        };
    }
    if let Some((key, value)) = term.split_once("!=") {
        return made(key, Rule::NotIn(vec![value.trim().to_owned()]));
    }
    if let Some((key, value)) = term.split_once('=') {
        return made(key, Rule::In(vec![value.trim_start_matches('=').trim().to_owned()]));
    }
    match term.strip_prefix('!') {
        Some(key) => made(key, Rule::Missing),
        None => made(term, Rule::Exists),
    }
}

fn key_is_valid(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-_./".contains(letter))
}

fn parse_fields(resource: &Resource, text: &str) -> ApiResult<Vec<Field>> {
    terms(text)
        .into_iter()
        .map(|term| {
            let (name, value, equal) = match (term.split_once("!="), term.split_once('=')) {
                (Some((name, value)), _) => (name, value, false),
                (None, Some((name, value))) => (name, value.trim_start_matches('='), true),
                (None, None) => {
                    return Err(ApiError::bad_request(format!(
                        "invalid field selector: '{term}'; can't understand '{term}'"
                    )));
                }
            };
            if !supports(resource, name) {
                return Err(ApiError::bad_request(format!("field label not supported: {name}")));
            }
            Ok(Field {
                pointer: format!("/{}", name.replace('.', "/")),
                value: value.to_owned(),
                equal,
            })
        })
        .collect()
}

/// The fields a kind can be selected by: of a custom resource only its name and namespace.
fn supports(resource: &Resource, field: &str) -> bool {
    const POD: &[&str] = &[
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ];
    const EVENT: &[&str] = &["reason", "type", "reportingComponent", "source"];
    match field {
        "metadata.name" => true,
        "metadata.namespace" => resource.namespaced,
        _ if resource.is(&PODS) => POD.contains(&field),
        _ if resource.is(&EVENTS) => EVENT.contains(&field) || field.starts_with("involvedObject."),
        "spec.unschedulable" => resource.plural == "nodes",
        "status.phase" => resource.plural == "namespaces",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::resources::VMIS, *};

    fn labels(text: &str) -> bool {
        let pod = json!({"metadata": {"name": "p", "labels": {"tier": "db", "kubevirt.io": "virt-launcher"}}, "spec": {"nodeName": "node-1"}});
        Selector::parse(&PODS, text, "").unwrap().matches(&pod)
    }

    #[test]
    fn every_form_of_label_selector() {
        for text in [
            "",
            "tier=db",
            "tier==db",
            "tier!=web",
            "tier",
            "!gone",
            "tier in (db, web)",
            "tier notin (web)",
            "gone notin (a)",
            "gone!=a",
            "tier=db,kubevirt.io=virt-launcher",
        ] {
            assert!(labels(text), "{text} should match");
        }
        for text in [
            "tier=web",
            "!tier",
            "gone",
            "tier in (web)",
            "tier notin (db,web)",
            "tier!=db",
            "tier=db,gone",
        ] {
            assert!(!labels(text), "{text} should not match");
        }
    }

    #[test]
    fn what_cannot_be_read_is_a_bad_request() {
        assert_eq!(Selector::parse(&PODS, "a b", "").unwrap_err().code, 400);
        assert_eq!(
            Selector::parse(&VMIS, "", "status.phase=Running")
                .unwrap_err()
                .message(),
            "field label not supported: status.phase"
        );
    }

    #[test]
    fn fields_of_pods() {
        let pod = json!({"metadata": {"name": "p"}, "spec": {"nodeName": "node-1"}, "status": {"phase": "Running"}});
        let selects = |fields: &str| Selector::parse(&PODS, "", fields).unwrap().matches(&pod);
        assert!(selects("spec.nodeName=node-1,status.phase!=Failed"));
        assert!(!selects("metadata.name=q"));
    }
}

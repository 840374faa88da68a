//! What Kubernetes makes of `$` in a container's command, arguments and environment: `$$` is a dollar sign, `$(NAME)`
//! a variable, everything else stays.

use serde_json::Value;

use crate::json;

/// Expands one text. A name that is not known stays as it was written.
pub(crate) fn expand(text: &str, environment: &[(String, String)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let name = rest.strip_prefix('(').and_then(|inside| inside.split_once(')'));
        let Some((name, after)) = name else {
            out.push('$');
            continue;
        };
        if let Some((_, value)) = environment.iter().rev().find(|(known, _)| known == name) {
            out.push_str(value);
        } else {
            out.push_str("$(");
            out.push_str(name);
            out.push(')');
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A container's environment, each value expanded with those before it.
pub(crate) fn environment(pod: &Value, container: &Value) -> Vec<(String, String)> {
    let mut environment: Vec<(String, String)> = Vec::new();
    for entry in json::list(container, "/env") {
        let field = json::text(entry, "/valueFrom/fieldRef/fieldPath");
        let value = if field.is_empty() {
            expand(json::text(entry, "/value"), &environment)
        } else {
            json::text(pod, &format!("/{}", field.replace('.', "/"))).to_owned()
        };
        environment.push((json::text(entry, "/name").to_owned(), value));
    }
    environment
}

/// A container's command line, expanded.
pub(crate) fn command(container: &Value, environment: &[(String, String)]) -> Vec<String> {
    let words = json::list(container, "/command")
        .iter()
        .chain(json::list(container, "/args"));
    words
        .filter_map(Value::as_str)
        .map(|word| expand(word, environment))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dollars_as_kubernetes_reads_them() {
        let environment = [("A".to_owned(), "1".to_owned()), ("EMPTY".to_owned(), String::new())];
        for (text, expected) in [
            ("$(A)", "1"),
            ("$$(A)", "$(A)"),
            ("$$$(A)", "$1"),
            ("$(B)", "$(B)"),
            ("$A ${A}", "$A ${A}"),
            ("$$A", "$A"),
            ("$(A", "$(A"),
            ("x$", "x$"),
            ("$(EMPTY)|", "|"),
            ("$$$$", "$$"),
        ] {
            assert_eq!(expand(text, &environment), expected, "{text}");
        }
    }

    #[test]
    fn a_variable_sees_the_ones_before_it_and_the_pods_fields() {
        let pod = json!({"spec": {"nodeName": "node-1"}});
        let container = json!({"env": [{"name": "A", "value": "x"}, {"name": "B", "value": "$(A)$(C)$$"}, {"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}], "command": ["sh", "-c"], "args": ["echo $(B) $$x"]});
        let environment = environment(&pod, &container);
        assert_eq!(environment[1].1, "x$(C)$");
        assert_eq!(environment[2].1, "node-1");
        assert_eq!(command(&container, &environment), ["sh", "-c", "echo x$(C)$ $x"]);
    }
}

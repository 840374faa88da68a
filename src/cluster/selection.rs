//! Which VMIs are meant: what the target arguments and flags of a command said.

use std::collections::BTreeSet;

use regex::Regex;

/// What was asked for; with nothing set it means every VMI of the context's namespace.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// VMIs named exactly; they exclude every other way to choose.
    pub names: Vec<NamedTarget>,
    /// `--target`: must match the whole name.
    pub target: Option<Regex>,
    /// `--namespaces`: must match the whole name of the namespace; looks into all of them.
    pub namespaces: Option<Regex>,
    /// `-n`: one namespace.
    pub namespace: Option<String>,
    /// `-A`
    pub all_namespaces: bool,
    /// `-l`: a label selector, understood by the API server.
    pub selector: Option<String>,
    /// `--exclude`: must match the whole name.
    pub exclude: Option<Regex>,
}

/// A VMI named on the command line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedTarget {
    /// From `TYPE/NAME/NAMESPACE`; otherwise `-n` or the context's.
    pub namespace: Option<String>,
    pub name: String,
}

/// Where to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    Cluster,
    /// Sorted, each once.
    Namespaces(BTreeSet<String>),
}

// === impl Selection ===

impl Selection {
    /// Where to look; `current` is the context's namespace.
    pub fn scope(&self, current: &str) -> Scope {
        if !self.names.is_empty() {
            return Scope::Namespaces(
                self.named(current)
                    .into_iter()
                    .map(|(namespace, _)| namespace)
                    .collect(),
            );
        }
        if self.all_namespaces || self.namespaces.is_some() {
            return Scope::Cluster;
        }
        Scope::Namespaces(BTreeSet::from([self
            .namespace
            .as_deref()
            .unwrap_or(current)
            .to_owned()]))
    }

    /// Namespace and name of every VMI named, sorted, each once.
    pub fn named(&self, current: &str) -> BTreeSet<(String, String)> {
        self.names
            .iter()
            .map(|target| {
                let namespace = target
                    .namespace
                    .as_deref()
                    .or(self.namespace.as_deref())
                    .unwrap_or(current);
                (namespace.to_owned(), target.name.clone())
            })
            .collect()
    }

    /// Whether the patterns let this VMI through; names and labels are looked at elsewhere.
    pub fn admits(&self, namespace: &str, name: &str) -> bool {
        let fits = |pattern: &Option<Regex>, text: &str| pattern.as_ref().is_none_or(|regex| regex.is_match(text));
        fits(&self.target, name)
            && fits(&self.namespaces, namespace)
            && !self.exclude.as_ref().is_some_and(|regex| regex.is_match(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::full_match;

    fn named(namespace: Option<&str>, name: &str) -> NamedTarget {
        NamedTarget {
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        }
    }

    fn namespaces(names: &[&str]) -> Scope {
        Scope::Namespaces(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn without_a_flag_it_is_the_contexts_namespace() {
        assert_eq!(Selection::default().scope("shop"), namespaces(&["shop"]));
        let flag = Selection {
            namespace: Some("prod".into()),
            ..Selection::default()
        };
        assert_eq!(flag.scope("shop"), namespaces(&["prod"]));
    }

    #[test]
    fn all_namespaces_and_a_pattern_of_namespaces_look_everywhere() {
        let all = Selection {
            all_namespaces: true,
            ..Selection::default()
        };
        assert_eq!(all.scope("shop"), Scope::Cluster);
        let pattern = Selection {
            namespaces: full_match("team-.*").ok(),
            ..Selection::default()
        };
        assert_eq!(pattern.scope("shop"), Scope::Cluster);
        assert!(pattern.admits("team-a", "x") && !pattern.admits("my-team-a", "x"));
    }

    #[test]
    fn the_same_vmi_named_twice_counts_once() {
        let selection = Selection {
            names: vec![named(None, "a"), named(Some("shop"), "a"), named(Some("other"), "a")],
            ..Selection::default()
        };
        let found: Vec<_> = selection.named("shop").into_iter().collect();
        assert_eq!(
            found,
            [
                ("other".to_owned(), "a".to_owned()),
                ("shop".to_owned(), "a".to_owned())
            ]
        );
        assert_eq!(selection.scope("shop"), namespaces(&["other", "shop"]));
    }

    #[test]
    fn exclusion_wins_over_a_match() {
        let selection = Selection {
            target: full_match("web-.*").ok(),
            exclude: full_match(".*-2").ok(),
            ..Selection::default()
        };
        assert!(selection.admits("a", "web-1"));
        assert!(!selection.admits("a", "web-2") && !selection.admits("a", "db-1"));
    }
}

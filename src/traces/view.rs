//! Where it could be looked for something, and where not.

/// What could be looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// `None` is the whole cluster; otherwise the namespaces that could be looked into.
    pub seen: Option<Vec<String>>,
    /// Namespaces that could not be looked into.
    pub unseen: Vec<String>,
    /// There may be further namespaces, whose names are not known.
    pub others: bool,
}

// === impl View ===

impl View {
    pub(super) fn whole() -> Self {
        Self {
            seen: None,
            unseen: Vec::new(),
            others: false,
        }
    }

    /// Whether every namespace could be looked into.
    pub fn is_whole(&self) -> bool {
        self.unseen.is_empty() && !self.others
    }

    /// Whether this namespace could be looked into.
    pub fn covers(&self, namespace: &str) -> bool {
        self.seen
            .as_ref()
            .is_none_or(|seen| seen.iter().any(|one| one == namespace))
    }

    /// What could not be looked into, in words; `None` when that is nothing.
    pub fn blind_spots(&self) -> Option<String> {
        let others = self
            .others
            .then(|| "the namespaces whose names may not be listed".to_owned());
        let all: Vec<String> = self.unseen.iter().cloned().chain(others).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_looked_into_is_named() {
        let view = |unseen: &[&str], others| View {
            seen: Some(Vec::new()),
            unseen: unseen.iter().map(|name| (*name).to_owned()).collect(),
            others,
        };
        assert!(view(&[], false).is_whole());
        assert_eq!(view(&[], false).blind_spots(), None);
        assert_eq!(view(&["a", "b"], false).blind_spots().as_deref(), Some("a, b"));
        assert!(!view(&[], true).is_whole());
    }
}

//! In what the practice cluster differs from the recordings, and is to.

/// The scenario (empty = all), how the fact begins, how it ends, and why it differs.
pub(super) const DIFFERENCES: &[(&str, &str, &str, &str)] = &[];

/// Which of the differences is meant, if any.
pub(super) fn is_meant(scenario: &str, fact: &str) -> Option<usize> {
    DIFFERENCES.iter().position(|(of, start, end, _)| {
        (of.is_empty() || *of == scenario) && fact.starts_with(start) && fact.ends_with(end)
    })
}

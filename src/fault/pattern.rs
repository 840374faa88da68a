//! Regular expressions for names, as people type them.

use regex::{Regex, RegexBuilder};

/// A compiled pattern may take this much memory; far more than any list of names needs.
const PATTERN_LIMIT: usize = 1 << 20;

/// A regular expression that has to match a whole name, as `--target`, `--namespaces` and `--exclude` take it.
pub fn full_match(pattern: &str) -> Result<Regex, regex::Error> {
    // Compiled once on its own, so that `a)(b` is not made valid by the group around it.
    RegexBuilder::new(pattern).size_limit(PATTERN_LIMIT).build()?;
    RegexBuilder::new(&format!("^(?:{pattern})$"))
        .size_limit(PATTERN_LIMIT)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_names_only() {
        let pattern = full_match("web|db").unwrap();
        assert!(pattern.is_match("web") && pattern.is_match("db"));
        assert!(!pattern.is_match("web-1") && !pattern.is_match("mydb"));
        assert!(full_match("a)(b").is_err());
        assert!(full_match("(").is_err());
        assert!(full_match("(?:a{1000}){1000}").is_err());
    }
}

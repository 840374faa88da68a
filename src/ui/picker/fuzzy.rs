//! How well what was typed fits a row.

/// The best fit of one of the cells. Letters never come from two cells, or `db` would find `default` and `web` together, and
/// "select all shown" would take what nobody meant. With a `/` the first two cells are taken together: `shop/web`.
pub(super) fn best(cells: &[String], typed: &str) -> Option<usize> {
    if typed.contains('/')
        && let [first, second, ..] = cells
    {
        return distance(&format!("{first}/{second}"), typed);
    }
    cells.iter().filter_map(|cell| distance(cell, typed)).min()
}

/// `None` when the letters of `typed` do not occur in `text` in that order; else the less the better.
///
/// Case does not matter. A run of letters together beats the same letters apart, and an early hit beats a late one: `web1`
/// finds `web-1` before `west-block-1`, and both.
fn distance(text: &str, typed: &str) -> Option<usize> {
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let typed: Vec<char> = typed.chars().flat_map(char::to_lowercase).collect();
    let Some(first) = typed.first() else {
        return Some(0);
    };
    // From every place where it could start, greedily: the tightest one counts.
    text.iter()
        .enumerate()
        .filter(|(_, c)| *c == first)
        .filter_map(|(start, _)| {
            let mut at = start;
            for wanted in &typed[1..] {
                at += 1 + text[at + 1..].iter().position(|c| c == wanted)?;
            }
            let apart = at + 1 - start - typed.len();
            Some(apart * 8 + start.min(7))
        })
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_must_occur_in_order() {
        assert_eq!(distance("default web-1", ""), Some(0));
        assert!(distance("default web-1", "dw1").is_some());
        assert!(distance("default web-1", "WEB-1").is_some());
        assert_eq!(distance("default web-1", "1w"), None);
        assert_eq!(distance("web", "webb"), None);
    }

    #[test]
    fn letters_come_from_one_cell() {
        let cells = ["default".to_owned(), "web-1".to_owned()];
        assert_eq!(best(&cells, "db"), None);
        assert!(best(&cells, "wb1").is_some());
        assert!(best(&cells, "def/w1").is_some());
        assert_eq!(best(&cells, "shop/w1"), None);
        assert_eq!(best(&cells, ""), Some(0));
    }

    #[test]
    fn together_beats_apart_and_early_beats_late() {
        assert!(distance("web-1", "web1") < distance("west-block-1", "web1"));
        assert!(distance("db-0", "db") < distance("x-db-0", "db"));
        // The first `w` starts a worse match than the second.
        assert!(distance("w-x web", "web") < distance("wxexb", "web"));
    }
}

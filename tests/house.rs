//! The map in `src/lib.rs` is true: every room is on it, and uses what it says and no more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Rooms that every other may use.
const SMALL: [&str; 5] = ["command_line", "escape", "local", "name", "problem"];

fn names(text: &str) -> impl Iterator<Item = String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// What each room may use; `None` is everything.
fn table(lib: &str) -> BTreeMap<String, Option<BTreeSet<String>>> {
    let rows = lib.lines().filter_map(|line| line.strip_prefix("//! | [`"));
    rows.map(|row| {
        let (room, rest) = row.split_once("`]").unwrap();
        let uses = rest.trim_end_matches(" |").rsplit_once('|').unwrap().1;
        (
            room.to_owned(),
            (uses.trim() != "everything").then(|| names(uses).collect()),
        )
    })
    .collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .collect()
}

/// Rooms that a source names, outside of comments.
fn used(source: &str, rooms: &BTreeMap<String, Option<BTreeSet<String>>>) -> BTreeSet<String> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let named = code.flat_map(|line| line.split("crate::").skip(1));
    let word = |rest: &str| {
        rest.split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .next()
            .map(str::to_owned)
    };
    named.filter_map(word).filter(|word| rooms.contains_key(word)).collect()
}

#[test]
fn a_room_uses_what_the_map_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = std::fs::read_to_string(root.join("lib.rs")).unwrap();
    let rooms = table(&lib);
    let declared: BTreeSet<String> = lib
        .lines()
        .filter_map(|line| {
            Some(
                line.trim_start_matches("pub")
                    .trim_start_matches("(crate)")
                    .strip_prefix(" mod ")?
                    .strip_suffix(';')?
                    .to_owned(),
            )
        })
        .collect();
    assert_eq!(rooms.keys().cloned().collect::<BTreeSet<_>>(), declared);
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (room, may_use) in &rooms {
        let Some(may_use) = may_use else { continue };
        let file = root.join(format!("{room}.rs"));
        let files = if file.exists() {
            vec![file]
        } else {
            sources(&root.join(room))
        };
        for file in files {
            for used in used(&std::fs::read_to_string(&file).unwrap(), &rooms) {
                seen.insert((room.clone(), used.clone()));
                if used != *room && !may_use.contains(&used) && !SMALL.contains(&used.as_str()) {
                    wrong.push(format!("{} uses `{used}`", file.display()));
                }
            }
        }
        let idle = may_use
            .iter()
            .filter(|used| !seen.contains(&(room.clone(), (*used).clone())));
        wrong.extend(idle.map(|used| format!("`{room}` may use `{used}` and does not")));
    }
    assert!(wrong.is_empty(), "src/lib.rs says otherwise:\n{}", wrong.join("\n"));
}

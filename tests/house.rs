//! The map in `src/lib.rs` is true: every room is on it, and uses what it says and no more. So is the one in CONTRIBUTING.md.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

/// The package of the practice cluster, and the only source that may name it.
const REHEARSAL: (&str, &str) = ("vmchaos_rehearsal", "commands/rehearse.rs");

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

/// What a source names of the rest, and paths in it that this cannot be read off.
#[derive(Debug, Default, PartialEq)]
struct Read {
    /// Modules of the crate, and the package of the practice cluster.
    used: BTreeSet<String>,
    unclear: Vec<String>,
}

/// Words, `::`, literals and signs, without comments.
fn tokens(source: &str) -> Vec<&str> {
    static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
        let comments = r"//[^\n]*|/\*.*?\*/";
        let strings = r##"b?r#+".*?"#+|b?r"[^"]*"|"(?:\\.|[^"\\])*"|'(?:\\.[^']*|[^\\'])'"##;
        Regex::new(&format!(r"(?s){comments}|{strings}|\w+|::|\S")).unwrap()
    });
    let all = TOKEN.find_iter(source).map(|token| token.as_str());
    all.filter(|token| !token.starts_with("//") && !token.starts_with("/*"))
        .collect()
}

/// `depth`: of how many modules below the crate the source is the innermost.
fn read(source: &str, depth: usize) -> Read {
    let tokens = tokens(source);
    let at = |n: Option<usize>| n.and_then(|n| tokens.get(n)).copied().unwrap_or_default();
    let mut read = Read::default();
    // Of the open braces: which are a module's.
    let mut braces = Vec::new();
    let mut in_use = false;
    for (n, token) in tokens.iter().enumerate() {
        let (before, after) = (|by| at(n.checked_sub(by)), |by| at(Some(n + by)));
        let is_visibility = before(1) == "(" && after(1) == ")";
        match *token {
            "{" => braces.push(before(2) == "mod"),
            "}" => drop(braces.pop()),
            "use" => in_use = true,
            ";" => in_use = false,
            name if name == REHEARSAL.0 => drop(read.used.insert(name.to_owned())),
            "crate" if is_visibility => {}
            "crate" if after(1) == "::" && after(2).starts_with(|c: char| c.is_alphanumeric() || c == '_') => {
                read.used.insert(after(2).to_owned());
            }
            "crate" => read.unclear.push(format!(
                "`{}`: write `crate::ROOM::…`, a `use` for each room",
                [*token, after(1), after(2)].join(" ")
            )),
            "super" if is_visibility || (before(1) == "::" && before(2) == "super") => {}
            "super" => {
                let chain = tokens[n..].chunks(2).take_while(|pair| pair[0] == "super").count();
                let is_grouped = in_use && matches!(before(1), "{" | ",");
                if is_grouped || chain >= depth + braces.iter().filter(|is_module| **is_module).count() {
                    read.unclear.push(format!(
                        "`{}` leaves the room or hides that it does: write `crate::ROOM::…`",
                        vec!["super"; chain].join("::")
                    ));
                }
            }
            _ => {}
        }
    }
    read
}

/// The room a source is in, and how many modules below the crate it is; `path` is below `src`.
fn place(path: &Path) -> (String, usize) {
    let path = path.with_extension("");
    let mut modules: Vec<_> = path.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if modules.last().is_some_and(|last| last == "mod") {
        modules.pop();
    }
    (modules[0].clone(), modules.len())
}

/// What of a source, at `path` below `src`, is not as the table says.
fn wrong(path: &Path, read: &Read, rooms: &BTreeMap<String, Option<BTreeSet<String>>>) -> Vec<String> {
    let (room, _) = place(path);
    let may_use = |used: &str| {
        if used == REHEARSAL.0 {
            return path == Path::new(REHEARSAL.1);
        }
        let uses = rooms.get(&room).and_then(Option::as_ref);
        let is_small = SMALL.contains(&used) || used == room;
        rooms.contains_key(used) && (is_small || uses.is_none_or(|uses| uses.contains(used)))
    };
    let used = read.used.iter().filter(|used| !may_use(used));
    let used = used.map(|used| format!("{} uses `{used}`", path.display()));
    let unclear = read.unclear.iter().map(|what| format!("{}: {what}", path.display()));
    used.chain(unclear).collect()
}

#[test]
fn a_room_uses_what_the_map_says() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = std::fs::read_to_string(src.join("lib.rs")).unwrap();
    let rooms = table(&lib);
    let modules = |before: &str| -> BTreeSet<String> {
        let names = lib
            .lines()
            .filter_map(|line| line.strip_prefix(before)?.strip_suffix(';'));
        names.map(str::to_owned).collect()
    };
    let (mut declared, public) = (modules("mod "), modules("pub mod "));
    assert_eq!(public, BTreeSet::from(["testing".to_owned()]), "rooms are not public");
    declared.extend(public);
    assert_eq!(rooms.keys().cloned().collect::<BTreeSet<_>>(), declared);
    let mut all = Vec::new();
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in sources(&src) {
        let path = file.strip_prefix(&src).unwrap();
        if path.starts_with("rehearsal") {
            continue;
        }
        let (room, depth) = place(path);
        let read = read(&std::fs::read_to_string(&file).unwrap(), depth);
        all.extend(wrong(path, &read, &rooms));
        seen.entry(room).or_default().extend(read.used);
    }
    for (room, may_use) in &rooms {
        let used = &seen[room];
        let idle = may_use.iter().flatten().filter(|one| !used.contains(*one));
        all.extend(idle.map(|one| format!("`{room}` may use `{one}` and does not")));
    }
    assert!(all.is_empty(), "src/lib.rs says otherwise:\n{}", all.join("\n"));
}

/// What `a{b,c}d` stands for.
fn alternatives(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else {
        return vec![path.to_owned()];
    };
    let (names, after) = rest.split_once('}').unwrap();
    names.split(',').map(|name| format!("{before}{name}{after}")).collect()
}

#[test]
fn contributing_names_files_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let named = names(&text).filter(|name| name.starts_with("src/") || name.starts_with("tests/"));
    let named: Vec<String> = named.flat_map(|name| alternatives(&name)).collect();
    assert!(named.len() > 40, "{named:?}");
    for name in named {
        // Of `folder/*.sh` the folder, of `tests/run all` the script.
        let name = name.split([' ', '*']).next().unwrap();
        assert!(root.join(name).exists(), "{name}");
    }
}

#[test]
fn what_a_room_may_not_use_is_found_however_it_is_written() {
    let rooms = BTreeMap::from([
        ("commands".to_owned(), None),
        ("plan".to_owned(), Some(BTreeSet::from(["fault".to_owned()]))),
        ("fault".to_owned(), Some(BTreeSet::new())),
        ("ui".to_owned(), Some(BTreeSet::new())),
    ]);
    let said = |path: &str, source: &str| {
        let path = Path::new(path);
        wrong(path, &read(source, place(path).1), &rooms)
    };
    for source in [
        "use crate::ui::Printer;",
        "use {crate::fault::Time, crate :: ui::Printer};",
        r#"let a = "https://"; crate::ui::print(a);"#,
        "let quote = '\"'; crate::ui::print(quote);",
        "use crate::{ui::Printer, fault::Time};",
        "use crate::{\n    fault::Time,\n    ui::Printer,\n};",
        "use crate::*;",
        "use crate as house;",
        "extern crate self as house;",
        "use crate::Printer;",
        "use super::super::ui::Printer;",
        "use super::super as house;",
        "use super::{super::ui::Printer, draw};",
        "let time = self::super::super::ui::now();",
        "mod tests { use super::super::super::ui::Printer; }",
        "mod tests { } use super::super::ui::Printer;",
        "use vmchaos_rehearsal::Practice;",
        "type P = vmchaos_rehearsal::Practice;",
    ] {
        assert_eq!(said("plan/draw.rs", source).len(), 1, "{source}");
    }
    for path in ["plan.rs", "plan/mod.rs"] {
        assert_eq!(said(path, "use super::ui::Printer;").len(), 1, "{path}");
        assert_eq!(
            said(path, "pub(super) mod draw; pub(crate) use self::draw::Draw;").len(),
            0
        );
    }
    for source in [
        "use crate::fault::Time;",
        "use super::guards::Guards;",
        "mod tests { use super::super::guards; mod deeper { use super::super::super::guards; } }",
        "// use crate::ui::Printer;",
        "/* crate::ui */ /// [`crate::ui`]",
        r##"const A: [&str; 2] = ["crate::ui", r#"super::super::ui"#];"##,
        "pub(crate) fn f<'a>(one: &'a str) -> impl Iterator<Item = &'a str> {}",
    ] {
        assert!(
            said("plan/draw.rs", source).is_empty(),
            "{source}: {:?}",
            said("plan/draw.rs", source)
        );
    }
    let practice = "use vmchaos_rehearsal::Practice;";
    assert!(said(REHEARSAL.1, practice).is_empty());
    assert_eq!(said("commands/halt.rs", practice).len(), 1);
    assert_eq!(said("main.rs", practice).len(), 1);
    assert!(said("commands/halt.rs", "use crate::ui::Printer;").is_empty());
}

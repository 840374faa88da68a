use super::yaml::{Node, Path, Place, read};

fn one(text: &str) -> Node {
    read(text).unwrap().remove(0)
}

fn at(line: u64, column: u64) -> Place {
    Place { line, column }
}

#[test]
fn everything_is_where_it_stands() {
    let node = one("a: 1\nb:\n  - c: [x, 2.5]\n    d: {e: true}\n");
    let b = Path::default().key("b");
    assert_eq!(node.place(&Path::default().key("a").0), at(1, 1));
    assert_eq!(node.place(&b.0), at(2, 1));
    assert_eq!(node.place(&b.index(0).key("c").0), at(3, 5));
    assert_eq!(node.place(&b.index(0).key("c").index(1).0), at(3, 12));
    assert_eq!(node.place(&b.index(0).key("d").key("e").0), at(4, 9));
    // What is not there is missed in what is around it.
    assert_eq!(node.place(&b.index(0).key("d").key("f").0), at(4, 8));
    assert_eq!(b.index(0).key("d").to_string(), "b[0].d");
    assert_eq!(
        node.json(),
        serde_json::json!({"a": 1, "b": [{"c": ["x", 2.5], "d": {"e": true}}]})
    );
}

#[test]
fn a_file_may_have_several_documents_and_empty_ones() {
    assert_eq!(read("a: 1\n---\n---\nb: 2\n").unwrap().len(), 2);
    assert_eq!(read("# nothing\n").unwrap().len(), 0);
    assert_eq!(one(r#"{"a": [1, null]}"#).json(), serde_json::json!({"a": [1, null]}));
}

#[test]
fn what_is_no_yaml_is_said_with_its_place() {
    let (place, why) = read("a: 1\nb: [1, 2\nc: 3\n").unwrap_err();
    assert!(place.line >= 2, "{place:?} {why}");
    let (place, why) = read("a: 1\na: 2\n").unwrap_err();
    assert!(place.line == 2 && why.contains("duplicate"), "{place:?} {why}");
    let bomb = (0..30).fold("a0: &a0 [x]\n".to_owned(), |text, n| {
        format!("{text}a{}: &a{} [*a{n}, *a{n}, *a{n}]\n", n + 1, n + 1)
    });
    assert!(read(&bomb).is_err());
}

#[test]
fn only_true_and_false_are_no_words() {
    let node = one("[y, on, no, true, False]");
    assert_eq!(node.json(), serde_json::json!(["y", "on", "no", true, false]));
}

#[test]
fn an_alias_stands_where_it_is_used() {
    let node = one("a: &x {b: 1}\nc: *x\n");
    assert_eq!(node.get("c").unwrap().at, at(2, 4));
    assert_eq!(node.json()["c"]["b"], 1);
}

#[test]
fn what_is_wrong_is_said_without_the_library_and_with_what_helps() {
    let why = |text: &str| read(text).unwrap_err().1;
    assert_eq!(why("a: 1\na: 2\n"), "duplicate mapping key: a");
    let unquoted = why("a: {b: ${c}, d: 1}\n");
    assert!(
        unquoted.ends_with("within braces put quotes around it: \"${name}\""),
        "{unquoted}"
    );
    assert!(!unquoted.contains(" at line "), "{unquoted}");
    assert!(read("a: {b: \"${c}\", d: 1}\n").is_ok());
}

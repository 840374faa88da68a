//! What is written where, and when.

use serde_json::json;

use super::{Folder, SHORT, quick, with};

const YES: &str = "--yes=vmchaos-rehearsal";

#[test]
fn every_form_is_written_and_nothing_else() {
    let (rehearsal, folder) = (quick(), Folder::new());
    let files = ["r.json", "r.jsonl", "r.md", "r.html", "r.xml"].map(|name| folder.path(name));
    let mut args = with(
        &SHORT,
        &["-o", "json", "--probe", "icmp", "--reason", "game <day> | \"1\""],
    );
    for file in &files {
        args.extend(["--report", file]);
    }
    let ended = rehearsal.run(&args).expect(0);
    assert_eq!(folder.names(), ["r.html", "r.json", "r.jsonl", "r.md", "r.xml"]);
    assert_eq!(folder.json("r.json"), ended.json());
    assert_eq!(folder.json("r.json")["server"], rehearsal.practice.url());
    let (page, table) = (folder.read("r.html"), folder.read("r.md"));
    assert!(page.contains("<svg") && page.contains("default/web-1"), "{page}");
    assert!(
        page.contains("class=\"probe\"") && page.contains("icmp: before "),
        "{page}"
    );
    assert!(
        page.contains("game &lt;day&gt; | &quot;1&quot;") && !page.contains("<day>"),
        "{page}"
    );
    for loaded in ["<script", "src=", "href=", "url("] {
        assert!(!page.contains(loaded), "{loaded} in\n{page}");
    }
    assert!(
        table.contains("| default/web-1 | node-1 | restored | deadline |"),
        "{table}"
    );
    assert!(table.contains("- probed by icmp: before "), "{table}");
    assert!(table.contains("game \\<day\\> \\| "), "{table}");
    let suite = folder.read("r.xml");
    assert!(
        suite.contains("tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\""),
        "{suite}"
    );
}

#[test]
fn lines_are_written_as_things_happen_and_survive_the_command() {
    let (rehearsal, folder) = (quick(), Folder::new());
    let args = [
        "netem",
        "web-1",
        "--latency",
        "20ms",
        "--duration",
        "10m",
        "-y",
        "--report",
    ];
    let file = folder.path("r.jsonl");
    let mut run = rehearsal.spawn(&with(&args, &[&file]));
    run.wait_for("injected");
    run.signal("KILL");
    run.end();
    let lines = folder.lines("r.jsonl");
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events[..2], ["begun", "planned"]);
    let injected = lines
        .iter()
        .find(|line| line["text"].as_str().is_some_and(|text| text.starts_with("injected")));
    assert_eq!(injected.unwrap()["vmi"], "default/web-1");
    assert!(
        lines
            .iter()
            .all(|line| line["run"] == lines[0]["run"] && line["at"].is_string())
    );
    assert!(!events.contains(&"ended"));
}

#[test]
fn a_signal_ends_with_all_files_written() {
    for signal in ["INT", "TERM", "HUP"] {
        let (rehearsal, folder) = (quick(), Folder::new());
        let args = ["netem", "web-1", "--latency", "20ms", "--duration", "10m", "-y"];
        let (json, xml) = (folder.path("r.json"), folder.path("r.xml"));
        let mut run = rehearsal.spawn(&with(&args, &["--report", &json, "--report", &xml]));
        run.wait_for("injected");
        run.signal(signal);
        run.end().expect(130);
        assert_eq!(folder.json("r.json")["outcome"], "interrupted");
        assert!(folder.read("r.xml").contains("default/web-1"));
    }
}

#[test]
fn a_refused_run_is_kept_too_and_a_good_report_is_replaced_only_by_a_whole_one() {
    let (rehearsal, folder) = (quick(), Folder::new());
    let file = folder.path("r.json");
    let args = ["netem", "nobody", "--latency", "20ms", "-y", "--report", &file];
    rehearsal.run(&args).expect(4);
    assert_eq!(folder.json("r.json")["error"]["reason"], "not-found");
    std::fs::write(&file, "the old one").unwrap();
    rehearsal.run(&args).expect(4).says(&["r.json is left as it was"]);
    assert_eq!(folder.read("r.json"), "the old one");
    let mut run = rehearsal.spawn(&["netem", "web-1", "--latency", "20ms", "-y", "--report", &file]);
    run.wait_for("injected");
    run.signal("KILL");
    run.end();
    assert_eq!(folder.read("r.json"), "the old one");
}

#[test]
fn a_file_that_cannot_be_written_refuses_the_run_before_anything_is_asked() {
    let (rehearsal, folder) = (quick(), Folder::new());
    for file in [folder.path("no/such/r.json"), folder.path("no/such/r.jsonl")] {
        let ended = rehearsal
            .run(&with(&SHORT, &["-o", "json", "--report", &file]))
            .expect(4);
        assert_eq!(ended.json()["error"]["reason"], "report");
        ended.says(&["the report cannot be kept", "nothing was done", "make the folder"]);
    }
    assert_eq!(rehearsal.practice.requests().len(), 0);
    assert_eq!(folder.names(), Vec::<String>::new());
}

#[test]
fn a_file_that_takes_no_more_is_said_and_fails_the_command() {
    let (rehearsal, folder) = (quick(), Folder::new());
    for name in ["r.md", "r.jsonl"] {
        let file = folder.path(name);
        std::fs::write(&file, "the old one").unwrap();
        let command = rehearsal.command(&with(&SHORT, &["-o", "json", "--report", &file]));
        // As on a full disk: no file may grow.
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""]);
        shell.arg(command.get_program()).args(command.get_args());
        shell.env_clear().stdin(std::process::Stdio::null());
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let ended = crate::support::Running::start(shell).end().expect(1);
        assert_eq!(ended.json()["outcome"], "completed");
        ended.says(&["the report could not be written to", "File too large"]);
        assert_eq!(folder.read(name), "the old one");
    }
}

#[test]
fn names_that_say_no_form_are_wrong_by_themselves() {
    let (rehearsal, folder) = (quick(), Folder::new());
    for name in ["-", "r.txt", "r"] {
        let ended = rehearsal.run(&with(&SHORT, &["--report", name])).expect(2);
        ended.says(&[".json, .jsonl, .md, .html or .xml"]);
    }
    let file = folder.path("r.json");
    let twice = rehearsal.run(&with(&SHORT, &["--report", &file, "--report", &file]));
    twice.expect(2).says(&["is given twice"]);
    assert_eq!(rehearsal.practice.requests().len(), 0);
}

#[test]
fn migrations_and_outages_are_kept_as_well() {
    let (rehearsal, folder) = (quick(), Folder::new());
    let (xml, html, lines) = (folder.path("m.xml"), folder.path("m.html"), folder.path("m.jsonl"));
    let files = ["--report", &xml, "--report", &html, "--report", &lines];
    rehearsal.run(&with(&["migrate", "web-1", "-y"], &files)).expect(0);
    let suite = folder.read("m.xml");
    assert!(
        suite.contains("classname=\"vmchaos.migration\" name=\"default/web-1 at "),
        "{suite}"
    );
    assert!(folder.read("m.html").contains("<title>Running</title>"));
    assert!(
        folder
            .lines("m.jsonl")
            .iter()
            .any(|line| line["text"].as_str().is_some_and(|text| text.contains("migrated")))
    );
    let file = folder.path("o.xml");
    rehearsal.practice.edit("VirtualMachine", "default", "web-1", |vm| {
        vm["spec"]["runStrategy"] = json!("Manual");
    });
    let outage = [
        "outage",
        "web-1",
        YES,
        "--duration",
        "1s",
        "--no-recover",
        "--report",
        &file,
    ];
    rehearsal.run(&outage).expect(5);
    let suite = folder.read("o.xml");
    assert!(
        suite.contains("failures=\"1\"") && suite.contains("<failure type=\"not-recovered\""),
        "{suite}"
    );
}

#[test]
fn a_vm_that_was_never_migrated_is_in_every_form_beside_one_that_was() {
    let (rehearsal, folder) = (quick(), Folder::new());
    rehearsal.practice.webhook_deny(
        "quota.example",
        "virtualmachineinstancemigrations",
        "lab",
        "no migrations in lab",
    );
    let (xml, html, md) = (folder.path("m.xml"), folder.path("m.html"), folder.path("m.md"));
    let files = ["--report", &xml, "--report", &html, "--report", &md];
    rehearsal
        .run(&with(&["migrate", "web-1", "vmi/probe-1/lab", "-y"], &files))
        .expect(5);
    let suite = folder.read("m.xml");
    assert!(suite.contains("tests=\"2\" failures=\"1\""), "{suite}");
    assert!(
        suite.contains("lab/probe-1") && suite.contains("no migrations in lab"),
        "{suite}"
    );
    for text in [folder.read("m.html"), folder.read("m.md")] {
        for part in [
            "no migrations in lab",
            "PreCopy",
            "2 migrations: 1 succeeded, 1 failed",
            "median",
        ] {
            assert!(text.replace('\\', "").contains(part), "{part}: {text}");
        }
    }
}

#[path = "kubeconfig_flag_tests.rs"]
mod flags;

use std::fs;
use tempfile::TempDir;

use super::*;

const A: &str = r"
apiVersion: v1
kind: Config
current-context: a
contexts:
- {name: a, context: {cluster: ca, user: ua, namespace: shop}}
- {name: nouser, context: {cluster: ca, user: gone}}
- {name: nocluster, context: {cluster: gone, user: ua}}
clusters:
- {name: ca, cluster: {server: 'https://10.0.0.1:6443', certificate-authority: pki/ca.crt, tls-server-name: inner}}
users:
- {name: ua, user: {tokenFile: tok, client-certificate: me.crt}}
";
const B: &str = r"
current-context: b
contexts:
- {name: a, context: {cluster: cb, user: ub}}
- {name: b, context: {cluster: cb, user: ub}}
clusters:
- {name: cb, cluster: {server: 'https://10.0.0.2'}}
users:
- {name: ub, user: {}}
";

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(TempDir::new().unwrap());
        fs::write(files.path("a"), A).unwrap();
        fs::write(files.path("b"), B).unwrap();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `KUBECONFIG` listing these files, and a home without any.
    fn env(&self, names: &[&str]) -> Environment {
        let paths: Vec<PathBuf> = names
            .iter()
            .map(|name| {
                if name.is_empty() {
                    PathBuf::new()
                } else {
                    self.path(name)
                }
            })
            .collect();
        Environment {
            kubeconfig: Some(std::env::join_paths(paths).unwrap()),
            home: Some(self.path("home")),
            ..Environment::default()
        }
    }
}

fn picked(connection: &Connection, env: &Environment) -> Resolved {
    match resolve(connection, env).unwrap() {
        Source::Kubeconfig(resolved) => *resolved,
        Source::InCluster => panic!("in-cluster was not expected"),
    }
}

fn refused(connection: &Connection, env: &Environment) -> String {
    resolve(connection, env).unwrap_err().message
}

#[test]
fn files_that_are_missing_or_empty_in_the_list_are_skipped() {
    let files = Files::new();
    let resolved = picked(&Connection::default(), &files.env(&["", "missing", "b", ""]));
    assert_eq!(
        (resolved.context.as_str(), resolved.cluster.server.as_deref()),
        ("b", Some("https://10.0.0.2"))
    );
}

#[test]
fn the_first_file_to_set_a_value_wins() {
    let files = Files::new();
    let resolved = picked(&Connection::default(), &files.env(&["a", "b"]));
    assert_eq!(
        (
            resolved.context.as_str(),
            resolved.cluster_name.as_str(),
            resolved.namespace.as_str()
        ),
        ("a", "ca", "shop")
    );
    let connection = Connection {
        context: Some("b".into()),
        ..Connection::default()
    };
    assert_eq!(picked(&connection, &files.env(&["a", "b"])).namespace, "default");
}

#[test]
fn paths_in_a_file_are_relative_to_that_file() {
    let files = Files::new();
    let resolved = picked(&Connection::default(), &files.env(&["a"]));
    assert_eq!(
        resolved.cluster.certificate_authority,
        Some(files.path("pki/ca.crt").display().to_string())
    );
    assert_eq!(resolved.auth.token_file, Some(files.path("tok").display().to_string()));
    assert_eq!(
        resolved.auth.client_certificate,
        Some(files.path("me.crt").display().to_string())
    );
}

#[test]
fn a_file_given_by_flag_is_the_only_one_and_must_exist() {
    let files = Files::new();
    let env = files.env(&["a"]);
    let flag = |name| Connection {
        kubeconfig: Some(files.path(name)),
        ..Connection::default()
    };
    assert_eq!(picked(&flag("b"), &env).context, "b");
    assert_eq!(
        refused(&flag("missing"), &env),
        format!("stat {}: no such file or directory", files.path("missing").display())
    );
}

#[test]
fn unknown_names_are_refused_in_kubectls_words() {
    let files = Files::new();
    let env = files.env(&["a"]);
    let with = |set: fn(&mut Connection)| {
        let mut connection = Connection::default();
        set(&mut connection);
        refused(&connection, &env)
    };
    assert_eq!(
        with(|c| c.context = Some("nope".into())),
        "Error in configuration: context was not found for specified context: nope"
    );
    assert_eq!(
        with(|c| c.cluster = Some("nope".into())),
        "no server found for cluster \"nope\""
    );
    assert_eq!(
        with(|c| c.user = Some("nope".into())),
        "auth info \"nope\" does not exist"
    );
    assert_eq!(
        with(|c| c.context = Some("nocluster".into())),
        "no server found for cluster \"gone\""
    );
    assert_eq!(
        with(|c| c.context = Some("nouser".into())),
        "user \"gone\" was not found for context \"nouser\""
    );
}

#[test]
fn the_credentials_of_the_pod_are_used_only_when_nothing_was_chosen_and_no_file_exists() {
    let files = Files::new();
    let env = Environment {
        in_cluster: true,
        home: Some(files.path("home")),
        ..Environment::default()
    };
    assert!(matches!(resolve(&Connection::default(), &env), Ok(Source::InCluster)));

    let chosen = Connection {
        context: Some("prod".into()),
        ..Connection::default()
    };
    assert_eq!(
        refused(&chosen, &env),
        "Error in configuration: context was not found for specified context: prod"
    );

    let with_file = Environment {
        in_cluster: true,
        ..files.env(&["a"])
    };
    assert_eq!(picked(&Connection::default(), &with_file).context, "a");

    let outside = Environment {
        in_cluster: false,
        ..env
    };
    assert_eq!(
        refused(&Connection::default(), &outside),
        "invalid configuration: no configuration has been provided"
    );
}

#[test]
fn files_that_kubeconfig_names_and_that_are_not_there_are_named() {
    let env = Environment {
        kubeconfig: Some("/no/such:/nor/such".into()),
        ..Environment::default()
    };
    let error = resolve(&Connection::default(), &env).err().unwrap();
    let hint = error.hint.unwrap().to_string();
    assert!(hint.contains("no file that exists: /no/such, /nor/such"), "{hint}");
}

#[test]
fn the_default_file_is_the_one_in_the_home_directory() {
    let files = Files::new();
    fs::create_dir_all(files.path("home/.kube")).unwrap();
    fs::copy(files.path("b"), files.path("home/.kube/config")).unwrap();
    let env = Environment {
        home: Some(files.path("home")),
        ..Environment::default()
    };
    assert_eq!(picked(&Connection::default(), &env).context, "b");
    let empty = Environment {
        kubeconfig: Some(OsString::new()),
        ..env
    };
    assert_eq!(picked(&Connection::default(), &empty).context, "b");
}

#[test]
fn a_broken_file_is_named_without_showing_what_is_in_it() {
    let files = Files::new();
    fs::write(files.path("bad"), "users:\n- name: x\n  user: {token: [HUNTER2}\n").unwrap();
    let told = refused(&Connection::default(), &files.env(&["bad"]));
    assert!(
        told.starts_with("error loading config file \"") && told.contains("yaml: line "),
        "{told}"
    );
    assert!(!told.contains("HUNTER2"), "{told}");
}

#[test]
fn a_wrong_type_is_named_without_showing_what_is_in_it() {
    let files = Files::new();
    fs::write(files.path("bad"), "users:\n- name: x\n  user: HUNTER2\n").unwrap();
    let told = refused(&Connection::default(), &files.env(&["bad"]));
    assert!(!told.contains("HUNTER2"), "{told}");
}

#[test]
fn the_contexts_of_all_files() {
    let files = Files::new();
    assert_eq!(
        contexts_of(&Connection::default(), &files.env(&["a", "b"])),
        ["a", "nouser", "nocluster", "b"]
    );
    assert_eq!(
        contexts_of(&Connection::default(), &files.env(&["missing"])),
        Vec::<String>::new()
    );
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_looked_at_is_no_missing_one() {
    let files = Files::new();
    // Whoever reads it gets an error other than that it is missing, root too.
    std::os::unix::fs::symlink(files.path("loop"), files.path("loop")).unwrap();
    let error = resolve(&Connection::default(), &files.env(&["loop", "b"])).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.message.contains("loop"), "{}", error.message);
    assert!(resolve(&Connection::default(), &files.env(&["missing", "b"])).is_ok());
}

#[cfg(unix)]
#[test]
fn completion_waits_for_no_pipe() {
    let files = Files::new();
    let made = std::process::Command::new("mkfifo").arg(files.path("pipe")).status();
    assert!(made.unwrap().success());
    let (all, with_pipe) = (files.env(&["missing", "a"]), files.env(&["a", "pipe"]));
    assert!(are_files(&Connection::default(), &all));
    assert!(!are_files(&Connection::default(), &with_pipe));
    assert_eq!(contexts_of(&Connection::default(), &with_pipe), Vec::<String>::new());
}

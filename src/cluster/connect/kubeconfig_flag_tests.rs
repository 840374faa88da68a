//! What a flag says goes before what a file says.

use super::*;

#[test]
fn a_server_given_by_flag_needs_no_file() {
    let env = Environment::default();
    let connection = Connection {
        server: Some("10.1.1.1:8080".into()),
        token: Some("t".into()),
        ..Connection::default()
    };
    let resolved = picked(&connection, &env);
    assert_eq!(resolved.cluster.server.as_deref(), Some("http://10.1.1.1:8080"));
    assert_eq!(
        (resolved.context.as_str(), resolved.namespace.as_str()),
        ("", "default")
    );
}

#[test]
fn trust_given_by_flag_replaces_the_trust_of_the_file() {
    let files = Files::new();
    let env = files.env(&["a"]);
    let connection = Connection {
        insecure_skip_tls_verify: true,
        ..Connection::default()
    };
    let cluster = picked(&connection, &env).cluster;
    assert_eq!(
        (cluster.insecure_skip_tls_verify, cluster.certificate_authority),
        (Some(true), None)
    );
    assert_eq!(cluster.tls_server_name.as_deref(), Some("inner"));

    let moved = Connection {
        server: Some("https://10.9.9.9".into()),
        ..Connection::default()
    };
    assert_eq!(picked(&moved, &env).cluster.tls_server_name, None);
}

#[test]
fn a_token_given_by_flag_wins_over_every_other_way_to_log_in() {
    let files = Files::new();
    let connection = Connection {
        token: Some("t".into()),
        ..Connection::default()
    };
    let auth = picked(&connection, &files.env(&["a"])).auth;
    assert!(auth.token.is_some() && auth.token_file.is_none() && auth.exec.is_none());
}

#[test]
fn impersonation_given_by_flag_replaces_that_of_the_file() {
    let files = Files::new();
    let mut connection = Connection::default();
    connection.impersonate.user = Some("jane".into());
    connection.impersonate.groups = vec!["ops".into(), "dev".into()];
    let auth = picked(&connection, &files.env(&["a"])).auth;
    assert_eq!(auth.impersonate.as_deref(), Some("jane"));
    assert_eq!(auth.impersonate_groups, Some(vec!["ops".to_owned(), "dev".to_owned()]));
    assert_eq!(auth.impersonate_uid, None);
}

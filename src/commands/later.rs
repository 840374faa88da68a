//! Command lines that are printed to be typed later, on any machine: they reach the same cluster as the same user.

use crate::cluster::{Cluster, Connection};

/// `kubectl vmchaos WORDS`, with the connection flags that were used.
pub(super) fn command(connection: &Connection, cluster: Option<&Cluster>, words: &str) -> String {
    let mut line = format!("kubectl vmchaos {words}");
    let context = cluster.map(|cluster| cluster.context.as_str()).or(connection.context.as_deref());
    let mut flag = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            line.extend([" ", name, " ", &quoted(value)]);
        }
    };
    flag("--context", context.filter(|context| *context != "in-cluster"));
    flag("--kubeconfig", connection.kubeconfig.as_deref().and_then(std::path::Path::to_str));
    flag("--server", connection.server.as_deref());
    flag("--cluster", connection.cluster.as_deref());
    flag("--user", connection.user.as_deref());
    flag("--as", connection.impersonate.user.as_deref());
    for group in &connection.impersonate.groups {
        flag("--as-group", Some(group));
    }
    flag("--as-uid", connection.impersonate.uid.as_deref());
    line
}

/// Quoted for a POSIX shell where it has to be.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Impersonate;

    #[test]
    fn a_later_command_reaches_the_same_cluster_as_the_same_user() {
        let connection = Connection {
            kubeconfig: Some("/home/me/my config".into()),
            context: Some("prod".into()),
            impersonate: Impersonate { user: Some("jane".into()), groups: vec!["ops".into()], uid: None },
            ..Connection::default()
        };
        assert_eq!(
            command(&connection, None, "halt abc123"),
            "kubectl vmchaos halt abc123 --context prod --kubeconfig '/home/me/my config' --as jane --as-group ops"
        );
    }

    #[test]
    fn nothing_in_a_name_reaches_the_shell() {
        assert_eq!(quoted("a'b; rm -rf /"), r"'a'\''b; rm -rf /'");
    }
}

//! Files: reports that are replayed, the config file, the kubeconfig.

use kubectl_vmchaos::testing::cluster::{Cluster, Connection};
use kubectl_vmchaos::testing::plan::guards::config::Config;
use kubectl_vmchaos::testing::report::{AskedFault, Columns, DryRun, Recorded, RunReport};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::campaign::holds;
use super::mutate::{changed, changed_text};

fn report(command: &[&str], server: Option<&str>) -> Value {
    let words = command.iter().map(|word| (*word).to_owned());
    let fault = AskedFault::new("netem", Columns::Packets, &json!({"latency": "20ms"}));
    let mut report = RunReport::new(
        "k3f9ab",
        "prod",
        Some("jane".to_owned()),
        None,
        Some(7),
        DryRun::None,
        fault,
    );
    report.command = words.collect();
    report.server = server.map(str::to_owned);
    serde_json::to_value(&report).unwrap()
}

fn reports() -> Vec<Value> {
    vec![
        report(
            &["netem", "vmi/web-1/default", "--latency", "20ms", "--image", "x"],
            Some("https://a:6443"),
        ),
        report(&["outage", "vmi/web-1/default", "--mode", "stop"], None),
        report(&[], None),
    ]
}

/// A sentence that says what is wrong, and nothing but that.
fn is_said(why: &str) -> Result<(), TestCaseError> {
    prop_assert!(
        !why.trim().is_empty() && why.len() < 16_384,
        "{} characters: {why:.200}",
        why.len()
    );
    Ok(())
}

#[test]
fn a_report_is_read_or_what_is_wrong_is_said() {
    let as_lines = |document: &Value| {
        let line = json!({"at": "x", "run": "k3f9ab", "event": "planned", "document": document});
        format!("{{\"event\":\"begun\"}}\n{line}\n{{\"event\":\"vm\"}}\n")
    };
    let whole: Vec<String> = reports()
        .iter()
        .flat_map(|document| [document.to_string(), as_lines(document)])
        .collect();
    let texts = prop_oneof![
        changed(reports()).prop_map(|document| document.to_string()),
        changed(reports()).prop_map(move |document| as_lines(&document)),
        changed_text(whole),
    ];
    holds(512, &texts, |text| match Recorded::parse(&text) {
        Ok(recorded) => {
            prop_assert!(!recorded.command.is_empty());
            // What was read and is written again is read as the same.
            let again = json!({"kind": "Run", "command": &recorded.command, "context": &recorded.context, "server": &recorded.server});
            prop_assert_eq!(Recorded::parse(&again.to_string()), Ok(recorded));
            Ok(())
        }
        Err(why) => is_said(&why),
    });
}

#[test]
fn a_report_that_is_kept_can_be_replayed_as_it_was() {
    let words = vec("[ -~é\u{1b}]{0,12}", 1..6);
    holds(128, &(words, any::<Option<String>>()), |(words, server)| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let recorded = Recorded::parse(&report(&words, server.as_deref()).to_string()).unwrap();
        prop_assert_eq!(recorded.command, words);
        prop_assert_eq!(
            (recorded.context.as_str(), recorded.server),
            ("prod", server.unwrap_or_default())
        );
        Ok(())
    });
}

const CONFIG: &str = "\
maximumDuration: 30m
protectedNamespaces: ['kube-.*', payments]
protectedVMs: ['shop/db-.*']
typedContexts: ['prod-.*']
typedCount: 5
typedShare: 25%
ceilings:
  perRun: 10
  perNode: 50%
  perNamespace: 2
";

#[test]
fn a_config_file_is_read_or_what_is_wrong_is_said() {
    let texts = prop_oneof![4 => changed_text(vec![CONFIG.to_owned(), String::new()]), 1 => any::<String>()];
    holds(96, &texts, |text| match Config::parse(&text) {
        Ok(_) => Ok(()),
        Err(why) => is_said(&why),
    });
}

#[test]
fn a_config_file_means_what_it_says() {
    holds(
        128,
        &(1..7_200_u32, any::<u32>(), 0..=100_u32),
        |(seconds, count, share)| {
            let text = format!("maximumDuration: {seconds}s\ntypedCount: {count}\ntypedShare: {share}%\n");
            let config = Config::parse(&text).map_err(TestCaseError::fail)?;
            prop_assert_eq!(config.maximum_duration().as_secs(), u64::from(seconds));
            prop_assert_eq!(config.typed_count, count);
            prop_assert_eq!(config.typed_share.0.to_string(), format!("{share}%"));
            Ok(())
        },
    );
}

#[test]
fn a_kubeconfig_is_read_or_what_is_wrong_is_said() {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "c", "user": "jane", "namespace": "shop"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1", "certificate-authority-data": "aGVsbG8=", "tls-server-name": "x", "proxy-url": "http://127.0.0.1:2"}}],
        "users": [{"name": "jane", "user": {"token": "secret", "username": "a", "password": "b", "client-certificate-data": "aGVsbG8="}}],
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let texts = prop_oneof![
        2 => changed(vec![config.clone()]).prop_map(|config| config.to_string()),
        1 => changed_text(vec![config.to_string()]),
    ];
    holds(96, &texts, |text| {
        std::fs::write(&file, &text).unwrap();
        let connection = Connection {
            kubeconfig: Some(file.clone()),
            ..Connection::default()
        };
        // Nothing is asked of any server yet.
        let connected = runtime.block_on(Cluster::connect(&connection, std::sync::Arc::new(|_: &str| {})));
        match connected {
            Ok(cluster) => is_said(&cluster.server),
            Err(error) => {
                prop_assert!(!error.message.contains(|c: char| c.is_control()), "{}", error.message);
                is_said(&error.message)
            }
        }
    });
}

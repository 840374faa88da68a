//! Values of flags, names of targets, selectors: what is read and printed is read as the same.

use std::fmt::{Debug, Display};

use kubectl_vmchaos::testing::cli;
use kubectl_vmchaos::testing::command_line::{CommandLine, quoted};
use kubectl_vmchaos::testing::escape::escape;
use kubectl_vmchaos::testing::fault::{Cidr, Percent, Ports, Rate, Time, Toleration, ValueError, parse_count};
use kubectl_vmchaos::testing::faults::packets::filter::Protocols;
use kubectl_vmchaos::testing::faults::packets::probe::Probe;
use kubectl_vmchaos::testing::name::{is_key, is_label, is_label_value, is_subdomain};
use proptest::prelude::*;
use proptest::sample::select;

use super::campaign::holds;
use super::mutate::changed_text;

/// What parses prints as something that parses as the same; what does not is told in words.
fn round_trips<T: Display + PartialEq + Debug>(texts: &[&str], parse: impl Fn(&str) -> Result<T, ValueError>) {
    let texts = texts.iter().map(|text| (*text).to_owned()).collect();
    let texts = prop_oneof![4 => changed_text(texts), 1 => any::<String>(), 2 => "[0-9.]{1,8}[a-z%]{0,5}"];
    holds(256, &texts, |text| {
        match parse(&text) {
            Ok(value) => {
                let again = parse(&value.to_string());
                prop_assert!(again.as_ref() == Ok(&value), "{text:?} is {value}, which is {again:?}");
            }
            Err(why) => prop_assert!(!why.problem.is_empty()),
        }
        Ok(())
    });
}

#[test]
fn times_round_trip() {
    round_trips(&["100ms", "1.5s", "2m", "270s"], Time::parse_latency);
    round_trips(&["10ms", "0ms"], Time::parse_jitter);
    round_trips(&["120s", "5m", "1h", "90"], Time::parse_duration);
    round_trips(&["120s", "5m", "1h", "90"], Time::parse_wait);
}

#[test]
fn percentages_rates_and_counts_round_trip() {
    round_trips(&["10", "10%", "0.5", "33.3333%"], Percent::parse);
    round_trips(&["100mbit", "1gbit", "500kbit", "1.5Mbit"], Rate::parse);
    round_trips(&["0", "7", "4294967295"], parse_count);
}

#[test]
fn ports_peers_and_protocols_round_trip() {
    round_trips(&["53", "53,8000-8100", "1-65535"], Ports::parse);
    round_trips(&["10.0.0.0/8", "192.168.1.7", "fd00::/8", "::1"], Cidr::parse);
    round_trips(&["tcp,udp", "icmp", "all", "sctp"], str::parse::<Protocols>);
}

#[test]
fn probes_and_tolerations_round_trip() {
    round_trips(&["tcp 22", "tcp:22", "http:8080/healthz", "icmp"], str::parse::<Probe>);
    round_trips(
        &["a=b:NoSchedule", "key:NoExecute", "a.b/c=d:PreferNoSchedule"],
        str::parse::<Toleration>,
    );
}

#[test]
fn a_target_that_is_read_is_two_names() {
    let texts = vec!["web-1".to_owned(), "vmi/web-1".to_owned(), "vmi/web-1/shop".to_owned()];
    let texts = prop_oneof![3 => changed_text(texts), 1 => "[a-z.-]{1,8}(/[a-z.-]{1,8}){0,2}"];
    holds(512, &texts, |text| {
        let parsed = cli::parse(["kubectl-vmchaos", "list", "--", text.as_str()]);
        let Ok(cli::Action::List(request)) = parsed.map(|invocation| invocation.action) else {
            return Ok(());
        };
        for (namespace, name) in request
            .selection
            .names
            .iter()
            .map(|named| (&named.namespace, &named.name))
        {
            prop_assert!(is_subdomain(name), "{text:?}: {name}");
            prop_assert!(
                namespace.as_ref().is_none_or(|namespace| is_label(namespace)),
                "{text:?}: {namespace:?}"
            );
            let printed = match namespace {
                Some(namespace) => format!("vmi/{name}/{namespace}"),
                None => format!("vmi/{name}"),
            };
            let again = cli::parse(["kubectl-vmchaos", "list", "--", printed.as_str()]).unwrap();
            let cli::Action::List(again) = again.action else {
                unreachable!()
            };
            prop_assert_eq!(&again.selection.names, &request.selection.names);
        }
        Ok(())
    });
}

#[test]
fn a_selector_is_taken_or_refused() {
    let texts = ["app=web", "app in (web,db),tier!=x", "!legacy", "a.b/c==d"]
        .map(str::to_owned)
        .to_vec();
    holds(256, &changed_text(texts), |text| {
        match cli::parse([
            "kubectl-vmchaos".to_owned(),
            "list".to_owned(),
            format!("--selector={text}"),
        ]) {
            Ok(_) => {}
            Err(error) => prop_assert_eq!(error.exit_code(), 2),
        }
        Ok(())
    });
}

/// The words a POSIX shell would make of a line, which has only blanks and single quotes that mean anything; `None` where it
/// has anything else.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut rest) = (Vec::new(), None::<String>, line.chars());
    while let Some(c) = rest.next() {
        match c {
            ' ' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(rest.next()?),
            c if c.is_ascii_alphanumeric() || "._:/@%+=,-".contains(c) => word.get_or_insert_default().push(c),
            _ => return None,
        }
    }
    words.extend(word);
    Some(words)
}

#[test]
fn a_value_in_a_command_line_is_the_same_word_in_a_shell() {
    let odd = select(&super::mutate::ODD[..]).prop_map(str::to_owned);
    let value = prop_oneof![any::<String>(), odd, "--[a-z]{1,5}=[ -~]{0,8}", "[ -~]{0,10}"];
    holds(512, &proptest::collection::vec(value, 0..4), |values| {
        let line = CommandLine::new("kubectl vmchaos halt").args(&values).to_string();
        let shown: Vec<String> = ["kubectl", "vmchaos", "halt"]
            .map(str::to_owned)
            .into_iter()
            .chain(values.iter().map(|value| escape(value)))
            .collect();
        prop_assert_eq!(words(&line), Some(shown), "{}", line);
        prop_assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
        for value in &values {
            prop_assert_eq!(words(&quoted(value)), Some(vec![escape(value)]));
        }
        Ok(())
    });
}

#[test]
fn what_is_a_name_means_nothing_to_a_path_a_selector_or_a_shell() {
    let texts = ["web-1", "shop/web-1", "a.b", "A_b.c"].map(str::to_owned).to_vec();
    holds(512, &prop_oneof![changed_text(texts), any::<String>()], |text| {
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
        let is_name = is_label(&text) || is_subdomain(&text) || is_label_value(&text);
        prop_assert!(
            !is_name || (plain(&text) && !text.is_empty() && text != "." && text != ".."),
            "{text:?}"
        );
        prop_assert!(!is_key(&text) || (plain(&text.replacen('/', "-", 1))), "{text:?}");
        Ok(())
    });
}

use super::*;

fn settings() -> NetemSettings {
    NetemSettings::default()
}

fn ms(millis: u64) -> Time {
    Time::from_millis(millis)
}

fn problem(settings: NetemSettings) -> String {
    settings.resolve().unwrap_err().message
}

#[test]
fn a_value_that_needs_another_is_refused_without_it() {
    let ten = Some(Percent::whole(10));
    assert!(
        problem(NetemSettings {
            jitter: Some(ms(10)),
            ..settings()
        })
        .starts_with("--jitter needs --latency")
    );
    assert!(
        problem(NetemSettings {
            correlation: ten,
            ..settings()
        })
        .starts_with("--correlation needs --latency")
    );
    assert!(
        problem(NetemSettings {
            reorder: ten,
            loss: ten,
            ..settings()
        })
        .starts_with("--reorder needs --latency")
    );
    assert!(
        problem(NetemSettings {
            gap: Some(5),
            latency: Some(ms(10)),
            ..settings()
        })
        .starts_with("--gap needs --reorder")
    );
    let spread = NetemSettings {
        latency: Some(ms(10)),
        distribution: Some(Distribution::Pareto),
        ..settings()
    };
    assert!(problem(spread).starts_with("--distribution needs --jitter"));
}

#[test]
fn zero_is_not_asked_for_and_no_effect_is_no_fault() {
    let nothing = NetemSettings {
        latency: Some(Time::ZERO),
        loss: Some(Percent::default()),
        limit: Some(5),
        ..settings()
    };
    assert!(problem(nothing).contains("no effect is asked for"));
    let zero_jitter = NetemSettings {
        latency: Some(ms(10)),
        jitter: Some(Time::ZERO),
        correlation: Some(Percent::FULL),
        ..settings()
    };
    assert_eq!(
        zero_jitter.resolve().unwrap().to_string(),
        "latency 10ms (correlation 100%)"
    );
    let zero_spread = NetemSettings {
        distribution: Some(Distribution::Normal),
        ..zero_jitter
    };
    assert_eq!(zero_spread.resolve().unwrap().distribution, None);
}

#[test]
fn it_is_shown_in_words_and_serialised_with_units() {
    let netem = NetemSettings {
        latency: Some(ms(100)),
        jitter: Some(ms(10)),
        distribution: Some(Distribution::Normal),
        loss: Some(Percent::whole(10)),
        reorder: Some(Percent::whole(25)),
        gap: Some(5),
        bandwidth: Some(Rate::mbit(1)),
        ..settings()
    }
    .resolve()
    .unwrap();
    assert_eq!(
        netem.to_string(),
        "latency 100ms ±10ms (normal), loss 10%, reorder 25% gap 5, bandwidth 1mbit"
    );
    assert_eq!(
        serde_json::to_string(&netem).unwrap(),
        r#"{"latency":"100ms","jitter":"10ms","distribution":"normal","loss":"10%","reorder":"25%","gap":5,"bandwidth":"1mbit"}"#
    );
}

#[test]
fn only_a_rate_needs_no_netem() {
    let rate = NetemSettings {
        bandwidth: Some(Rate::mbit(1)),
        ..settings()
    };
    assert!(rate.resolve().unwrap().is_only_bandwidth());
    for more in [
        NetemSettings {
            latency: Some(ms(1)),
            ..rate
        },
        NetemSettings {
            loss: Some(Percent::whole(1)),
            ..rate
        },
        NetemSettings {
            limit: Some(100),
            ..rate
        },
    ] {
        assert!(!more.resolve().unwrap().is_only_bandwidth(), "{more:?}");
    }
}

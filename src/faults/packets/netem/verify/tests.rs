use serde_json::{Value, json};

use super::*;
use crate::fault::{Direction, Percent, Rate, Time};
use crate::faults::packets::netem::qdisc::{NetemQdisc, TbfQdisc};
use crate::plan::Handle;

/// What the agent read back on tap0.
fn verify(expected: &ExpectedQdisc, read: &Value) -> Result<Reading, Mismatch> {
    super::verify(expected, &[("tap0".to_owned(), read.clone())].into())
}

fn expected(shaper: Shaper) -> ExpectedQdisc {
    ExpectedQdisc {
        device: "tap0".into(),
        network: "default".into(),
        direction: Direction::Ingress,
        handle: Handle::new(0x7a31).unwrap(),
        shaper,
    }
}

fn everything() -> NetemQdisc {
    NetemQdisc {
        limit: 200_000,
        delay: Time::from_micros(1_500),
        jitter: Time::from_millis(1),
        correlation: Percent::whole(25),
        distribution: None,
        loss: Percent::whole(10),
        duplicate: Percent::from_millionths(10),
        corrupt: Percent::from_millionths(1),
        reorder: Percent::whole(25),
        gap: 5,
        rate: Rate::mbit(1),
    }
}

/// As iproute2 6.1 prints it.
fn as_printed() -> Value {
    json!([{"kind":"netem","handle":"7a31:","root":true,"refcnt":2,"options":{"limit":200_000,
        "delay":{"delay":0.001_499,"jitter":0.000_999,"correlation":0.25},
        "loss-random":{"loss":0.1,"correlation":0},"duplicate":{"duplicate":1.000_01e-5,"correlation":0},
        "reorder":{"reorder":0.25,"correlation":0},"corrupt":{"corrupt":1.000_008e-6,"correlation":0},
        "rate":{"rate":125_000,"packetoverhead":0,"cellsize":0,"celloverhead":0},"ecn":false,"gap":5},
        "bytes":98,"packets":504,"drops":496,"overlimits":0,"requeues":0,"backlog":0,"qlen":0}])
}

fn set(read: &mut Value, pointer: &str, value: Value) {
    *read.pointer_mut(pointer).unwrap() = value;
}

fn problem(asked: &ExpectedQdisc, read: &Value) -> String {
    verify(asked, read).unwrap_err().problem
}

#[test]
fn what_the_kernel_rounded_is_what_was_asked() {
    let asked = "netem limit 200000 delay 1500us 1ms 25% loss 10% duplicate 0.001% corrupt 0.0001% \
                 reorder 25% gap 5 rate 1mbit";
    let read = "netem limit 200000 delay 1.499ms 0.999ms 25% loss 10% duplicate 0.00100001% corrupt 0.000100001% \
                reorder 25% gap 5 rate 1mbit";
    assert_eq!(
        verify(&expected(Shaper::Netem(everything())), &as_printed()),
        Ok(Reading {
            device: "tap0".into(),
            engine: "tc",
            asked: asked.into(),
            read: read.into(),
            packets: Some(504),
            dropped: 496
        })
    );
}

#[test]
fn whatever_else_differs_is_told() {
    for (pointer, value, told) in [
        ("/0/options/delay/delay", json!(0.0014), "delay 1.4ms, not 1500us"),
        ("/0/options/delay/jitter", json!(0.0), "jitter 0ms, not 1ms"),
        (
            "/0/options/delay/correlation",
            json!(0.2),
            "a correlation of 20%, not 25%",
        ),
        ("/0/options/loss-random/loss", json!(0.100_01), "loss 10.001%, not 10%"),
        ("/0/options/loss-random", json!(null), "loss 0%, not 10%"),
        ("/0/options/duplicate/duplicate", json!(0), "duplicate 0%, not 0.001%"),
        ("/0/options/corrupt", json!({}), "corrupt 0%, not 0.0001%"),
        ("/0/options/reorder/reorder", json!("x"), "reorder NaN%, not 25%"),
        ("/0/options/rate/rate", json!(124_000), "rate 992kbit, not 1mbit"),
        ("/0/options/gap", json!(1), "gap 1, not 5"),
        ("/0/options/limit", json!(1000), "limit 1000, not 200000"),
    ] {
        let mut read = as_printed();
        set(&mut read, pointer, value);
        let told = format!("the kernel has {told}");
        assert_eq!(
            problem(&expected(Shaper::Netem(everything())), &read),
            told,
            "{pointer}"
        );
    }
}

#[test]
fn an_effect_nobody_asked_for_is_told() {
    let quiet = expected(Shaper::Netem(NetemQdisc {
        limit: 200_000,
        delay: Time::from_micros(1_500),
        ..NetemQdisc::default()
    }));
    let mut read = as_printed();
    let quiet_options =
        || json!({"limit":200_000,"delay":{"delay":0.001_499,"jitter":0.0,"correlation":0},"gap":0,"ecn":false});
    set(&mut read, "/0/options", quiet_options());
    assert!(verify(&quiet, &read).is_ok());
    read[0]["options"]["loss-gemodel"] = json!({"p": 0.1});
    assert!(problem(&quiet, &read).contains("loss model"));
    set(&mut read, "/0/options", quiet_options());
    read[0]["options"]["ecn"] = json!(true);
    assert!(problem(&quiet, &read).contains("marks packets"));
    assert_eq!(problem(&quiet, &as_printed()), "the kernel has jitter 0.999ms, not 0ms");
}

#[test]
fn the_root_must_be_this_runs() {
    let asked = expected(Shaper::Netem(everything()));
    let mut other = as_printed();
    set(&mut other, "/0/handle", json!("7a32:"));
    let told = "the root qdisc is netem 7a32:, which is not this run's (7a31:)";
    assert_eq!(problem(&asked, &other), told);
    set(&mut other, "/0/handle", json!("7a31:"));
    set(&mut other, "/0/kind", json!("tbf"));
    assert_eq!(problem(&asked, &other), "the kernel has a tbf there");
    for nothing in [
        json!([]),
        json!(null),
        json!({}),
        json!([{"kind":"netem","handle":"7a31:","parent":":1"}]),
    ] {
        assert_eq!(problem(&asked, &nothing), "the kernel shows no root qdisc");
    }
}

#[test]
fn a_rate_printed_as_text_by_an_older_tc_is_understood() {
    let mut read = as_printed();
    set(&mut read, "/0/options/rate/rate", json!("1Mbit"));
    assert!(verify(&expected(Shaper::Netem(everything())), &read).is_ok());
}

/// As iproute2 6.1 on Linux 6.18 printed them for what is compiled for these rates.
#[test]
fn token_buckets_read_back_at_any_rate() {
    for (rate, options, words) in [
        (
            Rate::kbit(1),
            json!({"rate":125,"burst":16384,"lat":1_000_000}),
            "tbf rate 1kbit burst 16384b latency 1000ms",
        ),
        (
            Rate::mbit(10_000),
            json!({"rate":1_250_000_000,"burst":4_998_750,"lat":20_001}),
            "tbf rate 10gbit burst 4998750b latency 20.001ms",
        ),
    ] {
        let read = json!([{"kind":"tbf","handle":"7a31:","root":true,"options":options,"packets":7,"drops":1}]);
        let reading = verify(&expected(Shaper::Tbf(TbfQdisc::new(rate))), &read).unwrap();
        assert_eq!(
            (reading.read.as_str(), reading.packets, reading.dropped),
            (words, Some(7), 1)
        );
    }
}

#[test]
fn a_token_bucket_of_another_rate_is_a_mismatch() {
    let asked = expected(Shaper::Tbf(TbfQdisc::new(Rate::mbit(1))));
    for (options, told) in [
        (
            json!({"rate":12_500,"burst":16384,"lat":1_000_000}),
            "the kernel has rate 100kbit, not 1mbit",
        ),
        (
            json!({"rate":125_000,"burst":1500,"lat":1_000_000}),
            "the kernel has burst 1500b, not 16384b",
        ),
        (
            json!({"rate":125_000,"burst":16384,"lat":5_000}),
            "the kernel lets packets wait 5ms, not 1000ms",
        ),
        (json!({}), "the kernel has rate 0bit, not 1mbit"),
    ] {
        let read = json!([{"kind":"tbf","handle":"7a31:","root":true,"options":options}]);
        assert_eq!(problem(&asked, &read), told);
    }
}

#[test]
fn a_number_is_the_one_asked_for_to_the_sixth_digit_and_no_further() {
    // Half of the sixth digit, above and below a power of ten.
    assert!(printed(0.5, 0.500_000_4, 0.0) && !printed(0.5, 0.500_000_6, 0.0));
    assert!(printed(2.0, 2.000_004, 0.0) && !printed(2.0, 2.000_006, 0.0));
    assert!(printed(0.1, 0.099_999_96, 0.0) && !printed(0.1, 0.099_999_93, 0.0));
    // What the kernel has rounded comes on top, also of nothing.
    assert!(printed(0.5, 0.500_002_4, 2e-6) && !printed(0.5, 0.500_002_6, 2e-6));
    assert!(printed(0.0, 2e-6, 2e-6) && !printed(0.0, 2.1e-6, 2e-6));
    assert!(!printed(0.0, f64::NAN, 1.0) && !printed(1.0, -1.0, 1.0));
}

#[test]
fn two_rates_are_the_same_within_a_part_of_them_or_a_byte() {
    assert!(same(1_000_000.0, 1_000_900.0, 1.0, 1e-3) && !same(1_000_000.0, 1_001_100.0, 1.0, 1e-3));
    assert!(same(1_000_000.0, 999_100.0, 1.0, 1e-3) && !same(1_000_000.0, 998_900.0, 1.0, 1e-3));
    assert!(same(100.0, 101.0, 1.0, 1e-3) && !same(100.0, 102.0, 1.0, 1e-3));
    assert!(!same(100.0, f64::NAN, 1.0, 1e-3));
}

#[test]
fn rates_are_shown_in_their_largest_whole_unit() {
    for (bytes, shown) in [
        (125.0e9, "1tbit"),
        (125.0e6, "1gbit"),
        (1_250_000.0, "10mbit"),
        (125_000.0, "1mbit"),
        (125.0, "1kbit"),
        (187.5, "1500bit"),
        (124.875, "999bit"),
        (0.0, "0bit"),
    ] {
        assert_eq!(shown_rate(bytes), shown, "{bytes}");
    }
}

#[test]
fn each_effect_is_shown_where_there_is_one() {
    let shown = |options: Value| {
        let qdisc = json!([{"kind":"netem","handle":"7a31:","root":true,"options":options}]);
        let asked = NetemQdisc {
            limit: 1_000,
            delay: Time::from_micros(0),
            jitter: Time::from_micros(0),
            correlation: Percent::whole(0),
            loss: Percent::whole(0),
            duplicate: Percent::whole(0),
            corrupt: Percent::whole(0),
            reorder: Percent::whole(0),
            gap: 0,
            rate: Rate::default(),
            ..everything()
        };
        let (words, _) = netem::compare(&asked, &qdisc[0]["options"]);
        words
    };
    assert_eq!(shown(json!({"limit":1000})), "netem limit 1000");
    assert_eq!(
        shown(json!({"limit":1000,"gap":1})),
        "netem limit 1000",
        "a gap of 1 is none"
    );
    assert_eq!(shown(json!({"limit":1000,"gap":2})), "netem limit 1000 gap 2");
    let jitter = json!({"limit":9,"delay":{"delay":0.0,"jitter":0.01,"correlation":0.0}});
    assert_eq!(shown(jitter), "netem limit 9 delay 0ms 10ms");
    let delay = json!({"limit":9,"delay":{"delay":0.1,"jitter":0.0,"correlation":0.0}});
    assert_eq!(shown(delay), "netem limit 9 delay 100ms");
}

//! Value parsers that take an empty text for a flag that was left out, as scripts with unset variables pass it.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, Command, Error};

use crate::fault::{Cidr, Effect, Given, Percent, Ports, Rate, Time, Toleration, ValueError, parse_count, parse_image};
use crate::faults::packets::filter::Protocols;
use crate::faults::packets::probe::Probe;
use crate::name;

/// One of a few words.
#[derive(Clone)]
pub(super) struct OneOf<T: 'static>(pub &'static [(&'static str, T, &'static str)]);

impl<T: Clone + Send + Sync + 'static> TypedValueParser for OneOf<T> {
    type Value = Given<T>;

    fn parse_ref(&self, cmd: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Given<T>, Error> {
        if value.is_empty() {
            return Ok(Given(None));
        }
        match self.0.iter().find(|(name, ..)| OsStr::new(name) == value) {
            Some((_, word, _)) => Ok(Given(Some(word.clone()))),
            // For its words, with the possible values and the nearest of them.
            None => PossibleValuesParser::new(self.0.iter().map(|(name, ..)| *name))
                .parse_ref(cmd, arg, value)
                .map(|_| Given(None)),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(|(name, _, help)| match *help {
            "" => PossibleValue::new(name),
            help => PossibleValue::new(name).help(help),
        })))
    }
}

/// `true` or `false`.
pub(super) const BOOL: OneOf<bool> = OneOf(&[("true", true, ""), ("false", false, "")]);

pub(super) fn latency(text: &str) -> Result<Given<Time>, ValueError> {
    Given::parse(text, Time::parse_latency)
}

pub(super) fn jitter(text: &str) -> Result<Given<Time>, ValueError> {
    Given::parse(text, Time::parse_jitter)
}

pub(super) fn duration(text: &str) -> Result<Given<Time>, ValueError> {
    Given::parse(text, Time::parse_duration)
}

pub(super) fn wait(text: &str) -> Result<Given<Time>, ValueError> {
    Given::parse(text, Time::parse_wait)
}

pub(super) fn percent(text: &str) -> Result<Given<Percent>, ValueError> {
    Given::parse(text, Percent::parse)
}

pub(super) fn rate(text: &str) -> Result<Given<Rate>, ValueError> {
    Given::parse(text, Rate::parse)
}

pub(super) fn ports(text: &str) -> Result<Given<Ports>, ValueError> {
    Given::parse(text, Ports::parse)
}

pub(super) fn protocols(text: &str) -> Result<Given<Protocols>, ValueError> {
    Given::parse(text, str::parse)
}

pub(super) fn cidr(text: &str) -> Result<Given<Cidr>, ValueError> {
    Given::parse(text, Cidr::parse)
}

pub(super) fn probe(text: &str) -> Result<Given<Probe>, ValueError> {
    Given::parse(text, str::parse)
}

pub(super) fn count(text: &str) -> Result<Given<u32>, ValueError> {
    Given::parse(text, parse_count)
}

/// Whole seconds without a unit, as kubectl and virtctl take a grace period.
pub(super) fn seconds(text: &str) -> Result<Given<u32>, ValueError> {
    Given::parse(text, |text| {
        let meant = Time::parse_duration(text.trim_start_matches('-'));
        let instead = meant.map_or(30, |time| time.as_duration().as_millis().div_ceil(1000));
        parse_count(text).map_err(|error| ValueError::new(error.problem, instead.to_string()))
    })
}

/// Any number of 64 bits.
pub(super) fn seed(text: &str) -> Result<Given<u64>, ValueError> {
    Given::parse(text, |text| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = digits.then(|| text.parse().ok()).flatten();
        number.ok_or_else(|| ValueError::new(format!("not a whole number up to {}", u64::MAX), "42"))
    })
}

pub(super) fn taint(text: &str) -> Result<Given<Toleration>, ValueError> {
    Given::parse(text, |text| {
        text.parse().map_err(|e: ValueError| {
            // The effect's name in another case is the usual slip.
            let (taint, effect) = text.rsplit_once(':').unwrap_or((text, ""));
            match Effect::ALL
                .into_iter()
                .find(|known| known.name().eq_ignore_ascii_case(effect))
            {
                Some(known) => ValueError::new(e.problem, format!("{taint}:{}", known.name())),
                None => e,
            }
        })
    })
}

/// A label selector, by the grammar of apimachinery's `labels.Parse`: `a=b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`.
pub(super) fn selector(text: &str) -> Result<Given<String>, ValueError> {
    const KEY: &str = r"(?:[A-Za-z0-9.-]+/)?[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?";
    const VALUE: &str = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?";
    Given::parse(text, |text| {
        let term = format!(
            r"(?:!\s*{KEY}|{KEY}(?:\s*(?:==?|!=)\s*{VALUE}|\s*[<>]\s*\d+|\s+(?:in|notin)\s*\(\s*{VALUE}(?:\s*,\s*{VALUE})*\s*\))?)"
        );
        let whole = regex::Regex::new(&format!(r"^\s*{term}(?:\s*,\s*{term})*\s*$"));
        match whole {
            Ok(whole) if !whole.is_match(text) => Err(ValueError::new(
                "not a label selector",
                "'app=web,tier in (front,back)'",
            )),
            _ => Ok(text.to_owned()),
        }
    })
}

/// A label of a node: `KEY=VALUE`, as Kubernetes takes them.
pub(super) fn label(text: &str) -> Result<Given<(String, String)>, ValueError> {
    Given::parse(text, |text| {
        let word = |text: &str| {
            let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
            text.len() <= 63
                && ends(text.chars().next())
                && ends(text.chars().last())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        let sound = |key: &str| match key.split_once('/') {
            Some((prefix, name)) => prefix.split('.').all(word) && word(name),
            None => word(key),
        };
        match text.split_once('=') {
            Some((key, value)) if sound(key) && (value.is_empty() || word(value)) => {
                Ok((key.to_owned(), value.to_owned()))
            }
            _ => Err(ValueError::new(
                "not a node label as KEY=VALUE",
                "topology.kubernetes.io/zone=zone-a",
            )),
        }
    })
}

/// `-f` belongs to `run`.
pub(super) fn reserved(_: &str) -> Result<std::convert::Infallible, ValueError> {
    Err(ValueError::new(
        "files are for `kubectl vmchaos run`",
        "kubectl vmchaos run -f FILE",
    ))
}

/// The namespace of debug pods.
pub(super) fn pod_namespace(text: &str) -> Result<Given<String>, ValueError> {
    named(text, name::is_label, "not a name a namespace can have")
}

pub(super) fn service_account(text: &str) -> Result<Given<String>, ValueError> {
    named(text, name::is_subdomain, "not a name a service account can have")
}

fn named(text: &str, is_name: fn(&str) -> bool, why: &'static str) -> Result<Given<String>, ValueError> {
    Given::parse(text, |text| {
        if is_name(text) {
            Ok(text.to_owned())
        } else {
            Err(ValueError::new(why, "vmchaos"))
        }
    })
}

/// A container image, as [`parse_image`] has it.
pub(super) fn image(text: &str) -> Result<Given<String>, ValueError> {
    Given::parse(text, parse_image)
}

/// The name of an interface: a device, or a network of the VMI's spec.
pub(super) fn interface(text: &str) -> Result<Given<String>, ValueError> {
    Given::parse(text, |text| {
        let sound = text.len() <= 63 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if sound {
            Ok(text.to_owned())
        } else {
            Err(ValueError::new("not a device or a network of a VMI", "tap0"))
        }
    })
}

/// The value of a flag, when it was given and not empty.
pub(super) fn value<T: Copy>(flag: Option<Given<T>>) -> Option<T> {
    flag.and_then(|given| given.0)
}

/// The values that are not empty.
pub(super) fn given<T: Clone>(values: &[Given<T>]) -> Vec<T> {
    values.iter().filter_map(|value| value.0.clone()).collect()
}

/// A text that is not empty.
pub(super) fn text(value: Option<&String>) -> Option<String> {
    value.filter(|text| !text.is_empty()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_those_that_the_api_server_takes() {
        for good in [
            "app=web",
            "app==web",
            "a!=b",
            "a",
            "!a",
            "kubevirt.io/size=small",
            "a in (b, c)",
            "a notin (b),c=d",
            "a=",
            "n>3",
            " a = b , c ",
        ] {
            assert!(selector(good).is_ok(), "{good}");
        }
        for bad in ["a in (", "a=b,", "=b", "a b", "a in b", "a=-b", "a=b;c"] {
            assert!(selector(bad).is_err(), "{bad}");
        }
    }
}

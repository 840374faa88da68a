//! A value that goes from here to there: so many faults one after the other, each rolled back before the next.

use super::steps::Reader;
use super::yaml::{Node, Path};
use crate::fault::{Percent, Rate, Time, parse_count};
use crate::gameday::step::{Action, FaultStep, Repeat, Setting, Step};

/// More than that is a mistake in a number.
const MOST_STEPS: u32 = 100;

/// A value at each of the steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ramp {
    key: String,
    path: Path,
    values: Vec<String>,
}

/// A ramp as a file has it: `{from: 1%, to: 20%, steps: 5}`.
pub(super) fn read(reader: &mut Reader<'_>, path: &Path, node: &Node, key: &str) -> Option<Ramp> {
    let mut word = |name: &str| {
        if let Some(value) = node.get(name) {
            return reader.word(&path.key(name), value);
        }
        let told = format!("missing key `{name}`: a value that changes has `from`, `to` and `steps`");
        reader.wrong(path, told);
        None
    };
    let (from, to, steps) = (word("from"), word("to"), word("steps"));
    let (from, to, steps) = (from?, to?, steps?);
    let Ok(steps @ 2..=MOST_STEPS) = parse_count(&steps) else {
        reader.wrong(&path.key("steps"), format!("must be 2 to {MOST_STEPS}"));
        return None;
    };
    let Some(values) = values(&from, &to, steps) else {
        let told = format!("`{from}` and `{to}` are not two values of a kind, such as 1% and 20%");
        reader.wrong(path, told);
        return None;
    };
    Some(Ramp {
        key: key.to_owned(),
        path: path.clone(),
        values,
    })
}

/// The faults of a step with ramps; each has its share of the duration.
pub(super) fn steps(
    reader: &mut Reader<'_>,
    path: &Path,
    name: &str,
    fault: &FaultStep,
    ramps: &[Ramp],
) -> Option<Vec<Step>> {
    let count = ramps.first()?.values.len();
    if let Some(other) = ramps.iter().find(|ramp| ramp.values.len() != count) {
        reader.wrong(
            &other.path.key("steps"),
            format!("must be {count}, as of the other value"),
        );
        return None;
    }
    let Some(duration) = fault.settings.iter().find(|setting| setting.key == "duration") else {
        reader.wrong(
            path,
            "missing key `duration`: that of all the steps of a changing value together",
        );
        return None;
    };
    let all = match Time::parse_wait(duration.values.first().map_or("", String::as_str)) {
        Ok(all) => all,
        Err(error) => {
            reader.wrong(&duration.path, error);
            return None;
        }
    };
    let share = Time::from_micros(all.as_micros() / count as u64);
    let step = |n: usize| {
        let mut fault = fault.clone();
        for setting in &mut fault.settings {
            if setting.key == "duration" {
                setting.values = vec![share.to_string()];
            }
        }
        let mut shown = Vec::new();
        for ramp in ramps {
            let value = &ramp.values[n];
            shown.push(format!("{} {value}", ramp.key));
            fault.settings.push(Setting {
                key: ramp.key.clone(),
                path: ramp.path.clone(),
                values: vec![value.clone()],
            });
        }
        Step {
            name: format!("{name}: {}", shown.join(", ")),
            source: 0,
            path: path.clone(),
            action: Action::Fault(fault),
            repeat: Repeat::ONCE,
        }
    };
    Some((0..count).map(step).collect())
}

/// So many values, the first and the last as given, at even distances.
fn values(from: &str, to: &str, steps: u32) -> Option<Vec<String>> {
    let last = u128::from(steps - 1);
    let between = |from: u64, to: u64| {
        move |n: u32| {
            let (from, to, n) = (u128::from(from), u128::from(to), u128::from(n));
            u64::try_from((from * (last - n) + to * n) / last).unwrap_or(u64::MAX)
        }
    };
    let all = |shown: &dyn Fn(u32) -> String| {
        let inner = (1..steps - 1).map(shown);
        Some(
            [from.to_owned()]
                .into_iter()
                .chain(inner)
                .chain([to.to_owned()])
                .collect(),
        )
    };
    if let (Ok(from), Ok(to)) = (parse_count(from), parse_count(to)) {
        let at = between(from.into(), to.into());
        return all(&|n| at(n).to_string());
    }
    if let (Ok(from), Ok(to)) = (Percent::parse(from), Percent::parse(to)) {
        let at = between(from.millionths().into(), to.millionths().into());
        let share = |n| u32::try_from(at(n)).unwrap_or(u32::MAX);
        // More than two digits behind the point say nothing, but of shares that are smaller than that.
        let round = |share: u32| if share >= 1_000 { share - share % 100 } else { share };
        return all(&|n| Percent::from_millionths(round(share(n))).to_string());
    }
    if let (Ok(from), Ok(to)) = (Time::parse_latency(from), Time::parse_latency(to)) {
        let at = between(from.as_micros(), to.as_micros());
        return all(&|n| Time::from_micros(at(n)).to_string());
    }
    if let (Ok(from), Ok(to)) = (Rate::parse(from), Rate::parse(to)) {
        let at = between(from.bits_per_second() / 1_000, to.bits_per_second() / 1_000);
        return all(&|n| Rate::kbit(at(n)).to_string());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_evenly_from_one_to_the_other() {
        let all = |from, to, steps| values(from, to, steps).map(|all| all.join(" "));
        assert_eq!(all("1%", "20%", 5).as_deref(), Some("1% 5.75% 10.5% 15.25% 20%"));
        assert_eq!(all("100ms", "1s", 4).as_deref(), Some("100ms 400ms 700ms 1s"));
        assert_eq!(all("100mbit", "1mbit", 2).as_deref(), Some("100mbit 1mbit"));
        assert_eq!(all("10mbit", "1mbit", 4).as_deref(), Some("10mbit 7mbit 4mbit 1mbit"));
        assert_eq!(all("1%", "20%", 4).as_deref(), Some("1% 7.33% 13.66% 20%"));
        assert_eq!(all("1", "3", 3).as_deref(), Some("1 2 3"));
        assert_eq!(all("1%", "20ms", 3), None);
        assert_eq!(all("slow", "fast", 3), None);
    }
}

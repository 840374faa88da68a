//! Schedules of `CronJob`s: what Kubernetes takes, read here so that what is wrong is said with its field and before it is applied.
//!
//! Kubernetes reads them with `ParseStandard` of robfig/cron: five fields, names of months and days, `0` is Sunday and `7` is
//! refused. Of its macros `@every` is left out: it counts from when the `CronJob` was made, and says no time of day.

use std::fmt;

/// A schedule, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron(String);

struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    /// Words for the values from `least` on.
    words: &'static [&'static str],
}

const MACROS: [&str; 7] = [
    "@yearly",
    "@annually",
    "@monthly",
    "@weekly",
    "@daily",
    "@midnight",
    "@hourly",
];

const FIELDS: [Field; 5] = [
    Field::new("minute", 0, 59, &[]),
    Field::new("hour", 0, 23, &[]),
    Field::new("day of the month", 1, 31, &[]),
    Field::new(
        "month",
        1,
        12,
        &[
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ],
    ),
    Field::new(
        "day of the week",
        0,
        6,
        &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
    ),
];
/// The days of each month, of February in a leap year.
const DAYS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

// === impl Cron ===

impl Cron {
    /// # Errors
    /// Which field is wrong and why, as a sentence ends.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(name) = text.strip_prefix('@') {
            return if MACROS.contains(&text) {
                Ok(Self(text.to_owned()))
            } else if name.starts_with("every") {
                Err("@every says no time of day; write it as fields: `*/10 * * * *` is every ten minutes".to_owned())
            } else {
                Err(format!("there is no {text}: there are {}", MACROS.join(", ")))
            };
        }
        if text.starts_with("TZ=") || text.starts_with("CRON_TZ=") {
            return Err(
                "a CronJob has its time zone elsewhere, and this one's is UTC: leave out what is before the fields"
                    .to_owned(),
            );
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(format!(
                "has {} fields, and must have five: minute, hour, day of the month, month, day of the week; or be one of {}",
                fields.len(),
                MACROS.join(", ")
            ));
        };
        let [minutes, hours, of_day, of_month, of_week] = &FIELDS;
        minutes.values(minute)?;
        hours.values(hour)?;
        let days = of_day.values(day)?;
        let months = of_month.values(month)?;
        of_week.values(weekday)?;
        let any_weekday = weekday.starts_with(['*', '?']);
        let comes = months
            .iter()
            .any(|month| days.iter().any(|day| day <= &DAYS[*month as usize - 1]));
        if any_weekday && !comes {
            return Err(format!("day of the month `{day}` never comes in month `{month}`"));
        }
        Ok(Self(fields.join(" ")))
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Field ===

impl Field {
    const fn new(name: &'static str, least: u32, most: u32, words: &'static [&'static str]) -> Self {
        Self {
            name,
            least,
            most,
            words,
        }
    }

    /// All values that `text` means.
    fn values(&self, text: &str) -> Result<Vec<u32>, String> {
        let mut all = Vec::new();
        for part in text.split(',') {
            all.extend(
                self.part(part)
                    .map_err(|why| format!("{} `{text}`: {why}", self.name))?,
            );
        }
        Ok(all)
    }

    fn part(&self, part: &str) -> Result<Vec<u32>, String> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (part, None),
        };
        let (from, to) = match (range, range.split_once('-')) {
            ("", _) => return Err("there is nothing between two signs".to_owned()),
            ("*" | "?", _) => (self.least, self.most),
            (_, Some((from, to))) => (self.value(from)?, self.value(to)?),
            (one, None) => {
                let from = self.value(one)?;
                // `5/15` is from 5 to the end.
                (from, if step.is_some() { self.most } else { from })
            }
        };
        if from > to {
            return Err(format!("{range} ends before it begins"));
        }
        let step = match step {
            None => 1,
            Some(step) => match number(step) {
                Some(0) | None => return Err(format!("the step `{step}` is no number from 1 on")),
                Some(step) => step,
            },
        };
        Ok((from..=to).step_by(step as usize).collect())
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let word = text.to_ascii_lowercase();
        let named = self.words.iter().zip(self.least..).find(|(known, _)| **known == word);
        if let Some((_, value)) = named {
            return Ok(value);
        }
        let bounds = || {
            let words = match self.words {
                [first, .., last] => format!(", or {first} to {last}"),
                _ => String::new(),
            };
            format!("{} to {}{words}", self.least, self.most)
        };
        match number(text) {
            Some(7) if self.most == 6 => Err("Sunday is 0".to_owned()),
            Some(value) if (self.least..=self.most).contains(&value) => Ok(value),
            _ => Err(format!("`{text}` is none of {}", bounds())),
        }
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::Cron;

    #[test]
    fn what_kubernetes_takes_is_taken_as_it_is() {
        for text in [
            "0 3 * * 2",
            "*/15 * * * *",
            "5/20 0-6,18-23/2 1,15 * *",
            "0 0 ? * MON-FRI",
            "30 4 31 jan,Mar *",
            "0 0 29 2 *",
            "0 0 31 2 1",
            "59 23 31 12 sat",
            "@daily",
            "@midnight",
            "@yearly",
        ] {
            assert_eq!(Cron::parse(text).map(|cron| cron.to_string()).as_deref(), Ok(text));
        }
        assert_eq!(Cron::parse("  0   3 * * 2 ").unwrap().to_string(), "0 3 * * 2");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_field() {
        for (text, why) in [
            ("", "has 0 fields, and must have five"),
            ("0 3 * *", "has 4 fields"),
            ("0 0 3 * * 2", "has 6 fields"),
            ("60 * * * *", "minute `60`: `60` is none of 0 to 59"),
            ("0 24 * * *", "hour `24`: `24` is none of 0 to 23"),
            ("0 0 0 * *", "day of the month `0`: `0` is none of 1 to 31"),
            ("0 0 1 13 *", "month `13`: `13` is none of 1 to 12, or jan to dec"),
            ("0 0 1 janu *", "month `janu`"),
            ("0 0 * * 7", "day of the week `7`: Sunday is 0"),
            (
                "0 0 * * fri-mon",
                "day of the week `fri-mon`: fri-mon ends before it begins",
            ),
            ("*/0 * * * *", "minute `*/0`: the step `0` is no number from 1 on"),
            ("*/x * * * *", "the step `x`"),
            ("1,,2 * * * *", "minute `1,,2`: there is nothing between two signs"),
            ("-5 * * * *", "minute `-5`"),
            ("+5 * * * *", "minute `+5`"),
            ("1.5 * * * *", "minute `1.5`"),
            ("0 0 L * *", "day of the month `L`"),
            ("0 0 * * 5#2", "day of the week `5#2`"),
            ("0 0 30 2 *", "day of the month `30` never comes in month `2`"),
            ("0 0 31 4,6 *", "never comes"),
            ("@every 5m", "@every says no time of day"),
            ("@reboot", "there is no @reboot: there are @yearly"),
            ("@Daily", "there is no @Daily"),
            ("CRON_TZ=UTC 0 3 * * 2", "its time zone elsewhere"),
            ("99999999999999999999 * * * *", "minute"),
        ] {
            let told = Cron::parse(text).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
    }
}

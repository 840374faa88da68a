//! Time stamps as Kubernetes writes them.

use jiff::{SignedDuration, Timestamp};

/// Now, to the second: `metadata.creationTimestamp` and most others.
pub(crate) fn now() -> String {
    seconds(Timestamp::now())
}

/// A moment before now, to the second.
pub(crate) fn ago(seconds_ago: i64) -> String {
    seconds(
        Timestamp::now()
            .saturating_sub(SignedDuration::from_secs(seconds_ago))
            .unwrap_or(Timestamp::UNIX_EPOCH),
    )
}

/// The moment some seconds from now.
pub(crate) fn ahead(by: u64) -> String {
    seconds(
        Timestamp::now()
            .saturating_add(SignedDuration::from_secs(i64::try_from(by).unwrap_or(i64::MAX)))
            .unwrap_or(Timestamp::MAX),
    )
}

/// Seconds since a time stamp.
pub(crate) fn age(stamp: &str) -> Option<i64> {
    Some(Timestamp::now().duration_since(stamp.parse().ok()?).as_secs())
}

fn seconds(stamp: Timestamp) -> String {
    stamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A duration as kubectl prints ages.
pub(crate) fn human(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let two = |big: i64, unit: char, small: i64, small_unit: char| {
        if small == 0 {
            format!("{big}{unit}")
        } else {
            format!("{big}{unit}{small}{small_unit}")
        }
    };
    match seconds {
        ..120 => format!("{}s", seconds.max(0)),
        120..600 => two(minutes, 'm', seconds % 60, 's'),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, 'h', minutes % 60, 'm'),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, 'd', hours % 24, 'h'),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, 'y', days % 365, 'd'),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_as_kubectl_prints_them() {
        let ages = [
            (-3, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (600, "10m"),
            (3 * 3600, "3h"),
            (3 * 3600 + 60, "3h1m"),
            (9 * 3600, "9h"),
            (49 * 3600, "2d1h"),
            (9 * 86400, "9d"),
            (800 * 86400, "2y70d"),
        ];
        for (seconds, expected) in ages {
            assert_eq!(human(seconds), expected);
        }
    }
}

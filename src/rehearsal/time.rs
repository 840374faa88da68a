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

//! Reading objects written by many KubeVirt versions: a `null` means the same as an absent field.

use serde::{Deserialize, Deserializer};

/// For `#[serde(default, deserialize_with = "nullable")]`: `null` reads as the default.
///
/// Go writes `null` for empty lists, maps and times, which serde would refuse.
pub(super) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

//! A volume of a VMI, as far as it matters whether a new guest has it as it was.

use serde::Deserialize;

use super::nullable::nullable;
use super::vmi::Empty;

/// A volume that a new guest does not have as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Volatile {
    pub name: String,
    /// e.g. `containerDisk`, `hotplugged`
    pub kind: &'static str,
}

/// `spec.volumes[]`; exactly one of the sources is set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Volume {
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    pub container_disk: Option<Empty>,
    pub empty_disk: Option<Empty>,
    /// A copy-on-write layer over a claim; the layer goes with the guest.
    pub ephemeral: Option<Empty>,
    #[serde(rename = "dataVolume")]
    pub data: Option<Claim>,
    pub persistent_volume_claim: Option<Claim>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Claim {
    #[serde(deserialize_with = "nullable")]
    pub hotpluggable: bool,
}

// === impl Volume ===

impl Volume {
    fn is_hotplugged(&self) -> bool {
        let claims = [&self.data, &self.persistent_volume_claim];
        claims.into_iter().flatten().any(|claim| claim.hotpluggable)
    }
}

/// What of a guest's volumes a new guest does not have as it was. `template` are those a VM makes its guests with; a VMI
/// without one is made again with all it has.
pub(crate) fn volatile(volumes: &[Volume], template: Option<&[Volume]>) -> Vec<Volatile> {
    let kind = |volume: &Volume| {
        let kept = template.is_none_or(|template| template.iter().any(|one| one.name == volume.name));
        match volume {
            Volume {
                container_disk: Some(_),
                ..
            } => Some("containerDisk"),
            Volume {
                empty_disk: Some(_), ..
            } => Some("emptyDisk"),
            Volume { ephemeral: Some(_), .. } => Some("ephemeral"),
            _ if volume.is_hotplugged() && !kept => Some("hotplugged, not in the VM"),
            _ => None,
        }
    };
    let lost = volumes.iter().filter_map(|volume| {
        Some(Volatile {
            name: volume.name.clone(),
            kind: kind(volume)?,
        })
    });
    lost.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn volumes(value: serde_json::Value) -> Vec<Volume> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_ends_with_the_guest_is_named_with_its_kind() {
        let all = volumes(json!([
            { "name": "root", "containerDisk": { "image": "x" } },
            { "name": "scratch", "emptyDisk": { "capacity": "1Gi" } },
            { "name": "over", "ephemeral": { "persistentVolumeClaim": { "claimName": "base" } } },
            { "name": "data", "persistentVolumeClaim": { "claimName": "data" } },
            { "name": "seed", "cloudInitNoCloud": { "userData": "x" } },
            { "name": "kept", "dataVolume": { "name": "kept", "hotpluggable": true } },
            { "name": "extra", "persistentVolumeClaim": { "claimName": "extra", "hotpluggable": true } },
        ]));
        let template = volumes(json!([{ "name": "kept", "dataVolume": { "name": "kept", "hotpluggable": true } }]));
        let names = |lost: Vec<Volatile>| lost.into_iter().map(|one| (one.name, one.kind)).collect::<Vec<_>>();
        let all_of_a_vm = names(volatile(&all, Some(&template)));
        assert_eq!(
            all_of_a_vm,
            [
                ("root".to_owned(), "containerDisk"),
                ("scratch".to_owned(), "emptyDisk"),
                ("over".to_owned(), "ephemeral"),
                ("extra".to_owned(), "hotplugged, not in the VM"),
            ]
        );
        assert_eq!(names(volatile(&all, None)).len(), 3, "its manifest has the rest");
    }
}

//! The kinds the practice cluster serves: what is known of one, and how it is found. Discovery, routing, storage and
//! the words of errors are all read off the same table, so that they cannot disagree.

use super::kinds::TABLE;
pub(crate) use super::kinds::{EVENTS, KUBEVIRTS, NAMESPACES, NEW_EVENTS, NODES, PODS, REPLICA_SETS, VMIMS, VMIS, VMS};

/// A subresource: its path word, the kind it speaks (as discovery says it) and its verbs.
#[derive(Debug)]
pub(crate) struct Sub {
    pub(crate) name: &'static str,
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) verbs: &'static [&'static str],
}

/// One kind of object, or of review, or a holder of subresources only.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) singular: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) short: &'static [&'static str],
    pub(crate) namespaced: bool,
    pub(crate) verbs: &'static [&'static str],
    pub(crate) subs: &'static [Sub],
    /// Served from a custom resource definition: list items carry their kind, and metadata.generation counts changes
    /// of spec.
    pub(crate) custom: bool,
}

/// Every kind served, `KubeVirt`'s only when it is installed.
pub(crate) fn served(kubevirt: bool) -> impl Iterator<Item = &'static Resource> {
    TABLE
        .iter()
        .copied()
        .filter(move |resource| kubevirt || !resource.group.ends_with("kubevirt.io"))
}

/// The kind behind a path's group, version and plural.
pub(crate) fn find(group: &str, version: &str, plural: &str, kubevirt: bool) -> Option<&'static Resource> {
    served(kubevirt)
        .find(|resource| resource.group == group && resource.version == version && resource.plural == plural)
}

/// The kind an object says it is.
pub(crate) fn by_kind(api_version: &str, kind: &str) -> Option<&'static Resource> {
    TABLE
        .iter()
        .copied()
        .find(|resource| resource.api_version() == api_version && resource.kind == kind && resource.verbs.len() > 1)
}

impl Resource {
    /// `v1` or `kubevirt.io/v1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `pods` or `virtualmachines.kubevirt.io`: how errors name the kind.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_owned()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// The kind whose objects are stored: both event groups share one store.
    pub(crate) fn stored(&'static self) -> &'static Self {
        if self.is(&NEW_EVENTS) { &EVENTS } else { self }
    }

    /// Whether both are the same row of the table.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.group == other.group && self.plural == other.plural
    }

    /// The subresource of that name.
    pub(crate) fn sub(&self, name: &str) -> Option<&'static Sub>
    where
        Self: 'static,
    {
        self.subs.iter().find(|sub| sub.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vmi_has_no_status_subresource_and_a_vm_has_one() {
        assert!(VMIS.sub("status").is_none());
        assert!(VMS.sub("status").is_some());
    }

    #[test]
    fn without_kubevirt_its_groups_are_not_there() {
        assert!(find("kubevirt.io", "v1", "virtualmachines", false).is_none());
        assert!(find("subresources.kubevirt.io", "v1", "virtualmachines", false).is_none());
        assert!(find("", "v1", "pods", false).is_some());
    }

    #[test]
    fn a_kind_and_its_subresources_of_one_name_are_told_apart() {
        assert_eq!(
            by_kind("kubevirt.io/v1", "VirtualMachine")
                .map(Resource::qualified)
                .as_deref(),
            Some("virtualmachines.kubevirt.io")
        );
        assert_eq!(PODS.qualified(), "pods");
    }
}

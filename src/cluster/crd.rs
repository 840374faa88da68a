//! What kube needs to know of a KubeVirt kind to ask for it; derived types would bring the whole CRD schema.

/// Implements [`kube::Resource`] for a namespaced kind of `kubevirt.io/v1` whose metadata is in `metadata`, and what is asked
/// of that metadata everywhere.
macro_rules! kubevirt_kind {
    ($type:ty, $kind:literal, $plural:literal) => {
        impl kube::Resource for $type {
            type DynamicType = ();
            type Scope = k8s_openapi::NamespaceResourceScope;

            fn kind((): &()) -> std::borrow::Cow<'_, str> {
                $kind.into()
            }

            fn group((): &()) -> std::borrow::Cow<'_, str> {
                "kubevirt.io".into()
            }

            fn version((): &()) -> std::borrow::Cow<'_, str> {
                "v1".into()
            }

            fn plural((): &()) -> std::borrow::Cow<'_, str> {
                $plural.into()
            }

            fn meta(&self) -> &kube::api::ObjectMeta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut kube::api::ObjectMeta {
                &mut self.metadata
            }
        }

        impl $type {
            /// Empty only in an object no server would send; so are its namespace and UID.
            pub fn name(&self) -> &str {
                self.metadata.name.as_deref().unwrap_or_default()
            }

            pub fn namespace(&self) -> &str {
                self.metadata.namespace.as_deref().unwrap_or_default()
            }

            pub fn uid(&self) -> &str {
                self.metadata.uid.as_deref().unwrap_or_default()
            }

            pub fn is_being_deleted(&self) -> bool {
                self.metadata.deletion_timestamp.is_some()
            }
        }
    };
}

pub(crate) use kubevirt_kind;

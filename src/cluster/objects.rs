//! Objects as a server sends them, refused where what they are called could not be a name.
//!
//! No API server has such objects. Whatever answers in its place must not choose what the next request is sent to.

use kube::Resource;
use kube::api::ObjectMeta;

use super::error::{ClusterError, ErrorKind};
use crate::name::{is_label, is_label_value, is_subdomain};

/// All of them, or which one cannot be what it says.
pub(crate) fn sound<K: Resource<DynamicType = ()>>(objects: Vec<K>) -> Result<Vec<K>, ClusterError> {
    for object in &objects {
        is_sound::<K>(object.meta())?;
    }
    Ok(objects)
}

/// The same for one that was asked for by its name.
pub(crate) fn sound_one<K: Resource<DynamicType = ()>>(object: K) -> Result<K, ClusterError> {
    is_sound::<K>(object.meta())?;
    Ok(object)
}

fn is_sound<K: Resource<DynamicType = ()>>(metadata: &ObjectMeta) -> Result<(), ClusterError> {
    let odd = |value: &Option<String>, can_be: fn(&str) -> bool| value.clone().filter(|value| !can_be(value));
    let fields = [
        ("name", odd(&metadata.name, is_subdomain)),
        ("namespace", odd(&metadata.namespace, is_label)),
        ("UID", odd(&metadata.uid, is_label_value)),
    ];
    for (field, odd) in fields {
        if let Some(value) = odd {
            let shown: String = value.chars().take(80).collect();
            return Err(ClusterError::new(
                ErrorKind::Invalid,
                format!(
                    "the server's answer holds a {} whose {field} no object can have: `{shown}`; nothing of the answer is used",
                    K::kind(&())
                ),
            )
            .hint("no API server has such an object: see what answers in its place (the server's URL, a proxy)"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Pod;

    #[test]
    fn an_object_that_no_server_can_have_is_refused_by_name() {
        let pod = |name: &str, namespace: &str, uid: &str| Pod {
            metadata: ObjectMeta {
                name: Some(name.into()),
                namespace: Some(namespace.into()),
                uid: Some(uid.into()),
                ..ObjectMeta::default()
            },
            ..Pod::default()
        };
        assert!(sound(vec![pod("a.b", "shop", "1-2")]).is_ok());
        assert!(sound_one(Pod::default()).is_ok());
        for (odd, field) in [
            (pod("a/../b", "shop", "u"), "name"),
            (pod("a", "shop?x=", "u"), "namespace"),
            (pod("a", "shop", "u,kubevirt.io"), "UID"),
        ] {
            let error = sound(vec![pod("a", "shop", "u"), odd]).unwrap_err();
            assert!(error.message.contains(&format!("a Pod whose {field}")), "{error}");
        }
    }
}

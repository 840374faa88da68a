//! Paths of requests: made by one function here, and looked at once more before anything is sent, for kube puts names into
//! its own paths as they are.

use std::fmt::Write as _;

use http::Uri;

use super::error::{ClusterError, ErrorKind};

/// The path of an object, or with `subresource` of that; every segment percent-encoded.
pub(super) fn object(
    group_version: &'static str,
    namespace: &str,
    plural: &'static str,
    name: &str,
    subresource: Option<&'static str>,
) -> String {
    let (namespace, name) = (segment(namespace), segment(name));
    let path = format!("/apis/{group_version}/namespaces/{namespace}/{plural}/{name}");
    match subresource {
        Some(subresource) => format!("{path}/{subresource}"),
        None => path,
    }
}

/// One segment of a path: everything but RFC 3986's unreserved characters is percent-encoded.
fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Refuses a request whose path cannot be one of ours, whoever built it: an API server decodes a path before it takes it
/// apart, so that what is encoded is no safer. client-go refuses the same (`IsValidPathSegmentName`).
pub(super) fn check(uri: &Uri) -> Result<(), ClusterError> {
    let sound = |segment: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        !matches!(segment, "" | "." | "..") && segment.bytes().all(plain)
    };
    let segments = uri.path().strip_prefix('/').unwrap_or(uri.path()).split('/');
    // kube encodes what stands in a query; a mark or a slash in it came with a name.
    let query = uri.query().unwrap_or_default();
    if segments.into_iter().all(sound) && !query.contains(['?', '/']) {
        return Ok(());
    }
    Err(ClusterError::new(
        ErrorKind::Invalid,
        format!("a request was not sent, for a name in it is none: {}", uri.path()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVIL: &str = "../../../namespaces/default/virtualmachines/web-1/stop?x=";

    fn of(name: &str) -> String {
        let vmis = "virtualmachineinstances";
        object("subresources.kubevirt.io/v1", "shop", vmis, name, Some("unpause"))
    }

    #[test]
    fn a_name_is_one_segment_whatever_it_holds() {
        let path = "/apis/subresources.kubevirt.io/v1/namespaces/shop/virtualmachineinstances/";
        assert_eq!(of("web.1"), format!("{path}web.1/unpause"));
        for odd in [EVIL, "a#b", "a b", "wéb", "a%2fb", "a\nb"] {
            let uri: Uri = of(odd).parse().unwrap();
            assert_eq!((uri.path().split('/').count(), uri.query()), (9, None), "{odd}");
        }
    }

    #[test]
    fn a_request_that_a_name_has_bent_is_not_sent() {
        for bent in [
            of(EVIL),
            of(".."),
            of(""),
            format!("/api/v1/namespaces/shop/pods/{EVIL}/attach?stdin=true"),
            "/api/v1/namespaces/shop/pods/a?dryRun=/attach?stdin=true".to_owned(),
            "/api/v1/namespaces/shop/pods/..".to_owned(),
            "/api/v1/namespaces/shop/pods/%2E%2E/web-1".to_owned(),
            "/api/v1/namespaces//pods".to_owned(),
        ] {
            let uri: Uri = bent.parse().unwrap();
            assert!(check(&uri).is_err(), "{bent}");
        }
        for own in [
            "/version",
            "/api/v1/namespaces/shop/pods?&labelSelector=a%2Fb%3Dc%2C%21d&limit=5",
            "/apis/kubevirt.io/v1/namespaces/shop/virtualmachines/web.1?fieldManager=kubectl-vmchaos&dryRun=All",
            "/api/v1/namespaces/shop/pods/a/attach?stdin=true&container=agent",
        ] {
            assert!(check(&own.parse().unwrap()).is_ok(), "{own}");
        }
    }
}

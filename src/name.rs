//! What can be the name of an object in a cluster (RFC 1123, as Kubernetes has it).
//!
//! Names get into request paths, selectors and command lines: what cannot be one is refused before it is used, whoever said it.

/// Longest name of an object.
const LONGEST: usize = 253;
/// Longest name of a namespace, and longest value of a label.
const LONGEST_LABEL: usize = 63;

/// A DNS-1123 label: what a namespace can be called.
pub fn is_label(text: &str) -> bool {
    text.len() <= LONGEST_LABEL && is_part(text)
}

/// A DNS-1123 subdomain: what any other object can be called. Kubernetes does not limit its parts.
pub fn is_subdomain(text: &str) -> bool {
    text.len() <= LONGEST && text.split('.').all(is_part)
}

/// What a label can have as its value, other than nothing: also every UID.
pub fn is_label_value(text: &str) -> bool {
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    text.len() <= LONGEST_LABEL
        && ends(bytes.first())
        && ends(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

/// `NAMESPACE/NAME`, as this program writes down which VM is meant.
pub fn is_key(text: &str) -> bool {
    text.split_once('/')
        .is_some_and(|(namespace, name)| is_label(namespace) && is_subdomain(name))
}

fn is_part(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_kubernetes_takes_them() {
        for good in ["a", "web-1", "0", &"a".repeat(63)] {
            assert!(is_label(good) && is_subdomain(good), "{good}");
        }
        for good in ["web.example", &"a".repeat(253)] {
            assert!(is_subdomain(good) && !is_label(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "-a",
            "a-",
            "A",
            "a_b",
            "a/b",
            "a?b",
            "a#b",
            "a%2fb",
            "a b",
            "a\n",
            "wéb",
            "a..b",
            ".a",
            "a.",
            &"a".repeat(254),
        ] {
            assert!(!is_label(bad) && !is_subdomain(bad), "{bad}");
        }
    }

    #[test]
    fn a_key_is_two_names() {
        assert!(is_key("shop/web-1") && is_key("shop/web.example"));
        for bad in [
            "web-1",
            "shop/",
            "/web-1",
            "shop/web-1/x",
            "shop/web-1\n| sudo sh",
            "a.b/web-1",
        ] {
            assert!(!is_key(bad), "{bad}");
        }
    }

    #[test]
    fn a_uid_can_be_the_value_of_a_label() {
        for good in ["u", "1f8e1f0e-5d1c-4a59-8f2e-0b6b5f0c7a11", "A_b.c"] {
            assert!(is_label_value(good), "{good}");
        }
        for bad in ["", "-a", "a,b=c", "a in (b)", "a\n", &"a".repeat(64)] {
            assert!(!is_label_value(bad), "{bad}");
        }
    }
}

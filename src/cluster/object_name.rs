//! What Kubernetes takes for a name (RFC 1123): what else stands where a name should be was not put there by a cluster.

/// Whether a namespace can be called so.
pub fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && text.len() <= 63 && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// Whether most objects can be called so: a DNS subdomain of 253 characters at most. The API server limits no label of it.
pub fn is_subdomain(text: &str) -> bool {
    let is_part = |part: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !part.is_empty() && part.bytes().all(inner) && !part.starts_with('-') && !part.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_part)
}

/// Whether this is `NAMESPACE/NAME`.
pub fn is_key(text: &str) -> bool {
    text.split_once('/')
        .is_some_and(|(namespace, name)| is_label(namespace) && is_subdomain(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_two_names_and_nothing_else() {
        let long = format!("shop/{}.{}", "a".repeat(64), "b".repeat(100));
        for good in ["shop/web-1", "shop/web.example.com", "a/b", &long] {
            assert!(is_key(good), "{good}");
        }
        let longest = format!("shop/{}", "a".repeat(254));
        for bad in [
            "web-1",
            "shop/",
            "/web-1",
            "shop/web-1/x",
            "sh.op/web-1",
            "shop/../../x",
            "shop/Web",
            "shop/-a",
            "shop/a..b",
            "shop/a b",
            "shop/a;sudo sh",
            "shop/a\nb",
            "shop/\u{202e}a",
            &longest,
        ] {
            assert!(!is_key(bad), "{bad:?}");
        }
    }
}

//! The image that runs privileged on nodes, and who chose it: the operator or KubeVirt's own control plane.
//!
//! Nothing here can be made from a pod in a tenant's namespace: whoever may create or patch pods next to a VM must not choose
//! what is root on its node.

use std::collections::BTreeMap;
use std::fmt;

use super::ValueError;

/// The image of one debug pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentImage {
    image: String,
    source: ImageSource,
    pull_secrets: Vec<String>,
}

/// Who chose an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageSource {
    /// `--image`
    Flag,
    /// Key `image` of the config file; its path.
    Config(String),
    /// Init container `virt-launcher` of KubeVirt's virt-handler; the namespace KubeVirt is installed in.
    VirtHandler(String),
    /// Argument `--launcher-image` of KubeVirt's virt-controller; the namespace KubeVirt is installed in.
    VirtController(String),
}

/// The images of a run's debug pods; during an upgrade of KubeVirt its nodes have different ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentImages {
    /// By the node's name.
    on_nodes: BTreeMap<String, AgentImage>,
    elsewhere: AgentImage,
}

// === impl AgentImage ===

impl AgentImage {
    pub fn new(image: impl Into<String>, source: ImageSource) -> Self {
        Self {
            image: image.into(),
            source,
            pull_secrets: Vec::new(),
        }
    }

    /// With the pull secrets of the pod that names it, which are in that pod's namespace.
    #[must_use]
    pub fn with_pull_secrets(mut self, names: Vec<String>) -> Self {
        self.pull_secrets = names;
        self
    }

    /// The reference, e.g. `quay.io/kubevirt/virt-launcher:v1.9.0`.
    pub fn image(&self) -> &str {
        &self.image
    }

    pub fn source(&self) -> &ImageSource {
        &self.source
    }

    /// Names of the secrets that a pod in this namespace can pull it with: a secret only helps in its own.
    pub fn pull_secrets(&self, namespace: &str) -> &[String] {
        match &self.source {
            ImageSource::VirtHandler(own) | ImageSource::VirtController(own) if own == namespace => &self.pull_secrets,
            _ => &[],
        }
    }
}

/// e.g. `quay.io/kubevirt/virt-launcher:v1.9.0 (from KubeVirt's virt-handler in namespace kubevirt)`
impl fmt::Display for AgentImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (from {})", self.image, self.source)
    }
}

// === impl ImageSource ===

impl ImageSource {
    /// One word for documents.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Config(_) => "config",
            Self::VirtHandler(_) => "virt-handler",
            Self::VirtController(_) => "virt-controller",
        }
    }
}

impl fmt::Display for ImageSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("--image"),
            Self::Config(file) => write!(f, "`image` in {file}"),
            Self::VirtHandler(namespace) => write!(f, "KubeVirt's virt-handler in namespace {namespace}"),
            Self::VirtController(namespace) => write!(f, "KubeVirt's virt-controller in namespace {namespace}"),
        }
    }
}

// === impl AgentImages ===

impl AgentImages {
    /// The same on every node.
    pub fn everywhere(image: AgentImage) -> Self {
        Self::on_nodes(BTreeMap::new(), image)
    }

    /// Each node's own, and one for all others.
    pub fn on_nodes(on_nodes: BTreeMap<String, AgentImage>, elsewhere: AgentImage) -> Self {
        Self { on_nodes, elsewhere }
    }

    pub fn on(&self, node: &str) -> &AgentImage {
        self.on_nodes.get(node).unwrap_or(&self.elsewhere)
    }
}

/// A container image, `[HOST[:PORT]/]PATH[:TAG][@DIGEST]` (the reference grammar of the OCI distribution specification).
///
/// # Errors
/// The text is not one.
pub fn parse_image(text: &str) -> Result<String, ValueError> {
    let (name, digest) = text
        .split_once('@')
        .map_or((text, None), |(name, digest)| (name, Some(digest)));
    let slash = name.rfind('/').map_or(0, |at| at + 1);
    let (path, tag) = name[slash..]
        .split_once(':')
        .map_or((name, None), |(last, tag)| (&name[..slash + last.len()], Some(tag)));
    let (host, path) = match path.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), path),
        _ => (None, path),
    };
    let separator = ['.', '_', '-'];
    let word = |text: &str, more: &[u8]| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || more.contains(&b))
    };
    let sound = path
        .split('/')
        .all(|part| word(part, b"._-") && !part.starts_with(separator) && !part.ends_with(separator))
        && host.is_none_or(|host| word(&host.to_ascii_lowercase(), b".-:[]"))
        && tag.is_none_or(|tag| tag.len() <= 128 && word(&tag.to_ascii_lowercase(), b"._-"))
        && digest.is_none_or(|digest| {
            digest
                .split_once(':')
                .is_some_and(|(kind, hex)| word(kind, b"+._-") && hex.len() >= 32 && word(hex, b""))
        });
    if sound {
        Ok(text.to_owned())
    } else {
        Err(ValueError::new(
            "not a container image",
            "registry.example/tools/netshoot:v1",
        ))
    }
}

/// The image's name without tag and digest; a colon before the last slash is a registry's port.
pub fn repository_of(image: &str) -> &str {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

#[cfg(test)]
impl AgentImages {
    /// What `--image` names, for tests that are about something else.
    pub(crate) fn flag(image: &str) -> Self {
        Self::everywhere(AgentImage::new(image, ImageSource::Flag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_references() {
        for good in [
            "busybox",
            "quay.io/a/b:v1",
            "localhost:5000/x",
            "r.io:443/a/b@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ] {
            assert!(parse_image(good).is_ok(), "{good}");
        }
        for bad in ["", "Foo:::bar", "a b", "a:", "x@sha256", "http://x/y", "-", "a\nb"] {
            assert!(parse_image(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_repository_has_neither_tag_nor_digest() {
        let digest = "a".repeat(64);
        for image in ["reg:5000/l", "reg:5000/l:v1", &format!("reg:5000/l:v1@sha256:{digest}")] {
            assert_eq!(repository_of(image), "reg:5000/l", "{image}");
        }
    }

    #[test]
    fn pull_secrets_are_for_the_namespace_they_are_in() {
        let secrets = || vec!["registry".to_owned()];
        let own = AgentImage::new("l", ImageSource::VirtHandler("kubevirt".to_owned())).with_pull_secrets(secrets());
        assert_eq!(own.pull_secrets("kubevirt"), ["registry"]);
        assert_eq!(own.pull_secrets("shop"), [""; 0]);
        let named = AgentImage::new("l", ImageSource::Flag).with_pull_secrets(secrets());
        assert_eq!(named.pull_secrets("kubevirt"), [""; 0]);
    }
}

//! The kubeconfig that leads to the practice cluster: a temporary file only its owner can read, gone with the cluster.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde_json::json;

use crate::secret;

/// The context's name; fixed, so that people see at a glance that this is no real cluster.
pub(crate) const CONTEXT: &str = "vmchaos-rehearsal";

/// A kubeconfig file in a directory of its own; both are removed when it is dropped.
pub(crate) struct Kubeconfig {
    path: PathBuf,
    /// Goes with this.
    _directory: Directory,
}

impl Kubeconfig {
    /// Writes one for the user with this token, with the namespace that commands take by themselves.
    pub(crate) fn write(url: &str, authority: &str, token: &str, namespace: &str) -> anyhow::Result<Self> {
        let directory = Directory::create()?;
        let path = directory.0.join("kubeconfig");
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": CONTEXT,
            "clusters": [{"name": CONTEXT, "cluster": {"server": url, "certificate-authority-data": base64(authority.as_bytes())}}],
            "users": [{"name": CONTEXT, "user": {"token": token}}],
            "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT, "namespace": namespace}}],
        });
        write_private(&path, &serde_json::to_vec_pretty(&config)?)
            .with_context(|| format!("writing the practice cluster's kubeconfig {}", path.display()))?;
        Ok(Self {
            path,
            _directory: directory,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// A directory that only its owner can look into; gone, with what is in it, when this is dropped.
struct Directory(PathBuf);

impl Directory {
    /// Makes one. What is there already, a link too, is never taken for it: another name is drawn.
    fn create() -> anyhow::Result<Self> {
        let parent = std::env::temp_dir();
        let context = || {
            format!(
                "making a directory in {} for the practice cluster's kubeconfig",
                parent.display()
            )
        };
        loop {
            let path = parent.join(format!("vmchaos-rehearsal-{}", secret::draw(8)?));
            match create_private(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).with_context(context),
            }
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Nothing can be done about a failure here, and the token in it ends with the cluster.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn create_private(directory: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut builder = fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(directory)
    }
    #[cfg(not(unix))]
    fs::create_dir(directory)
}

fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(content)
}

/// Standard base64 with padding, as kubeconfigs hold certificates and list answers hold continue tokens.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = usize::try_from(group >> (18 - 6 * place) & 63).unwrap_or_default();
            text.push(if place <= chunk.len() {
                char::from(DIGITS[digit])
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_everybody_writes_it() {
        assert_eq!(
            ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes())),
            ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]
        );
    }

    #[test]
    #[cfg(unix)]
    fn what_is_there_already_is_not_taken_for_the_directory() {
        let (there, elsewhere) = (Directory::create().unwrap(), Directory::create().unwrap());
        let link = there.0.join("link");
        std::os::unix::fs::symlink(&elsewhere.0, &link).unwrap();
        for path in [&link, &elsewhere.0] {
            assert_eq!(create_private(path).unwrap_err().kind(), ErrorKind::AlreadyExists);
        }
        assert!(write_private(&link, b"token").is_err());
    }

    #[test]
    #[cfg(unix)]
    fn the_file_is_its_owners_and_goes_with_the_cluster() {
        use std::os::unix::fs::PermissionsExt as _;
        let config = Kubeconfig::write("https://127.0.0.1:1", "ca", "t", "test").unwrap();
        let path = config.path().to_owned();
        let directory = path.parent().unwrap().to_owned();
        let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&path)), (0o700, 0o600));
        drop(config);
        assert!(!directory.exists());
    }
}

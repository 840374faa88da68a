//! The kubeconfig that leads to the practice cluster: a temporary file only its owner can read, gone with the cluster.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde_json::json;

/// The context's name; fixed, so that people see at a glance that this is no real cluster.
pub(crate) const CONTEXT: &str = "vmchaos-rehearsal";

/// A kubeconfig file in a directory of its own; both are removed when it is dropped.
pub(crate) struct Kubeconfig {
    directory: PathBuf,
    path: PathBuf,
}

impl Kubeconfig {
    pub(crate) fn write(url: &str, authority: &str, token: &str, id: &str) -> anyhow::Result<Self> {
        let directory = std::env::temp_dir().join(format!("vmchaos-rehearsal-{}-{id}", std::process::id()));
        create_private(&directory).with_context(|| {
            format!(
                "making the directory {} for the practice cluster's kubeconfig",
                directory.display()
            )
        })?;
        let path = directory.join("kubeconfig");
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": CONTEXT,
            "clusters": [{"name": CONTEXT, "cluster": {"server": url, "certificate-authority-data": base64(authority.as_bytes())}}],
            "users": [{"name": CONTEXT, "user": {"token": token}}],
            "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT, "namespace": "default"}}],
        });
        let written = write_private(&path, &serde_json::to_vec_pretty(&config)?);
        let kubeconfig = Self { directory, path };
        written.with_context(|| {
            format!(
                "writing the practice cluster's kubeconfig {}",
                kubeconfig.path.display()
            )
        })?;
        Ok(kubeconfig)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Kubeconfig {
    fn drop(&mut self) {
        // Nothing can be done about a failure here, and the file holds no secret of anybody's.
        let _ = fs::remove_dir_all(&self.directory);
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
    fn the_file_is_its_owners_and_goes_with_the_cluster() {
        use std::os::unix::fs::PermissionsExt as _;
        let config = Kubeconfig::write("https://127.0.0.1:1", "ca", "t", "test").unwrap();
        let path = config.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(config);
        assert!(!path.exists());
    }
}

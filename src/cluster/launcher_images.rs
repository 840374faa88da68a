//! KubeVirt's launcher image, as KubeVirt's own pods in its own namespace name it: what debug pods run as by default, and
//! what the launcher pod of a VM runs.
//!
//! ```text
//! KubeVirt object ──> its namespace ──> pods of virt-handler: init container virt-launcher, on every node (KubeVirt 1.6)
//!                                  └──> pods of virt-controller: argument --launcher-image
//! ```
//! Neither a tenant's pods nor the status of a VMI is asked: a tenant can write the former, and virt-controller copies the
//! image of any pod it adopts into the latter (`status.launcherContainerImageVersion`, seen on 1.6).

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use kube::api::{Api, ListParams};

use super::Cluster;
use super::error::{Ask, ClusterError, ErrorKind};
use super::kubevirt::KubeVirt;
use crate::fault::{AgentImage, AgentImages, ImageSource, parse_image, repository_of};

const ROLE: &str = "kubevirt.io";
const HANDLER: &str = "virt-handler";
const CONTROLLER: &str = "virt-controller";
const COMPONENTS: &str = "kubevirt.io in (virt-handler,virt-controller)";
/// Virt-handler's init container that runs the launcher image.
const INIT_CONTAINER: &str = "virt-launcher";
/// Virt-controller's argument that names the launcher image.
const ARGUMENT: &str = "--launcher-image";

/// The launcher images of an installation: one, but for an upgrade, when nodes that are not done yet have the old one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LauncherImages {
    /// By the name of the node whose virt-handler names it.
    handlers: BTreeMap<String, AgentImage>,
    /// Virt-controller's; where it names none, one of the above.
    elsewhere: AgentImage,
}

/// What KubeVirt's pods say. The error says why that is not known, and what to do.
pub(crate) async fn read(
    cluster: &Cluster,
    kubevirt: &Result<Option<KubeVirt>, ClusterError>,
) -> Result<LauncherImages, ClusterError> {
    let unknown = |kind: ErrorKind, why: &str, more: &str| {
        let hint = format!("name an image with --image, or with `image` in the config file{more}");
        ClusterError::new(kind, format!("the image for debug pods is not known: {why}")).hint(hint)
    };
    let check = cluster.again("kubectl vmchaos check");
    let grant = format!("; what is missing to read KubeVirt's own: {check}");
    let namespace = match kubevirt {
        Ok(Some(kubevirt)) if !kubevirt.namespace().is_empty() => kubevirt.namespace(),
        Ok(_) => return Err(unknown(ErrorKind::NotFound, "the cluster has no KubeVirt", "")),
        Err(error) => {
            let more = if error.is_forbidden() { &grant } else { "" };
            return Err(unknown(error.kind, &error.message, more));
        }
    };
    let ask = Ask::new("list", "", "pods").namespace(namespace);
    let pods = Api::<Pod>::namespaced(cluster.client.clone(), namespace)
        .list(&ListParams::default().labels(COMPONENTS))
        .await
        .map_err(|error| {
            let told = cluster.explain(&error, &ask);
            let more = if told.is_forbidden() { &grant } else { "" };
            unknown(told.kind, &told.message, more)
        })?;
    LauncherImages::of(namespace, &pods.items).ok_or_else(|| {
        let why = format!(
            "in namespace {namespace} neither a pod of virt-handler has an init container {INIT_CONTAINER} nor one of \
             virt-controller an argument {ARGUMENT}"
        );
        unknown(ErrorKind::NotFound, &why, "")
    })
}

// === impl LauncherImages ===

impl LauncherImages {
    /// Reads KubeVirt's pods; `None` where no image is named. `namespace` is the one they are in, KubeVirt's own.
    pub(super) fn of(namespace: &str, pods: &[Pod]) -> Option<Self> {
        let (mut controller, mut handlers) = (None, BTreeMap::new());
        let mut pods: Vec<&Pod> = pods
            .iter()
            .filter(|pod| pod.metadata.deletion_timestamp.is_none())
            .collect();
        // The newest is heard last.
        pods.sort_by_key(|pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0));
        for pod in pods {
            let (Some(spec), Some(labels)) = (&pod.spec, &pod.metadata.labels) else {
                continue;
            };
            let secrets = pull_secrets(spec);
            match labels.get(ROLE).map(String::as_str) {
                Some(CONTROLLER) => {
                    let source = ImageSource::VirtController(namespace.to_owned());
                    let named = spec.containers.iter().find_map(argument);
                    controller = named
                        .map(|image| AgentImage::new(image, source).with_pull_secrets(secrets))
                        .or(controller);
                }
                Some(HANDLER) if is_running(pod) => {
                    let source = ImageSource::VirtHandler(namespace.to_owned());
                    if let (Some(node), Some(image)) = (spec.node_name.clone(), init_container(pod, spec)) {
                        handlers.insert(node, AgentImage::new(image, source).with_pull_secrets(secrets));
                    }
                }
                _ => {}
            }
        }
        let elsewhere = controller.or_else(|| handlers.values().next().cloned())?;
        Some(Self { handlers, elsewhere })
    }

    /// What debug pods run: on each node what virt-handler has started there already.
    ///
    /// `named` is what the operator named instead.
    pub fn choose(
        named: Option<AgentImage>,
        kubevirt: &Result<Self, ClusterError>,
    ) -> Result<AgentImages, ClusterError> {
        if let Some(image) = named {
            return Ok(AgentImages::everywhere(image));
        }
        let own = kubevirt.as_ref().map_err(ClusterError::clone)?;
        Ok(AgentImages::on_nodes(own.handlers.clone(), own.elsewhere.clone()))
    }

    /// Whether a launcher may run this image: KubeVirt's own, or another one of the same repository, as a launcher that
    /// was started before an upgrade does.
    pub fn is_a_launchers(&self, image: &str) -> bool {
        self.all().any(|own| repository_of(own) == repository_of(image))
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.elsewhere)
            .chain(self.handlers.values())
            .map(AgentImage::image)
    }

    /// The repositories a launcher's image may be of, for people.
    pub fn repositories(&self) -> String {
        let all: BTreeSet<&str> = self.all().map(repository_of).collect();
        all.into_iter().collect::<Vec<_>>().join(" or ")
    }
}

fn is_running(pod: &Pod) -> bool {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Running")
}

/// `--launcher-image IMAGE` or `--launcher-image=IMAGE`
fn argument(container: &Container) -> Option<String> {
    let mut words = container.command.iter().chain(&container.args).flatten();
    while let Some(word) = words.next() {
        let value = match word.strip_prefix(ARGUMENT) {
            Some("") => words.next().map(String::as_str),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        };
        if let Some(value) = value {
            return parse_image(value).ok();
        }
    }
    None
}

/// The image of virt-handler's init container, by the digest it ran under where the status tells it.
fn init_container(pod: &Pod, spec: &PodSpec) -> Option<String> {
    let mut containers = spec.init_containers.iter().flatten();
    let image = containers.find(|container| container.name == INIT_CONTAINER)?;
    let image = parse_image(image.image.as_deref()?).ok()?;
    let statuses = pod.status.as_ref()?.init_container_statuses.as_ref();
    let mut statuses = statuses.into_iter().flatten();
    let digest = statuses
        .find(|status| status.name == INIT_CONTAINER)
        .and_then(|status| by_digest(&image, &status.image_id));
    Some(digest.unwrap_or(image))
}

/// The image by its digest; `None` where the status names another repository or none, as for an image that was loaded and
/// not pulled: that could not be found again under the digest.
fn by_digest(image: &str, image_id: &str) -> Option<String> {
    let id = image_id.split_once("://").map_or(image_id, |(_, id)| id);
    let (repository, digest) = id.split_once('@')?;
    let known = digest.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64);
    (known && repository == repository_of(image))
        .then(|| parse_image(id).ok())
        .flatten()
}

fn pull_secrets(spec: &PodSpec) -> Vec<String> {
    let secrets = spec.image_pull_secrets.iter().flatten();
    secrets
        .map(|secret| secret.name.clone())
        .filter(|name| !name.is_empty())
        .collect()
}

#[cfg(test)]
#[path = "launcher_images_tests.rs"]
mod tests;

//! A condition of a VMI, by a watch of it.

use std::time::Duration;

use futures::StreamExt as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Seen;
use crate::cluster::watch::{Change, vmis};
use crate::cluster::{Cluster, VirtualMachineInstance};

/// What is known of a VMI. The task that watches it writes this; it ends with its owner.
pub(super) struct Watched {
    name: String,
    known: watch::Receiver<Known>,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone)]
enum Known {
    Nothing,
    /// Conditions, each with its status.
    There(Vec<(String, String)>),
    Absent,
    /// Why it cannot be watched.
    Blind(String),
}

// === impl Watched ===

impl Watched {
    pub(super) fn begin(cluster: &Cluster, namespace: &str, name: &str) -> Self {
        let (tell, known) = watch::channel(Known::Nothing);
        let mut changes = vmis(cluster, namespace, Some(name));
        let task = tokio::spawn(async move {
            while let Some(change) = changes.next().await {
                let known = match change {
                    Ok(Change::Listed(vmis)) => vmis.first().map_or(Known::Absent, conditions),
                    Ok(Change::Applied(vmi)) => conditions(&vmi),
                    Ok(Change::Deleted(_)) => Known::Absent,
                    Err(error) => Known::Blind(error.message),
                };
                if tell.send(known).is_err() {
                    return;
                }
            }
        });
        Self {
            name: format!("{namespace}/{name}"),
            known,
            task,
        }
    }

    pub(super) async fn look(&self, kind: &str, status: &str, within: Duration) -> Seen {
        let mut known = self.known.clone();
        let told = known.wait_for(|known| !matches!(known, Known::Nothing));
        let known = match tokio::time::timeout(within, told).await {
            Ok(Ok(known)) => known.clone(),
            Ok(Err(_)) => return Err(format!("vmi {} is not watched any more", self.name)),
            Err(_) => return Err(format!("no answer about vmi {} within {within:?}", self.name)),
        };
        match known {
            Known::Nothing | Known::Absent => Err(format!("there is no vmi {}", self.name)),
            Known::Blind(why) => Err(why),
            Known::There(conditions) => match conditions.iter().find(|(of, _)| of == kind) {
                Some((_, is)) if is == status => Ok(None),
                Some((_, is)) => Err(format!("{kind} of vmi {} is {is}", self.name)),
                None => Err(format!("vmi {} has no condition {kind}", self.name)),
            },
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn conditions(vmi: &VirtualMachineInstance) -> Known {
    let conditions = vmi.status.conditions.iter();
    Known::There(conditions.map(|it| (it.type_.clone(), it.status.clone())).collect())
}

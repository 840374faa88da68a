//! Looking at what checks are about.
//!
//! Each look is one request, one program, the last that a watch has told, or the next result of a debug pod's probes; it ends
//! within its time limit.

mod command;
mod condition;
mod http;
mod prometheus;
mod tcp;

use std::time::Instant;

pub(crate) use self::http::headers;

use self::condition::Watched;
use super::check::{Check, Look, What};
use crate::cluster::{Cluster, Web};
use crate::run::probe_pods::Readings;

/// What is needed to look at one check again and again.
pub(crate) struct Looker {
    check: Check,
    by: By,
}

enum By {
    Web(Web),
    Watch(Watched),
    Probes(Readings),
    Program,
}

/// What a look has seen: a value, where there is one, and why it has failed, if it has.
type Seen = Result<Option<f64>, String>;

// === impl Looker ===

impl Looker {
    /// Gets ready; a check of a VMI begins to watch it. `namespace` is where a VM is that names none; `probes` is what is
    /// probed for the check.
    ///
    /// # Errors
    /// Why it cannot be looked at, as a sentence.
    pub(crate) fn new(
        check: &Check,
        cluster: &Cluster,
        namespace: &str,
        probes: Option<Readings>,
    ) -> Result<Self, String> {
        let by = match &check.what {
            What::Http(http) => By::Web(Web::new(http.url.uri())?),
            What::Prometheus(query) => By::Web(Web::new(&prometheus::uri(query)?)?),
            What::Condition { vm, .. } => {
                let namespace = vm.namespace.as_deref().unwrap_or(namespace);
                By::Watch(Watched::begin(cluster, namespace, &vm.name))
            }
            What::Tcp { .. } => By::Probes(probes.ok_or("nobody probes it")?),
            What::Command(_) => By::Program,
        };
        Ok(Self {
            check: check.clone(),
            by,
        })
    }

    pub(crate) fn check(&self) -> &Check {
        &self.check
    }

    /// Looks once.
    pub(crate) async fn look(&self) -> Look {
        let began = Instant::now();
        let within = self.check.within;
        let seen = match (&self.check.what, &self.by) {
            (What::Http(asked), By::Web(web)) => http::look(web, asked, within).await,
            (What::Prometheus(query), By::Web(web)) => prometheus::look(web, query, within).await,
            (What::Condition { kind, status, .. }, By::Watch(watched)) => watched.look(kind, status, within).await,
            (What::Tcp { .. }, By::Probes(readings)) => {
                let looked = tcp::look(readings, within).await;
                return Look {
                    took: *looked.as_ref().unwrap_or(&within),
                    value: None,
                    failed: looked.err(),
                };
            }
            (What::Command(words), _) => command::look(words, within).await,
            // `new` pairs them.
            _ => Err("cannot be looked at".to_owned()),
        };
        Look {
            took: began.elapsed(),
            value: seen.as_ref().ok().copied().flatten(),
            failed: seen.err(),
        }
    }
}

//! The guards of every command that puts a fault on VMs: the config file, what is protected, and what a plan has to pass.

use std::collections::BTreeSet;

use super::Context;
use crate::cli::ConfigFile;
use crate::cluster::pod_namespace::{self, Own, PodNamespaces};
use crate::cluster::protection::{Annotated, Protection, everyone, protection};
use crate::cluster::{Cluster, ClusterError, Selection, VmiRow};
use crate::command_line::CommandLine;
use crate::fault::{AgentImage, ImageSource, PROTECTED, Unfit};
use crate::faults::{Around, Found, registry};
use crate::local::folders;
use crate::local::input::{self, Unread};
use crate::plan::guards::beside::Beside;
use crate::plan::guards::config::Config;
use crate::plan::guards::{self, Crowd, Facts, Known, Verdict};
use crate::problem::Reason;
use crate::stop::Stop;
use crate::traces;
use crate::ui::escape;

/// The guards as this user has set them.
#[derive(Debug)]
pub(super) struct Guards {
    config: Config,
    /// Where the config file is, or would be.
    file: String,
    /// What it says, where there is one.
    text: Option<String>,
}

/// What else is going on where a plan acts.
pub(super) struct Seen {
    crowd: Crowd,
    beside: Beside,
}

/// The other ways to say which guards hold.
const ELSEWHERE: &str = "name the file with --config FILE, or say with --no-config that the built-in guards hold";

// === impl Guards ===

impl Guards {
    /// Reads the config file; nothing is asked of a cluster before. That there is none is fine where it is known where it would
    /// be; otherwise guards could be off without a word.
    pub(super) fn read(which: &ConfigFile) -> Result<Self, Stop> {
        let refused = |why: String| Stop::refused(Reason::ConfigFile, why);
        let own = || folders::config().map(|folder| folder.join("config.yaml"));
        let path = match which {
            ConfigFile::None => return Ok(Self::built_in("the config file".to_owned())),
            ConfigFile::At(path) => path.clone(),
            ConfigFile::Own => own().ok_or_else(|| {
                refused("nobody knows where the config file would be: the home directory is not known".to_owned())
                    .hint(format!("set HOME, {ELSEWHERE}"))
            })?,
        };
        let file = escape(&path.display().to_string());
        let text = match input::read(&path) {
            Ok(text) => text,
            Err(Unread::Missing) if *which == ConfigFile::Own => return Ok(Self::built_in(file)),
            Err(why) => {
                let told = refused(format!("the config file {file} {}", escape(&why.to_string())));
                return Err(told.hint(format!("put it right, {ELSEWHERE}")));
            }
        };
        let config = Config::parse(&text).map_err(|why| {
            refused(format!("{file}: {}", escape(&why)))
                .hint("put the file right, or move it away; the README has every key")
        })?;
        Ok(Self {
            config,
            file,
            text: Some(text),
        })
    }

    /// The config file, as it was read.
    pub(super) fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Without a config file, which would be this one.
    fn built_in(file: String) -> Self {
        let config = Config::default();
        Self {
            config,
            file,
            text: None,
        }
    }

    /// What the operator wants debug pods to run: by `--image`, else by the config file.
    pub(super) fn image(&self, flag: Option<&String>) -> Option<AgentImage> {
        let by_flag = flag.map(|image| AgentImage::new(image, ImageSource::Flag));
        let by_file = || {
            let image = self.config.image.as_ref()?;
            Some(AgentImage::new(&image.0, ImageSource::Config(self.file.clone())))
        };
        by_flag.or_else(by_file)
    }

    /// What a search finds, and beside it what is protected; unless a signal comes first.
    pub(super) async fn search<S>(
        &self,
        context: &Context,
        cluster: &Cluster,
        selection: &Selection,
        search: impl Future<Output = Result<S, ClusterError>>,
    ) -> Result<(S, Protection), Stop> {
        let both = Box::pin(async {
            let (found, protection) = tokio::join!(search, protection(cluster, selection));
            // The search first: without KubeVirt that is the error to show.
            Ok((found?, protection?))
        });
        context.unless_signalled(both).await
    }

    /// Why nothing is done to this VM; `annotated` is its VMI.
    fn protected(
        &self,
        protection: &Protection,
        namespace: &str,
        name: &str,
        annotated: bool,
        flags: &[String],
    ) -> Option<Unfit> {
        let by_annotation = || {
            let of_vmi = annotated.then_some(Annotated::Vmi);
            let annotate = CommandLine::new("kubectl annotate");
            let own = |kind| annotate.clone().own(kind).arg(name).flag("-n", namespace);
            let (words, place) = match protection.of(namespace, name).or(of_vmi)? {
                Annotated::Namespace => {
                    let namespace = annotate.own("namespace").arg(namespace);
                    ("is in a protected namespace", namespace)
                }
                Annotated::Vm => ("is protected", own("vm")),
                Annotated::Vmi => ("is protected", own("vmi")),
            };
            let off = place.arg(format!("{PROTECTED}-")).each_with(flags);
            Some((
                format!("{words} (annotation {PROTECTED})"),
                off.to("to change that: ").into(),
            ))
        };
        let (reason, hint) = guards::protected(&self.config, &self.file, namespace, name).or_else(by_annotation)?;
        Some(Unfit {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            reason,
            hint: Some(hint),
        })
    }

    /// Marks what is protected, whichever the fault.
    pub(super) fn keep_off_all(&self, cluster: &Cluster, rows: &mut [VmiRow], protection: &Protection) {
        let flags = cluster.flags();
        for row in rows {
            if let Some(unfit) = self.protected(protection, &row.namespace, &row.name, row.protected, flags) {
                registry::keep_off(row, &unfit);
            }
        }
    }

    /// Marks what is protected among the candidates, and keeps what was seen beside them.
    pub(super) fn keep_off<T>(&self, cluster: &Cluster, found: &mut Found<T>, protection: Protection) {
        let flags = cluster.flags();
        for row in &mut found.rows {
            let [namespace, name, ..] = &row.cells;
            if let Some(unfit) = self.protected(&protection, namespace, name, row.protected, flags) {
                row.fault = Err(unfit);
            }
        }
        found.around.protection = protection;
    }

    /// What the guards say of a plan, after a look at what else is going on; an error where they refuse it. `pods` are the
    /// namespaces where others' runs count.
    pub(super) async fn look(
        &self,
        cluster: &Cluster,
        facts: &Facts,
        around: &Around,
        pods: &PodNamespaces,
    ) -> Result<Verdict, Stop> {
        let seen = self.see(cluster, facts, around, pods).await?;
        self.judge(cluster, facts, &seen)
    }

    /// Looks at what else is going on where a plan acts.
    pub(super) async fn see(
        &self,
        cluster: &Cluster,
        facts: &Facts,
        around: &Around,
        pods: &PodNamespaces,
    ) -> Result<Seen, ClusterError> {
        let namespaces: BTreeSet<String> = facts.vms.iter().map(|place| place.namespace.clone()).collect();
        let (crowd, beside) = tokio::join!(
            self.crowd(cluster, facts, &namespaces),
            traces::beside(cluster, &namespaces, pods)
        );
        let ((crowd, closed), mut beside) = (crowd?, beside?);
        add(&mut beside, around);
        if !closed.is_empty() {
            let places = closed.join(", ");
            beside.blind.push(format!(
                "how many VMIs there are in {places} (listing them is not permitted)"
            ));
        }
        Ok(Seen { crowd, beside })
    }

    /// What the guards say of a plan; an error where they refuse it.
    pub(super) fn judge(&self, cluster: &Cluster, facts: &Facts, seen: &Seen) -> Result<Verdict, Stop> {
        let verdict = guards::apply(&Known {
            config: &self.config,
            file: &self.file,
            facts,
            crowd: &seen.crowd,
            beside: &seen.beside,
        });
        let Some(first) = verdict.refusals.first() else {
            return Ok(verdict);
        };
        let told = verdict.refusals.iter();
        let told = told.map(|refusal| format!("guard {}: {}", refusal.reason, refusal.message));
        let hints = verdict
            .refusals
            .iter()
            .filter_map(|refusal| Some(cluster.lead(refusal.hint.clone()?).to_string()));
        Err(Stop::refused(first.reason, told.collect::<Vec<_>>().join("; ")).hint(hints.collect::<Vec<_>>().join("\n")))
    }

    /// How many VMIs there are where it matters, and the namespaces that may not be looked into.
    async fn crowd(
        &self,
        cluster: &Cluster,
        facts: &Facts,
        namespaces: &BTreeSet<String>,
    ) -> Result<(Crowd, Vec<String>), ClusterError> {
        let mut crowd = Crowd::default();
        if !guards::counts(&self.config, facts.vms.len()) {
            return Ok((crowd, Vec::new()));
        }
        let found = everyone(cluster, namespaces, guards::counts_nodes(&self.config)).await?;
        crowd.narrow = found.narrow || !found.closed.is_empty();
        for (namespace, node) in found.places {
            *crowd.in_namespace.entry(namespace).or_default() += 1;
            *crowd.on_node.entry(node).or_default() += 1;
        }
        Ok((crowd, found.closed))
    }
}

/// What the search for the VMs has seen already.
fn add(beside: &mut Beside, around: &Around) {
    beside.evacuating.clone_from(&around.evacuating);
    beside.cordoned.clone_from(&around.cordoned);
    beside.blind.extend(around.protection.blind.iter().cloned());
}

/// A plan, with what the guards add to it.
pub(super) fn shown(mut text: String, verdict: &Verdict) -> String {
    for line in &verdict.lines {
        text.push_str("  guards: ");
        text.push_str(&escape(line));
        text.push('\n');
    }
    text
}

/// A search, and beside it a look at the namespace made for debug pods.
pub(super) async fn and_own<S>(
    cluster: &Cluster,
    search: impl Future<Output = Result<S, ClusterError>>,
) -> Result<(S, Own), ClusterError> {
    let (found, own) = tokio::join!(search, pod_namespace::own(cluster));
    Ok((found?, own))
}

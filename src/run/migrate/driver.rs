//! Drives the engine: watches, requests, timers and signals in; migrations, cancellations and progress out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt;
use kube::api::{Api, ListParams};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until, timeout};

use super::super::signals::Signals;
use super::super::vm::Trouble;
use super::engine::{Action, Engine, FlightIndex, Input, NotMade, PoolVm};
use super::explain::{self, Limits};
use super::flight::{Clock, Flight};
use crate::cluster::migration::{self, NewMigration, VirtualMachineInstanceMigration};
use crate::cluster::movable::{Terrain, judge};
use crate::cluster::vmi::VirtualMachineInstance;
use crate::cluster::watch::{self, Change, Filter};
use crate::cluster::{Ask, Cluster, ClusterError, ErrorKind, pool};
use crate::fault::Unfit;
use crate::node::pod::{LABEL_FAULT, LABEL_MANAGED_BY, LABEL_RUN, MANAGED_BY};
use crate::plan::migrations::{MigrationPlan, ROUND};
use crate::plan::run_plan::Confirmed;

/// A creation that takes longer may still succeed: it is looked for.
const CREATE_LIMIT: Duration = Duration::from_secs(30);
/// The value of the fault's label, and the fault's command.
pub const FAULT: &str = "migrate";

/// Who is told of a run's way.
pub trait Watcher: Send + Sync {
    /// A migration's state has changed.
    fn show(&self, vm: &PoolVm, flight: &Flight, clock: &Clock);
    /// A VM of the pool cannot be moved now, and why.
    fn left_out(&self, vm: &PoolVm);
    /// A line for a person.
    fn note(&self, text: &str);
}

/// How a run went.
pub struct Ran {
    pub vms: Vec<PoolVm>,
    /// In the order of their making.
    pub flights: Vec<Flight>,
    pub signals: u32,
    /// Who told it to end from outside.
    pub halted_by: Option<String>,
    /// Why it could not go on.
    pub trouble: Option<Trouble>,
}

/// What the driver is told by its tasks.
enum Message {
    Input(Input),
    Terrain(Terrain),
    /// VMIs of a namespace.
    Vmis(String, Change<VirtualMachineInstance>),
}

struct Driver<'a> {
    cluster: &'a Cluster,
    plan: &'a MigrationPlan,
    engine: Engine,
    /// Position in the pool by namespace and name.
    index: BTreeMap<(String, String), usize>,
    /// The pool's VMIs as last seen.
    vmis: Vec<Option<Box<VirtualMachineInstance>>>,
    /// Namespaces whose VMIs have not been listed yet.
    unlisted: BTreeSet<String>,
    /// Read for a survey that waits for the VMIs.
    terrain: Option<Terrain>,
    limits: Limits,
    messages: UnboundedSender<Message>,
    watcher: &'a dyn Watcher,
}

/// Runs a confirmed plan to its end: until every migration is over, or it is known which are not.
pub async fn run(
    cluster: &Cluster,
    confirmed: &Confirmed<MigrationPlan>,
    limits: Limits,
    signals: &mut Signals,
    watcher: &dyn Watcher,
) -> Ran {
    let plan = confirmed.plan();
    let (sender, mut messages) = unbounded_channel();
    let namespaces: BTreeSet<String> = plan.pool.iter().map(|vm| vm.namespace.clone()).collect();
    let mut feeds = tokio::task::JoinSet::new();
    for namespace in &namespaces {
        feeds.spawn(feed_migrations(
            cluster.clone(),
            namespace.clone(),
            plan.run.clone(),
            sender.clone(),
        ));
        let mut vms = plan
            .pool
            .iter()
            .filter(|vm| vm.namespace == *namespace)
            .map(|vm| vm.name.clone());
        let only = vms.next().filter(|_| vms.next().is_none());
        feeds.spawn(feed_vmis(cluster.clone(), namespace.clone(), only, sender.clone()));
    }
    let (engine, first) = Engine::new(plan, Instant::now());
    let mut driver = Driver {
        cluster,
        plan,
        engine,
        index: (plan.pool.iter().enumerate())
            .map(|(index, vm)| ((vm.namespace.clone(), vm.name.clone()), index))
            .collect(),
        vmis: vec![None; plan.pool.len()],
        unlisted: namespaces,
        terrain: None,
        limits,
        messages: sender,
        watcher,
    };
    driver.act(first);
    let mut seen = 0;
    while !driver.engine.is_done() {
        let wake = driver.engine.wake_at();
        let input = tokio::select! {
            biased;
            () = signals.more_than(seen) => {
                seen += 1;
                Some(Input::Signal)
            }
            Some(message) = messages.recv() => driver.take(message),
            () = at(wake) => Some(Input::Tick),
        };
        if let Some(input) = input {
            driver.step(input);
        }
    }
    drop(feeds);
    let engine = driver.engine;
    Ran {
        vms: engine.vms().to_vec(),
        signals: engine.signals(),
        halted_by: engine.halted_by().map(str::to_owned),
        trouble: engine.trouble().cloned(),
        flights: engine.into_flights(),
    }
}

async fn at(wake: Option<Instant>) {
    match wake {
        Some(wake) => sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

// === impl Driver ===

impl Driver<'_> {
    fn step(&mut self, input: Input) {
        let actions = self.engine.handle(input, Instant::now());
        self.act(actions);
    }

    fn take(&mut self, message: Message) -> Option<Input> {
        match message {
            Message::Input(input) => Some(input),
            Message::Terrain(terrain) => {
                self.terrain = Some(terrain);
                self.survey()
            }
            Message::Vmis(namespace, change) => {
                self.unlisted.remove(&namespace);
                for (vm, vmi) in self.changed(&namespace, change) {
                    self.vmis[vm].clone_from(&vmi);
                    self.step(Input::Vmi(vm, vmi));
                }
                self.survey()
            }
        }
    }

    /// VMIs of the pool that are not what they were.
    fn changed(
        &self,
        namespace: &str,
        change: Change<VirtualMachineInstance>,
    ) -> Vec<(usize, Option<Box<VirtualMachineInstance>>)> {
        let at = |name: &str| self.index.get(&(namespace.to_owned(), name.to_owned())).copied();
        match change {
            Change::Listed(listed) => {
                let there: BTreeSet<usize> = listed.iter().filter_map(|vmi| at(vmi.name())).collect();
                let all = self.index.iter().filter(|((of, _), _)| of == namespace);
                let gone = all.filter(|(_, vm)| !there.contains(vm)).map(|(_, vm)| (*vm, None));
                let listed = listed
                    .into_iter()
                    .filter_map(|vmi| Some((at(vmi.name())?, Some(Box::new(vmi)))));
                listed.chain(gone).collect()
            }
            Change::Applied(vmi) => at(vmi.name()).map(|vm| (vm, Some(Box::new(vmi)))).into_iter().collect(),
            Change::Deleted(vmi) => at(vmi.name()).map(|vm| (vm, None)).into_iter().collect(),
        }
    }

    /// The answer to a survey, once nodes and VMIs are known.
    fn survey(&mut self) -> Option<Input> {
        if !self.unlisted.is_empty() {
            return None;
        }
        let terrain = self.terrain.take()?;
        let destination = &self.plan.spec.destination;
        let judged = self.vmis.iter().zip(&self.plan.pool).map(|(vmi, planned)| match vmi {
            Some(vmi) => judge(vmi, &terrain, destination),
            None => Err(Unfit {
                namespace: planned.namespace.clone(),
                name: planned.name.clone(),
                reason: "does not run any more".to_owned(),
                hint: None,
            }),
        });
        Some(Input::Surveyed(judged.collect()))
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Survey => {
                    let cluster = self.cluster.clone();
                    self.spawn(async move { Message::Terrain(pool::terrain(&cluster).await) });
                }
                Action::Create(flight) => self.create(flight),
                Action::Seek(flight) => self.seek(flight),
                Action::Cancel(flight) => self.cancel(flight),
                Action::Look(flight) => self.look(flight),
                Action::Explain(flight) => self.explain(flight),
                Action::Show(flight) => {
                    let flight = &self.engine.flights()[flight];
                    let vm = &self.engine.vms()[flight.vm];
                    self.watcher.show(vm, flight, &self.engine.clock());
                }
                Action::LeftOut(vm) => self.watcher.left_out(&self.engine.vms()[vm]),
                Action::Note(text) => self.watcher.note(&text),
            }
        }
    }

    fn spawn(&self, work: impl Future<Output = Message> + Send + 'static) {
        let messages = self.messages.clone();
        tokio::spawn(async move {
            // Nobody listens any more once the run is over.
            let _ = messages.send(work.await);
        });
    }

    /// Namespace and name of a flight's VM.
    fn vm_of(&self, flight: FlightIndex) -> (String, String) {
        let vm = &self.plan.pool[self.engine.flights()[flight].vm];
        (vm.namespace.clone(), vm.name.clone())
    }

    fn create(&self, flight: FlightIndex) {
        let (namespace, vmi) = self.vm_of(flight);
        let new = new_migration(self.plan, self.engine.flights()[flight].round, namespace, vmi);
        let cluster = self.cluster.clone();
        self.spawn(async move {
            let made = match timeout(CREATE_LIMIT, migration::create(&cluster, &new, false)).await {
                Ok(made) => made.map(Box::new).map_err(|error| not_made(&error)),
                Err(_) => Err(NotMade::Unknown(Trouble::new("timeout", "no answer came within 30 s"))),
            };
            Message::Input(Input::Created(flight, made))
        });
    }

    fn seek(&self, flight: FlightIndex) {
        let (namespace, vmi) = self.vm_of(flight);
        let round = self.engine.flights()[flight].round.to_string();
        let (cluster, run) = (self.cluster.clone(), self.plan.run.clone());
        self.spawn(async move {
            let api = Api::<VirtualMachineInstanceMigration>::namespaced(cluster.client.clone(), &namespace);
            let params = ListParams::default().labels(&format!("{LABEL_RUN}={run}"));
            let found = match api.list(&params).await {
                Ok(list) => {
                    let ours = |object: &VirtualMachineInstanceMigration| {
                        object.spec.vmi_name == vmi && object.annotation(ROUND) == Some(round.as_str())
                    };
                    Ok(list.items.into_iter().find(ours).map(Box::new))
                }
                Err(error) => Err(trouble(&cluster.explain(&error, &ask("list", &namespace)))),
            };
            Message::Input(Input::Found(flight, found))
        });
    }

    fn cancel(&self, index: FlightIndex) {
        let (namespace, _) = self.vm_of(index);
        let flight = &self.engine.flights()[index];
        let (name, uid, cluster) = (flight.name.clone(), flight.uid.clone(), self.cluster.clone());
        self.spawn(async move {
            let deleted = migration::delete(&cluster, &namespace, &name, &uid, false).await;
            Message::Input(match deleted {
                Ok(()) => Input::Cancelled(index, Ok(())),
                // Gone already, or another object has its name.
                Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Conflict) => Input::Gone(uid),
                Err(error) => Input::Cancelled(index, Err(trouble(&error))),
            })
        });
    }

    fn look(&self, flight: FlightIndex) {
        let (namespace, name) = self.vm_of(flight);
        let cluster = self.cluster.clone();
        self.spawn(async move {
            let api = Api::<VirtualMachineInstance>::namespaced(cluster.client.clone(), &namespace);
            let read = api.get_opt(&name).await.map(|vmi| vmi.map(Box::new)).map_err(|error| {
                let ask = Ask::new("get", "kubevirt.io", "virtualmachineinstances").namespace(&namespace);
                trouble(&cluster.explain(&error, &ask))
            });
            Message::Input(Input::Looked(flight, read))
        });
    }

    fn explain(&self, index: FlightIndex) {
        let (namespace, vmi) = self.vm_of(index);
        let flights = self.engine.flights();
        let flight = &flights[index];
        let leaving = flights
            .iter()
            .filter(|other| {
                !other.is_over() && other.from == flight.from && !matches!(other.phase(), None | Some("Pending"))
            })
            .count();
        let question = explain::Question {
            namespace,
            vmi,
            uid: flight.uid.clone(),
            from: flight.from.clone(),
            leaving,
        };
        let (cluster, limits) = (self.cluster.clone(), self.limits);
        self.spawn(async move {
            let why = explain::explain(&cluster, &question, limits).await;
            Message::Input(Input::Explained(index, why))
        });
    }
}

/// The object that moves one VM in one round.
pub fn new_migration(plan: &MigrationPlan, round: u64, namespace: String, vmi: String) -> NewMigration {
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    NewMigration {
        namespace,
        vmi,
        prefix: format!("vmchaos-{}-", plan.run),
        labels: [
            label(LABEL_MANAGED_BY, MANAGED_BY),
            label(LABEL_RUN, &plan.run),
            label(LABEL_FAULT, FAULT),
        ]
        .into(),
        annotations: plan.annotations(round),
        node_selector: plan.node_labels.clone(),
    }
}

fn not_made(error: &ClusterError) -> NotMade {
    let trouble = trouble(error);
    match error.kind {
        ErrorKind::Invalid
        | ErrorKind::Forbidden
        | ErrorKind::Unauthorized
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::AlreadyExists => NotMade::Refused(trouble),
        _ => NotMade::Unknown(trouble),
    }
}

fn trouble(error: &ClusterError) -> Trouble {
    let trouble = Trouble::new("not-created", &error.message);
    match &error.hint {
        Some(hint) => trouble.hint(hint),
        None => trouble,
    }
}

fn ask(verb: &'static str, namespace: &str) -> Ask {
    Ask::new(verb, "kubevirt.io", "virtualmachineinstancemigrations").namespace(namespace)
}

/// Feeds the run's migrations in a namespace.
async fn feed_migrations(cluster: Cluster, namespace: String, run: String, messages: UnboundedSender<Message>) {
    let api = Api::<VirtualMachineInstanceMigration>::namespaced(cluster.client.clone(), &namespace);
    let filter = Filter {
        labels: Some(format!("{LABEL_RUN}={run}")),
        fields: None,
    };
    let mut changes = watch::watch(&cluster, api, ask("watch", &namespace), filter, None);
    let mut known: BTreeSet<String> = BTreeSet::new();
    while let Some(change) = changes.next().await {
        let seen = |object| Input::Migration(Box::new(object));
        let inputs: Vec<Input> = match change {
            Ok(Change::Listed(listed)) => {
                let there: BTreeSet<String> = listed.iter().map(|object| object.uid().to_owned()).collect();
                let gone = known.difference(&there).cloned().map(Input::Gone).collect::<Vec<_>>();
                known = there;
                listed.into_iter().map(seen).chain(gone).collect()
            }
            Ok(Change::Applied(object)) => {
                known.insert(object.uid().to_owned());
                vec![seen(object)]
            }
            Ok(Change::Deleted(object)) => {
                known.remove(object.uid());
                let gone = Input::Gone(object.uid().to_owned());
                // Its last state may say how it ended.
                vec![seen(object), gone]
            }
            Err(error) => vec![blind("migrations", &error)],
        };
        for input in inputs {
            if messages.send(Message::Input(input)).is_err() {
                return;
            }
        }
    }
}

/// Feeds the VMIs of a namespace, or one of them.
async fn feed_vmis(cluster: Cluster, namespace: String, only: Option<String>, messages: UnboundedSender<Message>) {
    let mut changes = watch::vmis(&cluster, &namespace, only.as_deref(), None);
    while let Some(change) = changes.next().await {
        let message = match change {
            Ok(change) => Message::Vmis(namespace.clone(), change),
            Err(error) => Message::Input(blind("VMIs", &error)),
        };
        if messages.send(message).is_err() {
            return;
        }
    }
}

fn blind(what: &str, error: &ClusterError) -> Input {
    let told = format!(
        "the {what} cannot be watched, so that nothing more is begun: {}",
        error.message
    );
    Input::Blind(Trouble::new("blind", told).hint("see what is missing: kubectl vmchaos check migrate"))
}

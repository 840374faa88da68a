//! `kubectl vmchaos` alone: which fault, on which VMs, with which values; then it is the command line that says so.

use std::path::Path;

use super::guards::Guards;
use super::{Context, game_day, same_again};
use crate::cli::guide::{self, Question};
use crate::cli::{self, ForAllSteps, GuideRequest, Invocation};
use crate::cluster::{Cluster, Selection, VmiRow, survey};
use crate::fault::Unfit;
use crate::faults::{cells, registry};
use crate::gameday::step::FaultStep;
use crate::problem::Reason;
use crate::report::ExitCode;
use crate::stop::Stop;
use crate::ui::form::Field;
use crate::ui::{Filled, Form, Pick, Picker, escape};

/// What was answered so far.
#[derive(Default)]
struct Answers {
    fault: usize,
    everywhere: bool,
    /// VMIs that were looked for, and where.
    found: Option<(bool, Vec<VmiRow>)>,
    picked: Vec<usize>,
    /// A value for each question about the fault.
    values: Vec<String>,
}

#[derive(Clone, Copy)]
enum Step {
    Fault,
    Where,
    Vms,
    Values,
}

/// How a step ended.
enum Told {
    Next,
    Back,
    /// The command line that says all that was answered.
    Ready(Vec<String>),
    /// The same as a step, and the file of a game day that it is for.
    Save(String, FaultStep),
}

/// Asks, and runs what was answered. Escape goes a step back; at the first it ends.
pub(super) async fn guide(context: &Context, request: &GuideRequest) -> Result<ExitCode, Stop> {
    if !(context.printer.interactive() && context.printer.look().live) {
        let _ = request.otherwise.print();
        return Ok(ExitCode::Usage);
    }
    let cluster = context.connect().await?;
    context.printer.line(&format!(
        "context {} ({}), as {}",
        escape(&cluster.context),
        cluster.server,
        escape(&cluster.user)
    ));
    let mut answers = Answers::default();
    let mut step = Step::Fault;
    let argv = loop {
        let told = match step {
            Step::Fault => fault(context, &mut answers).await?,
            Step::Where => place(context, &cluster, &mut answers).await?,
            Step::Vms => vms(context, &cluster, request, &mut answers).await?,
            Step::Values => values(context, &mut answers).await?,
        };
        // With -n there is nothing to ask about the place.
        let placed = request.namespace.is_some();
        step = match (step, told) {
            (_, Told::Ready(argv)) => break argv,
            (_, Told::Save(file, step)) => {
                context.printer.line(&game_day::save(&file, &step)?);
                return Ok(ExitCode::Done);
            }
            (Step::Fault, Told::Back) => {
                return Err(Stop::refused(
                    Reason::NothingPicked,
                    "nothing was chosen; nothing was changed",
                ));
            }
            (Step::Fault, Told::Next) if placed => Step::Vms,
            (Step::Vms, Told::Back) if placed => Step::Fault,
            (Step::Fault, Told::Next) | (Step::Vms, Told::Back) => Step::Where,
            (Step::Where, Told::Next) | (Step::Values, Told::Back) => Step::Vms,
            (Step::Where, Told::Back) => Step::Fault,
            (Step::Vms | Step::Values, Told::Next) => Step::Values,
        };
    };
    let invocation = cli::parse(argv).map_err(|error| Stop::usage(guide::words(&error)))?;
    same_again::tell(context, &cluster, &answers.targets(), &invocation.given);
    // Where the cluster is and how results are printed was said before.
    let invocation = Invocation {
        connection: context.connection.clone(),
        config: context.config.clone(),
        output: context.output,
        verbosity: context.verbosity,
        rehearsal: context.rehearsal.clone(),
        ..invocation
    };
    Ok(Box::pin(super::run(invocation, &context.printer, context.signals.clone())).await)
}

async fn fault(context: &Context, answers: &mut Answers) -> Result<Told, Stop> {
    let mut picker = Picker::new("Which fault?", ["FAULT", ""], "").single();
    for (name, about) in guide::faults() {
        picker.row([name, about.as_str()], None);
    }
    picker.preselect(&[answers.fault]);
    Ok(match picked(context, picker).await? {
        None => Told::Back,
        Some(rows) => {
            let fault = rows.first().copied().unwrap_or_default();
            if fault != answers.fault {
                // What one fault is says nothing about another.
                answers.values.clear();
                answers.picked.clear();
            }
            answers.fault = fault;
            Told::Next
        }
    })
}

async fn place(context: &Context, cluster: &Cluster, answers: &mut Answers) -> Result<Told, Stop> {
    let mut picker = Picker::new("Where are the VMs?", ["NAMESPACE", ""], "").single();
    picker.row([cluster.namespace.as_str(), "the context's"], None);
    picker.row(["all", "every namespace"], None);
    picker.preselect(&[usize::from(answers.everywhere)]);
    Ok(match picked(context, picker).await? {
        None => Told::Back,
        Some(rows) => {
            answers.everywhere = rows == [1];
            Told::Next
        }
    })
}

async fn vms(
    context: &Context,
    cluster: &Cluster,
    request: &GuideRequest,
    answers: &mut Answers,
) -> Result<Told, Stop> {
    let everywhere = answers.everywhere;
    if answers.found.as_ref().is_none_or(|(of, _)| *of != everywhere) {
        let selection = Selection {
            namespace: request.namespace.clone(),
            all_namespaces: everywhere,
            ..Selection::default()
        };
        let guards = Guards::read(&context.config)?;
        let search = survey(cluster, &selection, &[], None);
        let (mut found, protection) = guards.search(context, cluster, &selection, search).await?;
        registry::note_eligibility(&mut found, cluster.flags());
        guards.keep_off_all(cluster, &mut found.rows, &protection);
        answers.picked.clear();
        answers.found = Some((everywhere, found.rows));
    }
    let (name, _) = guide::faults()[answers.fault];
    let rows = answers.rows();
    let refused: Vec<Option<&Unfit>> = rows.iter().map(|row| row.unfit.get(name)).collect();
    if refused.iter().all(Option::is_some) {
        context.printer.line(&format!(
            "there is no VMI {} that could take {name}",
            if everywhere { "in any namespace" } else { "there" }
        ));
        for unfit in refused.into_iter().flatten().take(5) {
            context
                .printer
                .line(&format!("  {}/{} {}", unfit.namespace, unfit.name, unfit.reason));
        }
        if request.namespace.is_some() {
            return Err(Stop::refused(Reason::NoMatch, "nothing to choose from").hint("leave out -n to look elsewhere"));
        }
        return Ok(Told::Back);
    }
    let headers = ["NAMESPACE", "NAME", "NODE", "PHASE", "IP", "BINDINGS"];
    let mut picker = Picker::new(format!("Which VMIs for {name}?"), headers, "");
    for (row, refused) in rows.iter().zip(&refused) {
        picker.row(cells(row), refused.map(|unfit| unfit.reason.as_str()));
    }
    picker.preselect(&answers.picked);
    Ok(match picked(context, picker).await? {
        None => Told::Back,
        Some(rows) => {
            answers.picked = rows;
            Told::Next
        }
    })
}

async fn values(context: &Context, answers: &mut Answers) -> Result<Told, Stop> {
    let (name, _) = guide::faults()[answers.fault];
    let questions = guide::questions(name);
    let targets = answers.targets();
    let fields = questions.iter().enumerate().map(|(index, question)| Field {
        label: question.flag.clone(),
        help: question.help.clone(),
        default: question.default.clone(),
        choices: question.choices.clone(),
        value: answers.values.get(index).cloned().unwrap_or_default(),
    });
    let file = Field {
        label: "file".to_owned(),
        help: "Do nothing now: write it as a step of this game day, a file that is there or a new one".to_owned(),
        default: "it is done now".to_owned(),
        choices: Vec::new(),
        value: answers.values.get(questions.len()).cloned().unwrap_or_default(),
    };
    let fields: Vec<Field> = fields.chain([file]).collect();
    let count = targets.len();
    let title = format!(
        "{name} on {count} VM{}: what is left empty is as said",
        if count == 1 { "" } else { "s" }
    );
    let flags: Vec<String> = questions.iter().map(|question| question.flag.clone()).collect();
    let told = move |values: &[String]| {
        let answers: Vec<(Question, String)> = questions.iter().cloned().zip(values.iter().cloned()).collect();
        match values.get(questions.len()).map(String::as_str) {
            None | Some("") => Told::Ready(guide::argv(name, &targets, &answers)),
            Some(file) => Told::Save(file.to_owned(), guide::step(name, &targets, &answers)),
        }
    };
    let check_all = {
        let told = told.clone();
        move |values: &[String]| match told(values) {
            Told::Ready(argv) => cli::parse(argv).map(|_| ()).map_err(|error| guide::words(&error)),
            Told::Save(_, step) => cli::step(&step, &ForAllSteps::default()).map(|_| ()).map_err(|wrong| {
                let all: Vec<String> = wrong.into_iter().map(|one| one.message).collect();
                all.join("; ")
            }),
            Told::Next | Told::Back => Ok(()),
        }
    };
    let check = move |index: usize, value: &str| match flags.get(index) {
        Some(flag) => guide::check(name, flag, value),
        None if value.is_empty()
            || Path::new(value)
                .extension()
                .is_some_and(|end| end == "yaml" || end == "yml") =>
        {
            Ok(())
        }
        None => Err("the name of a game day's file ends in .yaml".to_owned()),
    };
    let form = Form::new(title, fields, check, check_all);
    match form.fill(&context.printer, context.signals.any()).await {
        Ok(Filled::Values(values)) => Ok(told(&values)),
        Ok(Filled::Back(values)) => {
            answers.values = values;
            Ok(Told::Back)
        }
        Ok(Filled::Interrupted) => Err(Stop::interrupted()),
        Err(error) => Err(Stop::of_prompt(&error, ExitCode::Failed)),
    }
}

/// What was picked; `None` goes a step back.
async fn picked(context: &Context, picker: Picker) -> Result<Option<Vec<usize>>, Stop> {
    match picker.pick(&context.printer, context.signals.any()).await {
        Ok(Pick::Picked(rows)) => Ok(Some(rows)),
        Ok(Pick::Cancelled) => Ok(None),
        Ok(Pick::Interrupted) => Err(Stop::interrupted()),
        Err(error) => Err(Stop::of_prompt(&error, ExitCode::Usage)),
    }
}

// === impl Answers ===

impl Answers {
    fn rows(&self) -> &[VmiRow] {
        self.found.as_ref().map_or(&[], |(_, rows)| rows)
    }

    /// Namespaces and names of the VMIs that were picked.
    fn targets(&self) -> Vec<(String, String)> {
        let rows = self.picked.iter().filter_map(|row| self.rows().get(*row));
        rows.map(|row| (row.namespace.clone(), row.name.clone())).collect()
    }
}

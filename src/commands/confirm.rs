//! The question before a run: what a guard wants typed, else y/N, or `--yes`.

use super::Context;
use crate::cli::Writing;
use crate::cluster::Cluster;
use crate::command_line::quoted;
use crate::plan::consent::Consent;
use crate::plan::guards::Demand;
use crate::problem::Reason;
use crate::report::ExitCode;
use crate::stop::Stop;
use crate::ui::{Answer, Confirm};

pub(super) const UNCHANGED: &str = "nothing was changed";

/// Asks for consent; without it nothing is changed.
///
/// Without `demands`, `--yes` gives it, or a `y` to `question`. The cluster's name is put at the end of the question, since a long plan
/// has scrolled away by then. With `demands`, each is typed instead; of the flags only a `--yes` with the context's name will do.
pub(super) async fn confirm(
    context: &Context,
    writing: &Writing,
    cluster: &Cluster,
    question: String,
    demands: &[Demand],
) -> Result<Consent, Stop> {
    if context.signals.count() > 0 {
        return Err(Stop::interrupted());
    }
    let by_flag = Context::confirmed_by_flag(writing, cluster)?;
    let typed = !demands.is_empty() && writing.yes_context.is_none();
    if let Some(consent) = Consent::by_flag(by_flag && !typed) {
        return Ok(consent);
    }
    if !typed {
        let question = format!("{question} in {}?", cluster.place());
        ask(context, Confirm::yes_no("", question), UNCHANGED).await?;
    }
    for demand in demands {
        // Where its name is what is to be typed, the question does not say it.
        let place = if demand.expected == cluster.typed_name() {
            String::new()
        } else {
            format!(" in {}", cluster.place())
        };
        let question = format!("{}. Type {} to go on{place}", demand.why, demand.what);
        let instead = format!(
            "{}, so that --yes alone does not do: pass {} to go on without being asked",
            demand.why,
            quoted(&format!("--yes={}", cluster.typed_name()))
        );
        let typed = Confirm::typed("", question, &demand.expected).instead(instead);
        ask(context, typed, UNCHANGED).await?;
    }
    Consent::by_answer(true).ok_or_else(Stop::interrupted)
}

/// Asks; a No is a refusal that says what was left undone.
pub(super) async fn ask(context: &Context, question: Confirm, declined: &str) -> Result<(), Stop> {
    let signals = context.signals.clone();
    match question.ask(&context.printer, signals.any()).await {
        Ok(Answer::Yes) => Ok(()),
        Ok(Answer::No) => Err(Stop::refused(Reason::Declined, format!("not confirmed; {declined}"))),
        Ok(Answer::Interrupted) => Err(Stop::interrupted()),
        Err(error) => Err(Stop::of_prompt(&error, ExitCode::Refused)),
    }
}

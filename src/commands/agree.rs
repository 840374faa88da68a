//! The question before a run: y/N, or `--yes`.

use super::Context;
use super::stop::Stop;
use crate::cli::Writing;
use crate::cluster::Cluster;
use crate::plan::run_plan::Consent;
use crate::report::ExitCode;
use crate::ui::{Answer, Confirm};

/// Consent by `--yes` or by the answer to `question`; without either nothing is changed.
pub(super) async fn agree(
    context: &Context,
    writing: &Writing,
    cluster: &Cluster,
    question: String,
) -> Result<Consent, Stop> {
    if context.signals.count() > 0 {
        return Err(Stop::interrupted());
    }
    if let Some(consent) = Consent::by_flag(Context::agreed(writing, cluster)?) {
        return Ok(consent);
    }
    let signals = context.signals.clone();
    let answer = Confirm::yes_no("", question).ask(&context.printer, signals.any()).await;
    match answer {
        Ok(Answer::Yes) => Consent::by_answer(true).ok_or_else(Stop::interrupted),
        Ok(Answer::No) => Err(Stop::refused("declined", "not confirmed; nothing was changed")),
        Ok(Answer::Interrupted) => Err(Stop::interrupted()),
        Err(error) => Err(Stop::of_prompt(&error, ExitCode::Refused)),
    }
}

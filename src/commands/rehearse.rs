//! `kubectl vmchaos rehearse`: the same commands on a practice cluster.

use super::Context;
use super::stop::Stop;
use crate::cli::RehearseRequest;
use crate::report::ExitCode;

#[allow(clippy::unused_async)]
pub(super) async fn rehearse(_context: &mut Context, _request: RehearseRequest) -> Result<ExitCode, Stop> {
    Ok(ExitCode::Done)
}

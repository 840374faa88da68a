//! Waiting for a moment that there may not be.

use tokio::time::{Instant, sleep_until};

/// Returns at `wake`; never, where there is none.
pub(super) async fn at(wake: Option<Instant>) {
    match wake {
        Some(wake) => sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

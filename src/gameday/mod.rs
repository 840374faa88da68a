//! Game days: what must stay true, what is done, who hears of it. Files are read here, and what they say is judged; what is done
//! to the cluster is done by the faults. Pure, but for `look` and `tell`.
//!
//! ```text
//! file ──> GameDay { checks, steps, notify }
//!              steps ── a plan for each fault ──> timeline ── a confirmation ──> engine ──> starts and ends steps
//!              checks ── looks ──────────────────────────────────────────────────┘ abort
//! ```

mod chaos_mesh;
pub mod check;
pub mod cron;
pub(crate) mod engine;
pub mod file;
mod krkn;
pub(crate) mod look;
pub mod notify;
pub mod secret;
pub mod step;
pub(crate) mod timeline;
pub mod url;

/// Files to begin with: names and texts.
pub const EXAMPLES: &[(&str, &str)] = &[
    ("game-day", include_str!("examples/game-day.yaml")),
    ("slow-network", include_str!("examples/slow-network.yaml")),
    ("migrations", include_str!("examples/migrations.yaml")),
];

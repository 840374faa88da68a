//! What the state machine of a run of migrations is told, and what it wants done.

use crate::cluster::migration::VirtualMachineInstanceMigration;
use crate::cluster::vmi::VirtualMachineInstance;
use crate::faults::migrate::eligibility::Ineligible;
use crate::faults::migrate::spec::Eligible;
use crate::problem::Problem;
use crate::run::machine::Outside;

/// Position in the run's migrations, in the order of their making.
pub(crate) type FlightIndex = usize;

/// What the engine is told.
#[derive(Debug)]
pub(crate) enum Input {
    /// Answer to [`Action::Survey`]: every VM of the pool, in its order.
    Surveyed(Vec<Result<Eligible, Ineligible>>),
    /// Answer to [`Action::Create`].
    Created(FlightIndex, Result<Box<VirtualMachineInstanceMigration>, NotMade>),
    /// Answer to [`Action::Seek`]: the object that was made after all, none, or nobody could look.
    Found(
        FlightIndex,
        Result<Option<Box<VirtualMachineInstanceMigration>>, Problem>,
    ),
    /// Answer to [`Action::Cancel`]; `Ok` also when there is nothing to cancel any more. Where it is too late for that the
    /// answer is [`Input::Vmi`], which says so.
    Cancelled(FlightIndex, Result<(), Problem>),
    /// A migration of this run as it is now.
    Migration(Box<VirtualMachineInstanceMigration>),
    /// The migration object with this UID is gone.
    Gone(String),
    /// A VMI of the pool as it is now; `None` when there is none.
    Vmi(usize, Option<Box<VirtualMachineInstance>>),
    /// Answer to [`Action::Look`].
    Looked(FlightIndex, Result<Option<Box<VirtualMachineInstance>>, Problem>),
    /// Answer to [`Action::Explain`]: what a migration waits for.
    Explained(FlightIndex, Option<String>),
    /// Migrations or VMIs cannot be watched: nothing is begun any more.
    Blind(Problem),
    /// After `Enough` no round is begun any more; what is in flight goes on to its end.
    Outside(Outside),
}

impl From<Outside> for Input {
    fn from(outside: Outside) -> Self {
        Self::Outside(outside)
    }
}

/// Why a migration object was not made.
#[derive(Debug)]
pub(crate) enum NotMade {
    /// The server said no.
    Refused(Problem),
    /// No answer came: it may be there.
    Unknown(Problem),
}

/// What the engine wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Read the nodes and judge the pool.
    Survey,
    Create(FlightIndex),
    Seek(FlightIndex),
    /// Delete the migration, unless its VMI says that it is too late for that.
    Cancel(FlightIndex),
    /// Read the VMI now.
    Look(FlightIndex),
    Explain(FlightIndex),
    /// The migration's state has changed.
    Show(FlightIndex),
    /// The VM cannot be moved any more, or now; told once a reason.
    LeftOut(usize),
    /// A line for a person.
    Note(String),
}

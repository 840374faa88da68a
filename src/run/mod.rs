//! What the runs of all faults share: the loop that drives a state machine, signals, the time, the words for what went wrong, and
//! debug pods with one task.
//!
//! The task that awaits `machine::drive` owns a run's machine and its driver, and is the only one that changes either: other tasks
//! (watches, streams of agents, requests) send it messages, which the driver turns into inputs. The counts in [`signals`] are raised
//! by a task for each signal and by the keyboard, and read by any. A debug pod of [`one_shot_pod`] belongs to the task that awaits it:
//! [`sweep`] and [`node_check`] each make one and return what its agent said; [`probe_pods`] has one on each VM that it follows.

pub(crate) mod machine;
pub(crate) mod node_check;
pub(crate) mod one_shot_pod;
pub(crate) mod probe_pods;
pub mod signals;
pub(crate) mod sweep;
pub(crate) mod words;

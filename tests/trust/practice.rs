//! The practice cluster and other users of the same machine.

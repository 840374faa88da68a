//! Which image runs privileged, and which pod counts as a launcher: nothing a tenant can write decides it.

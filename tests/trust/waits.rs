//! Requests that are never answered: every command ends.

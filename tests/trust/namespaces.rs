//! Where debug pods are made, and which pods count as those of a run.

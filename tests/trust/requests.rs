//! What goes into request paths and into printed command lines.

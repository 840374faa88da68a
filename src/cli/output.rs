//! `-o`: the forms in which a command's data leaves it.

use clap::Args;

use super::value_parser::{OneOf, value};
use crate::fault::Given;

/// How results are printed; the table when none is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Wide,
    Json,
    Yaml,
    Name,
}

const OUTPUTS: OneOf<Output> = OneOf(&[
    ("wide", Output::Wide, "the table with more columns"),
    ("json", Output::Json, "one JSON document"),
    ("yaml", Output::Yaml, "the same as YAML"),
    ("name", Output::Name, "resource names only, one a line"),
]);

impl Output {
    /// As it is asked for.
    pub fn name(self) -> &'static str {
        let known = OUTPUTS.0.iter().find(|(_, output, _)| *output == self);
        known.map_or("", |(name, ..)| name)
    }
}

#[derive(Debug, Clone, Args)]
pub(super) struct OutputArgs {
    /// Form of the output [default: a table]
    #[arg(short, long, global = true, value_name = "FORM", value_parser = OUTPUTS)]
    output: Option<Given<Output>>,
}

impl OutputArgs {
    pub(super) fn output(&self) -> Option<Output> {
        value(self.output)
    }
}

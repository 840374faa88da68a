//! `-o`: the forms in which a command's data leaves it.

use clap::{Args, ValueEnum};

/// How results are printed; the table when none is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// The table with more columns
    Wide,
    /// One JSON document
    Json,
    /// The same as YAML
    Yaml,
    /// Resource names only, one a line
    Name,
}

#[derive(Debug, Clone, Args)]
pub(super) struct OutputArgs {
    /// Form of the output
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORM",
        value_enum,
        hide_possible_values = false
    )]
    output: Option<Output>,
}

impl OutputArgs {
    pub(super) fn output(&self) -> Option<Output> {
        self.output
    }
}

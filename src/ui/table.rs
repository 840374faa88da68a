//! Tables as kubectl prints them: upper-case headers, three spaces, no borders, never wrapped.

use comfy_table::{ColumnConstraint, ContentArrangement, Width, presets};

use crate::escape::escape;

/// What stands where there is nothing.
pub(crate) const NONE: &str = "<none>";

/// Spaces between columns.
const GAP: u16 = 3;

/// Rows under headers. Cells are escaped; an empty one reads `<none>`.
#[derive(Debug, Clone)]
pub struct Table {
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headers, which are shown in upper case.
    pub fn new<H: AsRef<str>>(headers: impl IntoIterator<Item = H>) -> Self {
        Self {
            headers: headers
                .into_iter()
                .map(|header| header.as_ref().to_uppercase())
                .collect(),
            rows: Vec::new(),
        }
    }

    pub fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) -> &mut Self {
        let cell = |cell: C| match cell.as_ref() {
            "" => NONE.to_owned(),
            text => escape(text),
        };
        self.rows.push(cells.into_iter().map(cell).collect());
        self
    }

    /// Leaves out the columns for which `keep` says no, and nothing else knows about; `keep` gets the header.
    #[must_use]
    pub fn without_columns(mut self, drop: impl Fn(&str, &[&str]) -> bool) -> Self {
        let dropped: Vec<bool> = (0..self.headers.len())
            .map(|i| {
                let cells: Vec<&str> = self
                    .rows
                    .iter()
                    .filter_map(|row| row.get(i))
                    .map(String::as_str)
                    .collect();
                drop(&self.headers[i], &cells)
            })
            .collect();
        let thin = |row: &mut Vec<String>| {
            let mut at = dropped.iter();
            row.retain(|_| !at.next().copied().unwrap_or(false));
        };
        thin(&mut self.headers);
        self.rows.iter_mut().for_each(thin);
        self
    }

    /// The whole table with a line break at its end; without rows only the headers.
    pub fn render(&self) -> String {
        self.render_under(&mut Vec::new())
    }

    /// The same, below tables whose columns were so wide (in characters, without what parts them): none becomes narrower,
    /// and the widths are brought up to date.
    pub fn render_under(&self, widths: &mut Vec<u16>) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING);
        // Somebody will pipe it into awk: a cell never wraps, whatever the width of the terminal.
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(self.headers.clone());
        table.add_rows(self.rows.clone());
        let own = table.column_max_content_widths();
        widths.resize(own.len(), 0);
        for ((column, width), own) in table.column_iter_mut().zip(widths.iter_mut()).zip(own) {
            *width = own.max(*width);
            column.set_padding((0, GAP));
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(*width + GAP)));
        }
        let mut text = String::new();
        for line in table.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_like_kubectl() {
        let mut table = Table::new(["namespace", "name", "node"]);
        table
            .row(["default", "web-1", "node-1"])
            .row(["shop", "a-rather-long-name-indeed", ""]);
        assert_eq!(
            table.render(),
            "NAMESPACE   NAME                        NODE\n\
             default     web-1                       node-1\n\
             shop        a-rather-long-name-indeed   <none>\n"
        );
    }

    #[test]
    fn a_table_below_another_stands_in_its_columns() {
        let mut widths = Vec::new();
        let mut table = |name, state| {
            let mut table = Table::new(["name", "state", "end"]);
            table.row([name, state, "x"]);
            let text = table.render_under(&mut widths);
            text.lines().last().unwrap().to_owned()
        };
        assert_eq!(table("a-long-name", "up"), "a-long-name   up      x");
        assert_eq!(table("b", "starting"), "b             starting   x");
        assert_eq!(table("c", "up"), "c             up         x");
    }

    #[test]
    fn a_long_or_broken_cell_stays_on_its_line() {
        let mut table = Table::new(["name", "reason"]);
        let long = "x".repeat(400);
        table.row(["a", long.as_str()]).row(["b", "two\nlines"]);
        let text = table.render();
        assert_eq!(text.lines().count(), 3);
        assert!(text.contains(&long));
        assert!(text.contains("two\\nlines"));
    }

    #[test]
    fn columns_nobody_needs_are_left_out() {
        let mut table = Table::new(["name", "error"]);
        table.row(["a", ""]).row(["b", ""]);
        let table = table.without_columns(|header, cells| header == "ERROR" && cells.iter().all(|cell| *cell == NONE));
        assert_eq!(table.render(), "NAME\na\nb\n");
    }
}

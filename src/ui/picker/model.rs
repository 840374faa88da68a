//! The picker without a terminal: keys go in, lines come out.

use std::collections::BTreeSet;

use console::{Style, measure_text_width, truncate_str};

use super::fuzzy::best;
use super::{Pick, Picker};
use crate::ui::keys::Key;

/// Lines that are not rows: prompt, filter, headers, what is out of sight, what went wrong.
const FRAME: usize = 5;

pub(super) struct Model {
    prompt: String,
    header: String,
    rows: Vec<Line>,
    filter: String,
    /// Indices of the rows that fit the filter, best first.
    shown: Vec<usize>,
    chosen: BTreeSet<usize>,
    /// Place of the cursor and of the first visible row, in `shown`.
    cursor: usize,
    top: usize,
    page: usize,
    message: Option<String>,
    single: bool,
}

struct Line {
    cells: Vec<String>,
    text: String,
    refused: Option<String>,
}

impl Model {
    pub(super) fn new(picker: Picker) -> Self {
        let Picker {
            prompt,
            headers,
            rows,
            chosen,
            single,
            ..
        } = picker;
        let mut widths: Vec<usize> = headers.iter().map(|header| measure_text_width(header)).collect();
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(&row.cells) {
                *width = (*width).max(measure_text_width(cell));
            }
        }
        let join = |cells: &[String]| {
            let padded = cells.iter().zip(&widths).map(|(cell, width)| {
                format!(
                    "{cell}{}",
                    " ".repeat(width.saturating_sub(measure_text_width(cell)) + 3)
                )
            });
            padded.collect::<String>().trim_end().to_owned()
        };
        let header = join(&headers.iter().map(|header| header.to_uppercase()).collect::<Vec<_>>());
        let rows: Vec<Line> = rows
            .into_iter()
            .map(|row| Line {
                text: join(&row.cells),
                cells: row.cells,
                refused: row.refused,
            })
            .collect();
        let shown = (0..rows.len()).collect();
        Self {
            prompt,
            header,
            rows,
            filter: String::new(),
            shown,
            cursor: chosen.first().copied().filter(|_| single).unwrap_or(0),
            chosen: chosen.into_iter().filter(|_| !single).collect(),
            top: 0,
            page: 10,
            message: None,
            single,
        }
    }

    /// What a key does; `Some` ends the picker.
    pub(super) fn press(&mut self, key: Key) -> Option<Pick> {
        self.message = None;
        match key {
            Key::Enter | Key::Char(' ') if self.single => return self.take(),
            Key::Enter if self.chosen.is_empty() => {
                self.message = Some("nothing selected yet: space selects".into());
            }
            Key::Enter => return Some(Pick::Picked(self.chosen.iter().copied().collect())),
            Key::Ctrl('c' | '\\') => return Some(Pick::Interrupted),
            Key::Ctrl('d') => return Some(Pick::Cancelled),
            Key::Escape if self.filter.is_empty() => return Some(Pick::Cancelled),
            Key::Escape | Key::Ctrl('u') => self.set_filter(String::new()),
            Key::Char(' ') => self.toggle(),
            Key::Ctrl('a') if !self.single => self.toggle_shown(),
            Key::Char(c) => self.set_filter(format!("{}{c}", self.filter)),
            Key::Backspace => {
                let mut filter = self.filter.clone();
                filter.pop();
                self.set_filter(filter);
            }
            Key::Up | Key::Ctrl('p') => self.cursor = self.cursor.saturating_sub(1),
            Key::Down | Key::Ctrl('n') => self.cursor += 1,
            Key::PageUp => self.cursor = self.cursor.saturating_sub(self.page),
            Key::PageDown => self.cursor += self.page,
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.shown.len(),
            Key::Left | Key::Right | Key::Ctrl(_) | Key::Other => {}
        }
        self.cursor = self.cursor.min(self.shown.len().saturating_sub(1));
        None
    }

    fn set_filter(&mut self, filter: String) {
        self.filter = filter;
        let mut fits: Vec<(usize, usize)> = self
            .rows
            .iter()
            .enumerate()
            .filter_map(|(i, row)| Some((best(&row.cells, &self.filter)?, i)))
            .collect();
        fits.sort_unstable();
        self.shown = fits.into_iter().map(|(_, i)| i).collect();
        self.cursor = 0;
    }

    /// The row at the cursor.
    fn take(&mut self) -> Option<Pick> {
        let i = *self.shown.get(self.cursor)?;
        match &self.rows[i].refused {
            None => Some(Pick::Picked(vec![i])),
            Some(why) => {
                self.message = Some(format!("cannot be chosen: {why}"));
                None
            }
        }
    }

    fn toggle(&mut self) {
        let Some(&i) = self.shown.get(self.cursor) else {
            return;
        };
        if let Some(why) = &self.rows[i].refused {
            self.message = Some(format!("cannot be chosen: {why}"));
        } else if !self.chosen.remove(&i) {
            self.chosen.insert(i);
        }
    }

    /// Selects all that is shown, or, where that is so already, none of it.
    fn toggle_shown(&mut self) {
        let able: Vec<usize> = self
            .shown
            .iter()
            .copied()
            .filter(|i| self.rows[*i].refused.is_none())
            .collect();
        if able.iter().all(|i| self.chosen.contains(i)) {
            self.chosen.retain(|i| !able.contains(i));
        } else {
            self.chosen.extend(able);
        }
    }

    /// Cursor, mark and text of a row, in a plain look: it can be read without colour.
    fn row(&self, i: usize, active: bool) -> String {
        let row = &self.rows[i];
        let cursor = if active { '>' } else { ' ' };
        if let Some(why) = &row.refused {
            return format!("{cursor}  -  {}   ({why})", row.text);
        }
        if self.single {
            return format!("{cursor} {}", row.text);
        }
        let mark = if self.chosen.contains(&i) { 'x' } else { ' ' };
        format!("{cursor} [{mark}] {}", row.text)
    }

    /// The lines of the screen, none wider than `width` and, above four rows, no more than `height`.
    pub(super) fn draw(&mut self, width: usize, height: usize, colour: bool) -> Vec<String> {
        self.page = height.saturating_sub(FRAME + 1).max(1);
        self.top = self
            .top
            .min(self.cursor)
            .max((self.cursor + 1).saturating_sub(self.page));
        self.top = self.top.min(self.shown.len().saturating_sub(self.page));
        let visible = self.shown.iter().enumerate().skip(self.top).take(self.page);

        let able = self.rows.iter().filter(|row| row.refused.is_none()).count();
        let counted = if self.single {
            "filter:".to_owned()
        } else {
            format!("{} of {able} selected, filter:", self.chosen.len())
        };
        let filter = format!("{counted} {}|", self.filter);
        let indent = if self.single { "  " } else { "      " };
        let header = format!("{indent}{}", self.header);
        let mut lines = vec![self.prompt.clone(), tail(&filter, width), header];
        for (place, &i) in visible {
            let active = place == self.cursor;
            let style = match (active, &self.rows[i].refused) {
                _ if !colour => Style::new(),
                (true, _) => Style::new().force_styling(true).cyan(),
                (false, Some(_)) => Style::new().force_styling(true).dim(),
                (false, None) => Style::new(),
            };
            lines.push(style.apply_to(self.row(i, active)).to_string());
        }
        let hidden = self.shown.len().saturating_sub(self.page);
        let help = if self.single { HELP_SINGLE } else { HELP };
        let at_cursor = self.shown.get(self.cursor).map(|row| &self.rows[*row]);
        let refused = at_cursor.and_then(|row| row.refused.as_ref());
        let refused = refused.map(|why| format!("cannot be chosen: {why}"));
        lines.push(
            match (
                self.message.as_ref().or(refused.as_ref()),
                self.shown.is_empty(),
                hidden,
            ) {
                (Some(message), ..) => message.clone(),
                (None, true, _) => format!("nothing fits \"{}\", Esc clears it", self.filter),
                (None, false, 0) => help.to_owned(),
                (None, false, _) => format!("{}/{}  {help}", self.cursor + 1, self.shown.len()),
            },
        );
        lines
            .iter()
            .map(|line| truncate_str(line, width, "..").into_owned())
            .collect()
    }
}

/// The end of a line that is too long: what is being typed has to be seen.
fn tail(line: &str, width: usize) -> String {
    let mut tail = line;
    while measure_text_width(tail) > width {
        let mut rest = tail.chars();
        rest.next();
        tail = rest.as_str();
    }
    tail.to_owned()
}

const HELP_SINGLE: &str = "enter chooses, letters filter, esc clears or cancels";
const HELP: &str = "space selects, ctrl-a all shown, enter goes on, esc clears or cancels";

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;

//! Rows on a terminal, drawn by indicatif.

use console::{Term, measure_text_width, truncate_str};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::view::{Row, Tone};
use crate::ui::Printer;

/// Resolution of a bar; far above the columns of any terminal.
const STEPS: f64 = 10_000.0;

pub(super) struct Bars {
    multi: MultiProgress,
    lines: Vec<ProgressBar>,
    colour: bool,
}

impl Bars {
    /// From now on whoever prints through `printer` prints above the bars.
    pub(super) fn open(printer: &Printer) -> Self {
        let target = if printer.is_recording() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let multi = MultiProgress::with_draw_target(target);
        printer.set_bars(Some(multi.clone()));
        Self {
            multi,
            lines: Vec::new(),
            colour: printer.look().colour,
        }
    }

    /// Height and width of the terminal.
    pub(super) fn size() -> (usize, usize) {
        let (height, width) = Term::stderr().size_checked().unwrap_or((24, 80));
        (usize::from(height), usize::from(width))
    }

    pub(super) fn show(&mut self, rows: &[Row], width: usize) {
        while self.lines.len() > rows.len() {
            if let Some(line) = self.lines.pop() {
                self.multi.remove(&line);
            }
        }
        while self.lines.len() < rows.len() {
            self.lines.push(self.multi.add(ProgressBar::new(steps(1.0))));
        }
        let widest = rows
            .iter()
            .map(|row| measure_text_width(&row.title))
            .max()
            .unwrap_or(0)
            .min(width / 2);
        for (line, row) in self.lines.iter().zip(rows) {
            let title = truncate_str(&row.title, widest, "…");
            let gap = " ".repeat(widest.saturating_sub(measure_text_width(&title)));
            line.set_style(self.style(row, width));
            line.set_prefix(format!("{title}{gap}"));
            line.set_message(row.text.clone());
            line.set_position(steps(row.part.unwrap_or(0.0)));
        }
    }

    /// Takes everything off the screen.
    pub(super) fn close(self, printer: &Printer) {
        for line in &self.lines {
            line.finish_and_clear();
        }
        let _ = self.multi.clear();
        printer.set_bars(None);
    }

    fn style(&self, row: &Row, width: usize) -> ProgressStyle {
        let colour = match row.tone {
            _ if !self.colour => "",
            Tone::Quiet => ".dim",
            Tone::Active => ".yellow",
            Tone::Good => ".green",
            Tone::Bad => ".red",
        };
        // Below 60 columns the words are worth more than a bar.
        let bar = match row.part {
            Some(_) if width >= 60 => format!("[{{bar:20{colour}}}]  "),
            _ => String::new(),
        };
        let template = format!("{{prefix}}  {bar}{{wide_msg}}");
        ProgressStyle::with_template(&template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ")
    }
}

/// `part` lies between 0 and 1.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn steps(part: f64) -> u64 {
    (part * STEPS) as u64
}

//! Rows on a terminal, drawn by indicatif.
//!
//! All rows are the message of one bar: indicatif limits how often it draws, over all bars together, so that of many bars the
//! last ones would hardly ever be drawn.

use console::{Style, Term, measure_text_width, truncate_str};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::view::{Row, Tone};
use crate::ui::Printer;
use crate::ui::terminal::in_foreground;

/// Columns of a bar without its brackets, where the terminal has so many: below the last, words are worth more than a bar.
const BARS: [(usize, usize); 2] = [(100, 20), (72, 10)];

pub(super) struct Bars {
    canvas: ProgressBar,
    colour: bool,
    recorded: bool,
}

impl Bars {
    /// From now on whoever prints through `printer` prints above the bars.
    pub(super) fn open(printer: &Printer) -> Self {
        let target = if printer.is_recording() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let canvas = ProgressBar::with_draw_target(None, target);
        if let Ok(only_message) = ProgressStyle::with_template("{msg}") {
            canvas.set_style(only_message);
        }
        printer.set_bars(Some(canvas.clone()));
        Self {
            canvas,
            colour: printer.look().colour,
            recorded: printer.is_recording(),
        }
    }

    /// Height and width of the terminal.
    pub(super) fn size() -> (usize, usize) {
        let (height, width) = Term::stderr().size_checked().unwrap_or((24, 80));
        (usize::from(height), usize::from(width))
    }

    /// Whether somebody sees them: not while the shell has the screen.
    pub(super) fn are_drawn(&self) -> bool {
        self.recorded || !self.canvas.is_hidden()
    }

    /// Draws them, unless the shell has the screen.
    pub(super) fn show(&self, rows: &[Row], keys: Option<&str>, width: usize) {
        if !self.recorded {
            match (self.canvas.is_hidden(), in_foreground(std::io::stderr())) {
                // As they are: what would be cleared may be the shell's by now.
                (false, false) => self.canvas.set_draw_target(ProgressDrawTarget::hidden()),
                (true, true) => self.canvas.set_draw_target(ProgressDrawTarget::stderr()),
                _ => {}
            }
        }
        let mut lines = lines(rows, width, self.colour);
        lines.extend(keys.map(|keys| key_line(keys, width, self.colour)));
        self.canvas.set_message(lines.join("\n"));
    }

    /// Takes everything off the screen.
    pub(super) fn close(self, printer: &Printer) {
        self.canvas.finish_and_clear();
        printer.set_bars(None);
    }
}

/// The rows as text, each no wider than `width`.
fn lines(rows: &[Row], width: usize, colour: bool) -> Vec<String> {
    // One column stays free: some terminals wrap when the last one is written.
    let width = width.saturating_sub(1);
    let titles = rows.iter().map(|row| measure_text_width(&row.title));
    let titles = titles.max().unwrap_or(0).min(width / 2);
    // Where one row has a bar, the words of the others stand below its words.
    let room = BARS.into_iter().find(|(terminal, _)| width >= *terminal);
    let room = room.filter(|_| rows.iter().any(|row| row.part.is_some()));
    let columns = room.map_or(0, |(_, columns)| columns);
    let line = |row: &Row| {
        let title = truncate_str(&row.title, titles, "..");
        let gap = " ".repeat(titles.saturating_sub(measure_text_width(&title)));
        let bar = match row.part {
            _ if room.is_none() => String::new(),
            Some(part) => format!("[{}]  ", style(row.tone, colour).apply_to(bar(part, columns))),
            None => " ".repeat(columns + 4),
        };
        truncate_str(&format!("{title}{gap}  {bar}{}", row.text), width, "..").into_owned()
    };
    rows.iter().map(line).collect()
}

/// What the keys do, below the rows.
fn key_line(keys: &str, width: usize, colour: bool) -> String {
    let text = truncate_str(keys, width.saturating_sub(1), "..").into_owned();
    style(Tone::Quiet, colour).apply_to(text).to_string()
}

/// `part` lies between 0 and 1.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn bar(part: f64, columns: usize) -> String {
    let done = (part * columns as f64) as usize;
    let head = if done < columns { ">" } else { "" };
    format!("{:<columns$}", format!("{}{head}", "=".repeat(done)))
}

fn style(tone: Tone, colour: bool) -> Style {
    let style = Style::new().force_styling(colour);
    match tone {
        _ if !colour => style,
        Tone::Quiet => style.dim(),
        Tone::Active => style.yellow(),
        Tone::Good => style.green(),
        Tone::Bad => style.red(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(title: &str, part: Option<f64>) -> Row {
        Row {
            title: title.into(),
            part,
            text: "injected on node-1, 75s left".into(),
            tone: Tone::Active,
        }
    }

    #[test]
    fn titles_bars_and_words_stand_in_columns() {
        let rows = [row("default/web-1", Some(0.5)), row("a/b", None), row("all", Some(1.0))];
        assert_eq!(
            lines(&rows, 101, false),
            [
                "default/web-1  [==========>         ]  injected on node-1, 75s left",
                "a/b                                    injected on node-1, 75s left",
                "all            [====================]  injected on node-1, 75s left",
            ]
        );
    }

    #[test]
    fn at_eighty_columns_a_short_bar_leaves_room_for_the_clock() {
        let held = Row {
            text: "600s left, until 12:05:04: injected on node-1".into(),
            ..row("default/web-1", Some(0.5))
        };
        assert_eq!(
            lines(&[held], 80, false),
            ["default/web-1  [=====>    ]  600s left, until 12:05:04: injected on node-1"]
        );
    }

    #[test]
    fn a_narrow_terminal_has_words_instead_of_bars_and_no_line_too_wide() {
        for colour in [false, true] {
            let lines = lines(&[row("a-rather-long-namespace/web-1", Some(0.5))], 40, colour);
            assert_eq!(lines, ["a-rather-long-nam..  injected on node.."]);
        }
        for width in 4..100 {
            let lines = lines(&[row("default/web-1", Some(0.5))], width, true);
            assert!(measure_text_width(&lines[0]) <= width, "{width}: {lines:?}");
        }
    }
}

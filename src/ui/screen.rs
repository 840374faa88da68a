//! Draws lines over the ones drawn before, below whatever is on the screen.

use console::{Term, measure_text_width};

use crate::ui::Printer;

const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";
const CLEAR_BELOW: &str = "\x1b[J";

pub(super) struct Screen {
    printer: Printer,
    /// Widths of the lines on the screen now.
    drawn: Vec<usize>,
}

impl Screen {
    /// Hides the cursor until it is dropped.
    pub(super) fn open(printer: Printer) -> Self {
        printer.err(HIDE_CURSOR);
        Self {
            printer,
            drawn: Vec::new(),
        }
    }

    /// Width that a line may take without touching the last column, where terminals differ, and height.
    pub(super) fn size() -> (usize, usize) {
        let (height, width) = Term::stderr().size_checked().unwrap_or((24, 80));
        (usize::from(width).saturating_sub(1).max(1), usize::from(height))
    }

    pub(super) fn draw(&mut self, lines: &[String]) {
        let mut text = self.back();
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        self.drawn = lines.iter().map(|line| measure_text_width(line)).collect();
        self.printer.err(&text);
    }

    /// Goes to the first line and clears what is below. A window made narrower meanwhile has wrapped the old lines.
    fn back(&self) -> String {
        let (width, _) = Self::size();
        let rows: usize = self.drawn.iter().map(|drawn| drawn.div_ceil(width + 1).max(1)).sum();
        if rows == 0 {
            String::new()
        } else {
            format!("\x1b[{rows}A\r{CLEAR_BELOW}")
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.printer.err(&format!("{}{SHOW_CURSOR}", self.back()));
    }
}

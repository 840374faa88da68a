//! The form without a terminal: keys go in, lines come out.

use console::{Style, measure_text_width, truncate_str};

use super::{Field, Filled, Form};
use crate::ui::escape;
use crate::ui::keys::Key;

/// Lines that are not fields: title, what the words are, what went wrong or the keys.
const FRAME: usize = 3;
/// Columns for a value, where it is short.
const VALUE: usize = 16;
const HELP: &str = "enter goes on, up and down another line, left and right another word, esc back";

pub(super) struct Model {
    form: Form,
    /// Place of the cursor and of the first visible field.
    cursor: usize,
    top: usize,
    page: usize,
    message: Option<String>,
    /// How the word at the cursor was begun to be typed.
    begun: String,
}

impl Model {
    pub(super) fn new(form: Form) -> Self {
        Self {
            form,
            cursor: 0,
            top: 0,
            page: 10,
            message: None,
            begun: String::new(),
        }
    }

    /// What a key does; `Some` ends the form.
    pub(super) fn press(&mut self, key: Key) -> Option<Filled> {
        self.message = None;
        if !matches!(key, Key::Char(_)) {
            self.begun.clear();
        }
        let last = self.form.fields.len().saturating_sub(1);
        match key {
            Key::Ctrl('c' | '\\') => return Some(Filled::Interrupted),
            Key::Escape | Key::Ctrl('d') => return Some(Filled::Back(self.values())),
            Key::Enter => return self.submit(),
            Key::Up | Key::Ctrl('p') => self.go(self.cursor.saturating_sub(1)),
            Key::Down | Key::Ctrl('n' | 'i') => self.go((self.cursor + 1).min(last)),
            Key::PageUp => self.go(self.cursor.saturating_sub(self.page)),
            Key::PageDown => self.go((self.cursor + self.page).min(last)),
            Key::Home => self.go(0),
            Key::End => self.go(last),
            Key::Left => self.turn(false),
            Key::Right => self.turn(true),
            Key::Ctrl('u') => self.edit(String::clear),
            Key::Backspace => self.edit(|value| _ = value.pop()),
            Key::Char(c) => self.type_in(c),
            Key::Ctrl(_) | Key::Other => {}
        }
        None
    }

    fn values(&self) -> Vec<String> {
        let fields = self.form.fields.iter();
        fields.map(|field| field.value.trim().to_owned()).collect()
    }

    fn submit(&mut self) -> Option<Filled> {
        let values = self.values();
        for (index, value) in values.iter().enumerate() {
            if let Err(wrong) = (self.form.check)(index, value) {
                self.cursor = index;
                self.message = Some(wrong);
                return None;
            }
        }
        match (self.form.check_all)(&values) {
            Ok(()) => Some(Filled::Values(values)),
            Err(wrong) => {
                self.message = Some(wrong);
                None
            }
        }
    }

    /// Leaves a line only with a value that will do.
    fn go(&mut self, to: usize) {
        let value = self.form.fields.get(self.cursor).map(|field| field.value.trim());
        match (self.form.check)(self.cursor, value.unwrap_or_default()) {
            Ok(()) => self.cursor = to,
            Err(wrong) => self.message = Some(wrong),
        }
    }

    fn edit(&mut self, change: impl FnOnce(&mut String)) {
        if let Some(field) = self.form.fields.get_mut(self.cursor) {
            if field.choices.is_empty() {
                change(&mut field.value);
            } else {
                field.value.clear();
            }
        }
    }

    fn type_in(&mut self, c: char) {
        let Some(field) = self.form.fields.get_mut(self.cursor) else {
            return;
        };
        if field.choices.is_empty() {
            field.value.push(c);
            return;
        }
        if c == ' ' {
            return self.turn(true);
        }
        let words = field.choices.iter().map(|(word, _)| word);
        let typed = format!("{}{c}", self.begun);
        if let Some(word) = words.clone().find(|word| word.starts_with(&typed)) {
            field.value.clone_from(word);
            self.begun = typed;
            return;
        }
        // The same letter again is the next word that begins with it.
        let after = words
            .clone()
            .position(|word| *word == field.value)
            .map_or(0, |at| at + 1);
        let mut next = words.clone().cycle().skip(after).take(words.len());
        if self.begun == c.to_string()
            && let Some(word) = next.find(|word| word.starts_with(c))
        {
            field.value.clone_from(word);
        }
    }

    /// Another word, or none: what holds without an answer.
    fn turn(&mut self, forward: bool) {
        let Some(field) = self.form.fields.get_mut(self.cursor) else {
            return;
        };
        // Nothing, and then the words.
        let all = field.choices.len() + 1;
        let at = field
            .choices
            .iter()
            .position(|(word, _)| *word == field.value)
            .map_or(0, |at| at + 1);
        let to = if forward { at + 1 } else { at + all - 1 } % all;
        field.value = match to {
            0 => String::new(),
            to => field.choices[to - 1].0.clone(),
        };
    }

    /// The lines of the screen, none wider than `width` and, above four rows, no more than `height`.
    pub(super) fn draw(&mut self, width: usize, height: usize, colour: bool) -> Vec<String> {
        self.page = height.saturating_sub(FRAME + 1).max(1);
        let fields = &self.form.fields;
        self.top = self
            .top
            .min(self.cursor)
            .max((self.cursor + 1).saturating_sub(self.page));
        self.top = self.top.min(fields.len().saturating_sub(self.page));
        let labels = fields
            .iter()
            .map(|field| measure_text_width(&field.label))
            .max()
            .unwrap_or(0);
        let mut lines = vec![self.form.title.clone()];
        for (place, field) in fields.iter().enumerate().skip(self.top).take(self.page) {
            let active = place == self.cursor;
            let style = |style: fn(Style) -> Style| {
                if colour {
                    style(Style::new().force_styling(true))
                } else {
                    Style::new()
                }
            };
            let value = match shown(field, active) {
                value if active => value,
                value => truncate_str(&value, VALUE, "..").into_owned(),
            };
            let style = match (active, field.value.is_empty()) {
                (true, _) => style(Style::cyan),
                (false, true) => style(Style::dim),
                (false, false) => style(Style::bold),
            };
            let cursor = if active { '>' } else { ' ' };
            let line = format!("{cursor} {:labels$}  {value:VALUE$}  {}", field.label, help(field));
            // Cut before it is coloured: what is cut keeps the end of the colour.
            lines.push(style.apply_to(truncate_str(&line, width, "..")).to_string());
        }
        lines.push(self.words());
        lines.push(match (&self.message, fields.len() > self.page) {
            (Some(message), _) => escape(message),
            (None, false) => HELP.to_owned(),
            (None, true) => format!("{}/{}  {HELP}", self.cursor + 1, fields.len()),
        });
        lines
            .iter()
            .map(|line| truncate_str(line, width, "..").into_owned())
            .collect()
    }

    /// The words that the line at the cursor can be.
    fn words(&self) -> String {
        let choices = self.form.fields.get(self.cursor).map(|field| &field.choices);
        let words: Vec<&str> = choices.into_iter().flatten().map(|(word, _)| word.as_str()).collect();
        if words.is_empty() {
            String::new()
        } else {
            format!("one of: {}", words.join(", "))
        }
    }
}

/// A value as it stands in its line: with the cursor where it is typed, and in brackets where it is not ours.
fn shown(field: &Field, active: bool) -> String {
    match (field.value.as_str(), field.default.as_str()) {
        ("", "") if active && field.choices.is_empty() => "_".to_owned(),
        ("", "") => "-".to_owned(),
        ("", default) => format!("({})", escape(default)),
        (value, _) if active && field.choices.is_empty() => format!("{}_", escape(value)),
        (value, _) => escape(value),
    }
}

/// What the chosen word means, or what is asked for.
fn help(field: &Field) -> &str {
    let word = field.choices.iter().find(|(word, _)| *word == field.value);
    match word {
        Some((_, help)) if !help.is_empty() => help,
        _ => &field.help,
    }
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;

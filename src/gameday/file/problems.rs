//! What is wrong with files: all of it at once, each with its place.

use super::yaml::{Node, Path, Place};

/// Something wrong at a place of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileProblem {
    pub file: String,
    pub at: Place,
    /// One sentence, beginning with the key where there is one.
    pub message: String,
}

/// Gathers what is wrong with one file.
#[derive(Debug)]
pub struct Problems {
    file: String,
    all: Vec<FileProblem>,
}

// === impl FileProblem ===

impl std::fmt::Display for FileProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.at {
            Place { line: 0, .. } => write!(f, "{}: {}", self.file, self.message),
            Place { line, column } => write!(f, "{}:{line}:{column}: {}", self.file, self.message),
        }
    }
}

// === impl Problems ===

impl Problems {
    /// None yet; `file` is what the file is called.
    pub fn of(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            all: Vec::new(),
        }
    }

    pub fn add(&mut self, at: Place, message: impl Into<String>) {
        let problem = FileProblem {
            file: self.file.clone(),
            at,
            message: message.into(),
        };
        // The same may be found on two ways.
        if !self.all.contains(&problem) {
            self.all.push(problem);
        }
    }

    /// Something wrong with what `path` leads to.
    pub fn at(&mut self, document: &Node, path: &Path, message: impl std::fmt::Display) {
        let place = document.place(&path.0);
        if path.0.is_empty() {
            self.add(place, message.to_string());
        } else {
            self.add(place, format!("{path}: {message}"));
        }
    }

    /// All of them, in the order of the file.
    pub fn into_all(mut self) -> Vec<FileProblem> {
        self.all.sort();
        self.all
    }
}

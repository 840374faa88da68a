//! Charts of one line: a column a measurement, higher is more, with a sign of its own for what failed.

/// A column is full at the highest value, and at this one at least, in milliseconds: what is below is fast.
const FULL: f64 = 10.0;

/// The characters of a chart.
pub(crate) struct Signs {
    /// From fast to slow.
    levels: [char; 8],
    lost: char,
    pub(super) mark: char,
}

const UNICODE: Signs = Signs {
    levels: ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
    lost: '✕',
    mark: '│',
};
const ASCII: Signs = Signs {
    levels: ['_', '.', '-', '=', '+', '*', '#', '@'],
    lost: 'x',
    mark: '|',
};

/// The value of a full column.
pub(crate) fn full(values: &[Option<f64>]) -> f64 {
    values.iter().flatten().copied().fold(FULL, f64::max)
}

/// The columns of values, `None` for what failed; of those that share one the worst is shown.
pub(crate) fn columns(values: &[Option<f64>], widest: usize, full: f64, signs: &Signs) -> String {
    let share = values.len().div_ceil(widest).max(1);
    let column = |shared: &[Option<f64>]| {
        let worst = shared
            .iter()
            .copied()
            .try_fold(0.0, |worst: f64, value| Some(worst.max(value?)));
        worst.map_or(signs.lost, |worst| level(worst / full, signs))
    };
    values.chunks(share).map(column).collect()
}

/// The sign for a part from 0 to 1.
fn level(part: f64, signs: &Signs) -> char {
    // A step a level, rounded up, so that only what is nearly nothing is on the lowest.
    let steps = (0..signs.levels.len()).zip([0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875]);
    let at = steps.take_while(|(_, step)| part > *step).count();
    signs.levels[at]
}

// === impl Signs ===

impl Signs {
    pub(crate) fn of(unicode: bool) -> &'static Self {
        if unicode { &UNICODE } else { &ASCII }
    }
}

//! The board as rows of a screen: a VM each, or a node each where the VMs do not fit. Pure.

use std::collections::BTreeMap;

use super::board::{Board, Group, Vm, count, ends, left};
use super::{Line, Now};
use crate::ui::escape;

/// Lines left to what the keys do, to the prompt of the shell and to what was printed last.
const MARGIN: usize = 3;

/// One line of the screen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) title: String,
    /// Part that is over, 0 to 1, where there is an end to come nearer to.
    pub(super) part: Option<f64>,
    pub(super) text: String,
    pub(super) tone: Tone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Nothing happens to it.
    Quiet,
    /// The fault is there.
    Active,
    Good,
    Bad,
}

/// The rows for a screen of `height` lines; the whole is the last one.
pub(super) fn rows(board: &Board, now: &Now, height: usize) -> Vec<Row> {
    let room = height.saturating_sub(MARGIN + 1).max(1);
    let mut rows: Vec<Row> = if board.vms.len() <= room {
        board.vms.iter().map(|vm| vm_row(vm, now)).collect()
    } else {
        node_rows(board, now, room)
    };
    if board.total > 1 {
        rows.push(whole(board, now));
    }
    rows
}

pub(super) fn line_row(line: &Line) -> Row {
    Row {
        title: escape(&line.title),
        part: None,
        text: escape(&line.text),
        tone: if line.is_bad { Tone::Bad } else { Tone::Quiet },
    }
}

fn vm_row(vm: &Vm, now: &Now) -> Row {
    Row {
        title: vm.key.clone(),
        part: part(std::slice::from_ref(&vm), now),
        // The time first: a narrow terminal cuts the end.
        text: match vm.left(now.at) {
            Some(left) => format!("{}{}: injected{}", ends(left, now), vm.and_beside(), vm.on()),
            None => vm.words(now),
        },
        tone: tone([vm]),
    }
}

fn node_rows(board: &Board, now: &Now, room: usize) -> Vec<Row> {
    let mut nodes: BTreeMap<&str, Vec<&Vm>> = BTreeMap::new();
    for vm in &board.vms {
        nodes.entry(&vm.node).or_default().push(vm);
    }
    let row = |title: String, vms: &[&Vm]| Row {
        title,
        part: part(vms, now),
        text: held(vms, now),
        tone: tone(vms.iter().copied()),
    };
    let fit = if nodes.len() <= room { room } else { room - 1 };
    let mut rows: Vec<Row> = nodes
        .iter()
        .take(fit)
        .map(|(node, vms)| row((*node).to_owned(), vms))
        .collect();
    let rest: Vec<&Vm> = nodes.values().skip(fit).flatten().copied().collect();
    if !rest.is_empty() {
        rows.push(row(format!("{} more nodes", nodes.len() - fit), &rest));
    }
    rows
}

fn whole(board: &Board, now: &Now) -> Row {
    let over = board.vms.iter().filter(|vm| vm.state.group().is_final()).count();
    let all: Vec<&Vm> = board.vms.iter().collect();
    Row {
        title: "all".to_owned(),
        part: Some(over as f64 / board.total.max(over) as f64),
        text: format!("{}; {over} of {} over", held(&all, now), board.total),
        tone: tone(all),
    }
}

/// How many are in which state, and when the last fault ends.
fn held(vms: &[&Vm], now: &Now) -> String {
    let counts = count(vms.iter().copied());
    if vms.iter().all(|vm| vm.hold.is_none()) {
        return counts;
    }
    format!("{}: {counts}", ends(left(vms.iter().copied(), now.at), now))
}

/// How much of the longest hold is over.
fn part(vms: &[&Vm], now: &Now) -> Option<f64> {
    let hold = vms.iter().filter_map(|vm| vm.hold).max_by_key(|hold| hold.until)?;
    let whole = hold.until.saturating_duration_since(hold.from).as_secs_f64();
    let gone = now.at.saturating_duration_since(hold.from).as_secs_f64();
    Some(if whole > 0.0 { (gone / whole).min(1.0) } else { 1.0 })
}

fn tone<'a>(vms: impl IntoIterator<Item = &'a Vm>) -> Tone {
    match vms.into_iter().map(|vm| vm.state.group()).min() {
        Some(Group::Leaked | Group::Failed | Group::Gone) => Tone::Bad,
        Some(Group::Injected | Group::RollingBack | Group::Moving | Group::InProgress) => Tone::Active,
        Some(Group::Restored | Group::Done) => Tone::Good,
        _ => Tone::Quiet,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::progress::State;
    use std::time::{Duration, Instant};

    fn now() -> Now {
        Now {
            at: Instant::now(),
            clock: "2026-11-20T12:03:04+00:00[UTC]".parse().unwrap(),
        }
    }

    fn board(now: &Now, vms: usize) -> Board {
        let mut board = Board::new(vms, now);
        for i in 0..vms {
            let left = Duration::from_secs(100 + i as u64);
            let node = format!("node-{}", i % 3);
            board.update(&format!("default/web-{i}"), &node, State::Injected { left }, now);
        }
        board
    }

    #[test]
    fn a_vm_tells_what_is_left_and_when_it_ends() {
        let start = now();
        let board = board(&start, 1);
        let later = Now {
            at: start.at + Duration::from_secs(25),
            clock: &start.clock + Duration::from_secs(25),
        };
        assert_eq!(
            rows(&board, &later, 24),
            [Row {
                title: "default/web-0".into(),
                part: Some(0.25),
                text: "75s left, until 12:04:44: injected on node-0".into(),
                tone: Tone::Active,
            }]
        );
    }

    #[test]
    fn what_is_said_beside_a_vm_stays_while_its_time_is_corrected() {
        let now = now();
        let mut board = board(&now, 1);
        board.beside("default/web-0", "probe 204 ms");
        let left = Duration::from_secs(90);
        board.update("default/web-0", "node-0", State::Injected { left }, &now);
        let text = "90s left, until 12:04:34, probe 204 ms: injected on node-0";
        assert_eq!(rows(&board, &now, 24)[0].text, text);
    }

    #[test]
    fn vms_that_fit_are_shown_with_the_whole_below() {
        let now = now();
        let rows = rows(&board(&now, 5), &now, 9);
        assert_eq!(rows.len(), 6);
        assert_eq!(rows[5].text, "104s left, until 12:04:48: 5 injected; 0 of 5 over");
    }

    #[test]
    fn vms_that_do_not_fit_are_folded_into_nodes() {
        let now = now();
        let mut board = board(&now, 6);
        board.update("default/web-0", "node-0", State::Restored, &now);
        let rows = rows(&board, &now, 9);
        let titles: Vec<&str> = rows.iter().map(|row| row.title.as_str()).collect();
        assert_eq!(titles, ["node-0", "node-1", "node-2", "all"]);
        assert_eq!(rows[0].text, "103s left, until 12:04:47: 1 injected, 1 restored");
        assert_eq!(rows[3].part, Some(1.0 / 6.0));
    }

    #[test]
    fn nodes_that_do_not_fit_are_one_row() {
        let now = now();
        let rows = rows(&board(&now, 30), &now, 6);
        let titles: Vec<&str> = rows.iter().map(|row| row.title.as_str()).collect();
        assert_eq!(titles, ["node-0", "2 more nodes", "all"]);
        assert!(rows[1].text.ends_with(": 20 injected"), "{}", rows[1].text);
    }

    #[test]
    fn one_that_leaked_colours_the_whole() {
        let now = now();
        let mut board = board(&now, 2);
        board.update("default/web-1", "node-1", State::Leaked, &now);
        assert_eq!(rows(&board, &now, 24)[2].tone, Tone::Bad);
    }
}

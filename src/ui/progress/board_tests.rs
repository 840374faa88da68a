use super::*;

fn start() -> Now {
    Now {
        at: Instant::now(),
        clock: "2026-11-20T12:03:04+00:00[UTC]".parse().unwrap(),
    }
}

fn later(now: &Now, seconds: u64) -> Now {
    Now {
        at: now.at + Duration::from_secs(seconds),
        clock: &now.clock + Duration::from_secs(seconds),
    }
}

fn injected(seconds: u64) -> State {
    State::Injected {
        left: Duration::from_secs(seconds),
    }
}

fn line(change: Option<Change>) -> String {
    change.map(|change| change.line).unwrap_or_default()
}

#[test]
fn a_change_is_a_line_with_the_local_time() {
    let now = start();
    let mut board = Board::new(1, &now);
    assert_eq!(
        line(board.update("default/web-1", "node-1", injected(120), &now)),
        "12:03:04  default/web-1  injected on node-1, 120s left, until 12:05:04"
    );
}

#[test]
fn the_same_again_is_silent_and_corrects_the_time() {
    let now = start();
    let mut board = Board::new(1, &now);
    board.update("default/web-1", "node-1", injected(120), &now);
    let now = later(&now, 10);
    assert!(board.update("default/web-1", "node-1", injected(100), &now).is_none());
    assert_eq!(board.vms[0].left(now.at), Some(Duration::from_secs(100)));
    let hold = board.vms[0].hold.unwrap();
    assert_eq!(hold.until - hold.from, Duration::from_secs(110));
}

#[test]
fn injected_on_another_node_is_news() {
    let now = start();
    let mut board = Board::new(1, &now);
    board.update("default/web-1", "node-1", injected(120), &now);
    assert_eq!(
        line(board.update("default/web-1", "node-2", injected(60), &now)),
        "12:03:04  default/web-1  injected on node-2, 60s left, until 12:04:04"
    );
}

#[test]
fn holding_is_said_every_thirty_seconds_and_only_while_it_holds() {
    let now = start();
    let mut board = Board::new(2, &now);
    board.update("default/web-1", "node-1", injected(120), &now);
    assert_eq!(board.holding(&later(&now, 29)), None);
    assert_eq!(
        board.holding(&later(&now, 30)).unwrap(),
        "12:03:34  default/web-1  injected on node-1, 90s left, until 12:05:04"
    );
    assert_eq!(board.holding(&later(&now, 31)), None);
    board.update("default/web-2", "node-1", injected(100), &later(&now, 40));
    assert_eq!(
        board.holding(&later(&now, 70)).unwrap(),
        "12:04:14  2 VMs: 2 injected, 70s left, until 12:05:24"
    );
    for vm in ["default/web-1", "default/web-2"] {
        board.update(vm, "node-1", State::Restored, &later(&now, 80));
    }
    assert_eq!(board.holding(&later(&now, 200)), None);
}

#[test]
fn bad_news_comes_first_in_a_summary_and_is_kept_on_a_terminal() {
    let now = start();
    let mut board = Board::new(3, &now);
    assert!(!board.update("a/x", "n", State::Restored, &now).unwrap().matters);
    assert!(board.update("a/y", "n", State::Leaked, &now).unwrap().matters);
    assert!(
        board
            .update("a/z", "n", State::Failed("no sch_netem".into()), &now)
            .unwrap()
            .matters
    );
    assert_eq!(board.end(), "3 VMs: 1 MAY STILL BE IN PLACE, 1 failed, 1 restored");
}

#[test]
fn what_a_node_said_cannot_control_the_terminal() {
    let now = start();
    let mut board = Board::new(1, &now);
    let change = board.update("a/x", "n", State::Failed("\x1b]0;owned\x07\nrm".into()), &now);
    assert_eq!(line(change), r"12:03:04  a/x  failed on n: \u{1b}]0;owned\u{7}\nrm");
}

#[test]
fn a_move_is_told_once_whichever_node_the_vm_counts_to_meanwhile() {
    let now = start();
    let mut board = Board::new(1, &now);
    let moving = || State::Moving { to: "node-2".into() };
    board.update("a/x", "node-1", injected(60), &now);
    assert_eq!(
        line(board.update("a/x", "node-1", moving(), &now)),
        "12:03:04  a/x  moving to node-2"
    );
    assert!(board.update("a/x", "node-2", moving(), &now).is_none());
    assert_eq!(
        line(board.update("a/x", "node-2", injected(50), &now)),
        "12:03:04  a/x  injected on node-2, 50s left, until 12:03:54"
    );
}

use tokio::time::timeout;

use super::*;

/// With so many signals.
fn signals(count: u32) -> Signals {
    let signals = Signals::none();
    (0..count).for_each(|_| signals.raise());
    signals
}

#[test]
fn a_signal_hurries_that_was_not_heard_before_and_any_after_two() {
    let hurried = |count, seen| hurries(&signals(count), seen);
    assert!(!hurried(0, 0) && !hurried(1, 1));
    assert!(hurried(1, 0) && hurried(2, 1) && hurried(2, 2) && hurried(3, 2));
}

#[tokio::test]
async fn the_command_leaves_its_pods_at_the_second_signal_more_or_at_the_next_once_it_was_hurried() {
    let leaves = async |count, seen| {
        let signals = signals(count);
        timeout(Duration::from_millis(20), abandoned(&signals, seen))
            .await
            .is_ok()
    };
    assert!(!leaves(0, 0).await && !leaves(1, 0).await);
    assert!(leaves(2, 0).await);
    assert!(!leaves(1, 1).await && !leaves(2, 1).await);
    assert!(leaves(3, 1).await);
    assert!(!leaves(2, 2).await);
    assert!(leaves(3, 2).await);
}

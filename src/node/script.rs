//! The agent's script, as one text.

/// The shell script a debug container runs (`sh -c SCRIPT vmchaos-agent`).
///
/// Kept in files of one subject each; the last one starts it. Whoever puts it into a pod doubles every `$`: Kubernetes
/// turns `$$` into `$` and expands `$(NAME)` in a container's command, arguments and environment.
pub const SCRIPT: &str = concat!(
    include_str!("agent/1-base.sh"),
    include_str!("agent/2-plan.sh"),
    include_str!("agent/2-rules.sh"),
    include_str!("agent/3-node.sh"),
    include_str!("agent/3-find.sh"),
    include_str!("agent/3-inspect.sh"),
    include_str!("agent/4-engines.sh"),
    include_str!("agent/4-qdisc.sh"),
    include_str!("agent/4-cut.sh"),
    include_str!("agent/4-nft.sh"),
    include_str!("agent/4-flower.sh"),
    include_str!("agent/5-verdict.sh"),
    include_str!("agent/6-probe.sh"),
    include_str!("agent/6-sentinel.sh"),
    include_str!("agent/7-keeper.sh"),
    include_str!("agent/7-kill.sh"),
    include_str!("agent/7-sweep.sh"),
    include_str!("agent/7-watch.sh"),
    include_str!("agent/8-dialogue.sh"),
    include_str!("agent/9-main.sh"),
);

#[cfg(test)]
mod tests {
    use super::SCRIPT;

    /// The kernel takes no argument of 128 KiB (`MAX_ARG_STRLEN`).
    #[test]
    fn fits_into_one_argument_with_every_dollar_doubled() {
        assert!(SCRIPT.replace('$', "$$").len() < 120 * 1024);
    }

    #[test]
    fn keeps_the_mark_its_own_text_is_found_by_out_of_its_text() {
        assert!(SCRIPT.chars().all(|c| c == '\n' || (' '..='~').contains(&c)));
    }
}

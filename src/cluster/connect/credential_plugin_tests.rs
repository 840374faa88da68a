use super::*;

fn exec(mode: Option<ExecInteractiveMode>) -> ExecConfig {
    let mut exec: ExecConfig = serde_json::from_value(json!({ "command": "x" })).unwrap();
    exec.interactive_mode = mode;
    exec
}

#[test]
fn a_plugin_asks_only_on_a_terminal_and_only_at_the_start() {
    use ExecInteractiveMode::{Always, IfAvailable, Never};
    use Interaction::{Allowed, Forbidden, Silent};
    let asks = |mode, interaction, terminal| may_ask(&exec(mode), interaction, terminal).ok();
    assert_eq!(asks(Some(IfAvailable), Allowed, true), Some(true));
    assert_eq!(asks(None, Allowed, true), Some(true));
    assert_eq!(asks(None, Allowed, false), Some(false));
    assert_eq!(asks(None, Forbidden, true), Some(false));
    assert_eq!(asks(Some(Never), Allowed, true), Some(false));
    assert_eq!(asks(Some(Always), Allowed, true), Some(true));
    assert_eq!(asks(Some(Always), Allowed, false), None);
    assert_eq!(asks(Some(Always), Silent, true), None);
}

#[test]
fn a_token_is_renewed_before_it_expires() {
    let now = Timestamp::now();
    let left = |life: i64| due(now + SignedDuration::from_secs(life)).duration_since(now).as_secs();
    assert_eq!(left(3600), 3540);
    assert!((14..=15).contains(&left(30)), "{}", left(30));
    assert!(left(-5) <= -5);
    let token = |due| Token {
        header: HeaderValue::from_static("x"),
        due,
    };
    assert!(!token(None).is_due());
    assert!(token(Some(now)).is_due());
}

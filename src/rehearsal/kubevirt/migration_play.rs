//! What the practice cluster makes of the migrations of a VM, on request: failing, stuck, over quota, post-copy, fast.

use std::collections::HashMap;

use tokio::sync::watch;

/// How the migrations of one VM go.
#[derive(Debug, Clone, Default)]
pub(crate) struct Play {
    /// The next one fails once it runs, with this reason.
    pub(crate) fail: Option<String>,
    /// They stay in this phase.
    pub(crate) stuck_in: Option<String>,
    /// The namespace's quota has no room for a target pod.
    pub(crate) over_quota: bool,
    /// The guest is moved over before its memory has come.
    pub(crate) post_copy: bool,
    /// All phases before Running are over before anybody could see them.
    pub(crate) fast: bool,
}

/// The plays of all VMs, by namespace and name.
#[derive(Debug, Default)]
pub(crate) struct Plays(watch::Sender<HashMap<(String, String), Play>>);

impl Plays {
    pub(crate) fn change(&self, namespace: &str, name: &str, change: impl FnOnce(&mut Play)) {
        self.0
            .send_modify(|plays| change(plays.entry((namespace.to_owned(), name.to_owned())).or_default()));
    }

    pub(crate) fn of(&self, namespace: &str, name: &str) -> Play {
        let key = (namespace.to_owned(), name.to_owned());
        self.0.borrow().get(&key).cloned().unwrap_or_default()
    }

    pub(crate) fn take_failure(&self, namespace: &str, name: &str) -> Option<String> {
        let mut taken = None;
        self.change(namespace, name, |play| taken = play.fail.take());
        taken
    }

    /// Waits until the play is as asked.
    pub(crate) async fn until(&self, namespace: &str, name: &str, done: impl Fn(&Play) -> bool) {
        let key = (namespace.to_owned(), name.to_owned());
        let mut changes = self.0.subscribe();
        let as_asked = changes
            .wait_for(|plays| plays.get(&key).is_none_or(&done))
            .await
            .is_ok();
        if !as_asked {
            // The cluster is ending.
            std::future::pending::<()>().await;
        }
    }
}

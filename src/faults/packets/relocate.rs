//! Finding the launcher of a VM that moved to another node, for the fault to follow it.

use std::time::Duration;

use tokio::time::sleep;

use crate::cluster::selection::{NamedTarget, Selection};
use crate::cluster::{Cluster, discovery};
use crate::fault::Target;
use crate::faults::packets::plan::Plan;
use crate::node::pod::DebugPod;
use crate::problem::{Problem, Reason};

/// A VM that is on another node now, and the pod that is to follow it.
pub(crate) struct Moved {
    pub target: Target,
    /// Number of the pod within the run.
    pub index: usize,
    pub node: String,
    pub namespace: String,
    pub remaining: Duration,
}

/// The new launcher is known to the API a moment after the VMI's node has changed.
const RELOCATE_TRIES: u32 = 20;
const RELOCATE_PAUSE: Duration = Duration::from_millis(500);
/// Where it is not even answered, it is tried no more after this long.
const RELOCATE_LIMIT: Duration = Duration::from_secs(30);

/// The VM on its new node, and the pod that puts the fault there.
pub(super) async fn relocate(cluster: &Cluster, plan: &Plan, moved: Moved) -> Result<(Target, DebugPod), Problem> {
    let target = find(cluster, plan, &moved).await?;
    let compiled = plan.moved(&target, moved.remaining).map_err(|error| {
        Problem::new(
            Reason::Moved,
            format!("its new launcher cannot be planned for: {error}"),
        )
    })?;
    let pod = plan.moved_pod(&moved, &target, &compiled);
    Ok((target, pod))
}

async fn find(cluster: &Cluster, plan: &Plan, moved: &Moved) -> Result<Target, Problem> {
    let named = NamedTarget {
        namespace: Some(moved.target.namespace.clone()),
        name: moved.target.name.clone(),
    };
    let selection = Selection {
        names: vec![named],
        ..Selection::default()
    };
    let mut last = String::from("it was not found");
    let began = tokio::time::Instant::now();
    for _ in 0..RELOCATE_TRIES {
        if began.elapsed() >= RELOCATE_LIMIT {
            break;
        }
        match discovery::find(cluster, &selection, &plan.spec.interfaces).await {
            Ok(mut found) => match (found.fit.pop(), found.unfit.pop()) {
                (Some(target), _) => match followed(target, moved)? {
                    Ok(target) => return Ok(target),
                    Err(elsewhere) => last = elsewhere,
                },
                (None, Some((unfit, _))) => last = format!("it {}", unfit.reason),
                (None, None) => "it was not found".clone_into(&mut last),
            },
            Err(error) => last = error.message,
        }
        sleep(RELOCATE_PAUSE).await;
    }
    let text = format!("the VM moved to {} and could not be followed: {last}", moved.node);
    Err(Problem::new(Reason::NotFollowed, text).hint("run the command again"))
}

/// Whether what was found is the guest that is followed, where it is to be; the inner error says where it is instead. Another
/// guest of its name is not to get its fault.
fn followed(found: Target, moved: &Moved) -> Result<Result<Target, String>, Problem> {
    if found.uid != moved.target.uid {
        return Err(Problem::new(
            Reason::Gone,
            "the VM was restarted while it was being followed",
        ));
    }
    if found.node != moved.node {
        return Ok(Err(format!("it is on {} now", found.node)));
    }
    Ok(Ok(found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::testing;

    fn target(uid: &str, node: &str) -> Target {
        Target {
            uid: uid.into(),
            node: node.into(),
            ..testing::target(Vec::new())
        }
    }

    #[test]
    fn a_new_guest_does_not_get_the_fault_of_the_one_before() {
        let moved = Moved {
            target: target("old", "node-1"),
            index: 1,
            node: "node-2".into(),
            namespace: "vmchaos".into(),
            remaining: Duration::from_secs(60),
        };
        assert!(followed(target("old", "node-2"), &moved).unwrap().is_ok());
        assert_eq!(
            followed(target("old", "node-3"), &moved),
            Ok(Err("it is on node-3 now".into()))
        );
        for node in ["node-1", "node-2", "node-3"] {
            assert_eq!(
                followed(target("new", node), &moved).unwrap_err().reason,
                Reason::Gone,
                "{node}"
            );
        }
    }
}

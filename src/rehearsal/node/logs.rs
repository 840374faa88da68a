//! `pods/log`: what a container has printed, and with `follow` what it goes on to print.

use std::sync::Arc;

use hyper::body::Bytes;

use super::attach::container_name;
use crate::{
    api::{
        call::Call,
        resources::PODS,
        status_error::{ApiError, ApiResult},
    },
    cluster::Cluster,
    http::reply::{self, Reply},
    json as fields,
};

const TYPE: &str = "text/plain";

/// Answers a request for a log.
pub(crate) fn logs(cluster: &Arc<Cluster>, call: &Call) -> ApiResult<Reply> {
    let pod = cluster
        .get(&PODS, &call.namespace, &call.name)
        .ok_or_else(|| ApiError::not_found(&PODS, &call.name))?;
    let name = container_name(&pod, call.query.get("container"))?;
    let Some(container) = cluster.nodes.container(fields::text(&pod, "/metadata/uid")) else {
        let kept = cluster.nodes.kept_log(fields::text(&pod, "/metadata/uid"));
        let waiting = fields::list(&pod, "/status/containerStatuses")
            .iter()
            .find_map(|status| status.pointer("/state/waiting/reason"));
        return match (kept, waiting.and_then(serde_json::Value::as_str)) {
            (Some(log), _) => Ok(reply::typed(200, TYPE, tail(log, call))),
            (None, Some(reason)) => Err(ApiError::bad_request(format!(
                "container \"{name}\" in pod \"{}\" is waiting to start: {reason}",
                call.name
            ))),
            (None, None) => Ok(reply::typed(200, TYPE, Bytes::new())),
        };
    };
    let (log, place) = container.log_from(0);
    if !call.query.flag("follow") {
        return Ok(reply::typed(200, TYPE, tail(log, call)));
    }
    let first = tail(log, call);
    let follow = (container.log_grows(), container.ended(), container, place, Some(first));
    Ok(reply::stream(
        TYPE,
        futures::stream::unfold(follow, |(mut grows, mut ended, container, place, first)| async move {
            if let Some(first) = first.filter(|first| !first.is_empty()) {
                return Some((first, (grows, ended, container, place, None)));
            }
            loop {
                grows.mark_unchanged();
                let over = ended.borrow_and_update().is_some();
                let (more, end) = container.log_from(place);
                if !more.is_empty() {
                    return Some((more, (grows, ended, container, end, None)));
                }
                if over {
                    return None;
                }
                tokio::select! {
                    _ = grows.changed() => {}
                    _ = ended.changed() => {}
                }
            }
        }),
    ))
}

/// The last lines only, when `tailLines` says so.
fn tail(log: Bytes, call: &Call) -> Bytes {
    let Ok(lines) = call.query.get("tailLines").parse::<usize>() else {
        return log;
    };
    let starts: Vec<usize> = std::iter::once(0)
        .chain(
            log.iter()
                .enumerate()
                .filter(|(_, byte)| **byte == b'\n')
                .map(|(at, _)| at + 1),
        )
        .filter(|start| *start < log.len())
        .collect();
    let first = starts
        .len()
        .checked_sub(lines)
        .map_or(0, |place| starts.get(place).copied().unwrap_or(log.len()));
    log.slice(first..)
}

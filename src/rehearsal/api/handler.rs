//! The way of a request: recorded, delayed, hit by the faults in force, authenticated, authorised, answered, and the
//! answer recorded.

use std::{future::pending, sync::Arc, time::Instant};

use http_body_util::{BodyExt as _, Limited};
use hyper::{
    Request,
    body::{Bytes, Incoming},
    header,
};
use tokio::time::sleep;

use super::{
    access,
    call::{self, Call, User},
    delete, discovery, eviction,
    faults::Answer,
    openapi, read,
    resources::NAMESPACES,
    reviews,
    status_error::{ApiError, ApiResult},
    watch, write,
};
use crate::{
    cluster::Cluster,
    http::{
        local, log,
        reply::{self, Reply},
        route::{self, Place, Query},
        server::Dropped,
    },
    kubevirt, node,
};

/// The largest body a server takes.
const BODY: usize = 3 * 1024 * 1024;

/// Answers a request, or says that the connection is to be dropped.
pub(crate) async fn handle(cluster: &Arc<Cluster>, mut request: Request<Incoming>) -> Result<Reply, Dropped> {
    let upgrade = request
        .headers()
        .contains_key(header::UPGRADE)
        .then(|| hyper::upgrade::on(&mut request));
    let (head, body) = request.into_parts();
    let user = local::check(&head.headers).and_then(|()| User::of(&head.headers, cluster));
    // Nothing is kept of what nobody sends.
    let body = match Limited::new(body, if user.is_ok() { BODY } else { 0 }).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) if user.is_err() => Bytes::new(),
        Err(_) => {
            return Ok(reply::error(&ApiError::new(
                413,
                "RequestEntityTooLarge",
                format!("Request entity too large: limit is {BODY}"),
            )));
        }
    };
    let query_text = head.uri.query().unwrap_or_default();
    let query = Query::parse(query_text);
    let path = head.uri.path();
    let place = route::place(path, cluster.options.kubevirt);
    let verb = if let Place::Object(object) = &place {
        object.verb(&head.method, &query)
    } else {
        ""
    };
    let number = cluster.log().asked(log::Request {
        method: head.method.to_string(),
        path: path.to_owned(),
        query: query_text.to_owned(),
        verb: verb.to_owned(),
        body: body.to_vec(),
        user_agent: call::text(&head.headers, "user-agent").to_owned(),
        content_type: call::text(&head.headers, "content-type").to_owned(),
        user: user.as_ref().map_or_else(|_| String::new(), |user| user.name.clone()),
        code: 0,
        when: Instant::now(),
    });
    if !cluster.options.latency.is_zero() {
        sleep(cluster.options.latency).await;
    }
    let fault = cluster.faults().next(if verb.is_empty() { "get" } else { verb }, path);
    match &fault {
        Some(Answer::Drop) => return Err(Dropped),
        Some(Answer::Hang) => pending::<()>().await,
        Some(Answer::Delay(time)) => sleep(*time).await,
        _ => {}
    }
    let answered = match (&fault, user) {
        (
            Some(Answer::Status {
                code,
                reason,
                message,
                retry_after,
            }),
            _,
        ) => Err(ApiError::new(*code, reason, message.as_str()).retry_after(*retry_after)),
        (Some(Answer::Gone), _) if verb != "watch" => Err(ApiError::new(
            410,
            "Expired",
            "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.",
        )),
        (_, Err(refused)) => Err(refused),
        (_, Ok(user)) => {
            let head = Head {
                verb,
                query,
                accept: call::text(&head.headers, "accept").to_owned(),
                headers: &head.headers,
                user,
            };
            answer(cluster, place, head, body, upgrade, fault.as_ref())
        }
    };
    let mut reply = answered.unwrap_or_else(|error| reply::error(&error));
    match fault {
        Some(Answer::LoseReply) => return Err(Dropped),
        Some(Answer::LateReply(time)) => sleep(time).await,
        Some(Answer::HeldReply(go)) => go.notified().await,
        Some(Answer::Warning(text)) => reply::warn(&mut reply, &text),
        _ => {}
    }
    cluster.log().answered(number, reply.status().as_u16());
    Ok(reply)
}

/// What of a request's head is needed to answer it.
struct Head<'a> {
    verb: &'static str,
    query: Query,
    accept: String,
    headers: &'a hyper::HeaderMap,
    user: User,
}

fn answer(
    cluster: &Arc<Cluster>,
    place: Place,
    head: Head<'_>,
    body: Bytes,
    upgrade: Option<hyper::upgrade::OnUpgrade>,
    fault: Option<&Answer>,
) -> ApiResult<Reply> {
    let kubevirt = cluster.options.kubevirt;
    let object = match place {
        Place::Object(object) => object,
        Place::Version => return Ok(reply::json(200, &discovery::version())),
        Place::Health => return Ok(reply::typed(200, "text/plain; charset=utf-8", "ok")),
        Place::OpenApi(path) => return Ok(reply::json(200, &openapi::document(&path, kubevirt)?)),
        Place::Core => return Ok(discovery::root(true, &head.accept, kubevirt)),
        Place::Groups => return Ok(discovery::root(false, &head.accept, kubevirt)),
        Place::Group(group) => return discovery::group(&group, kubevirt),
        Place::Kinds { group, version } => return discovery::kinds(&group, &version, kubevirt),
        Place::NoResource => return Err(ApiError::no_such_resource()),
        Place::NoSub(resource, name) => return Err(ApiError::not_found(resource, &name)),
        Place::Nowhere => return Err(ApiError::text(404, "404 page not found")),
    };
    let call = Call {
        verb: head.verb,
        resource: object.resource,
        namespace: object.namespace,
        name: object.name,
        sub: object.sub,
        query: head.query,
        accept: head.accept,
        content_type: call::text(head.headers, "content-type")
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned(),
        user_agent: call::text(head.headers, "user-agent").to_owned(),
        user: head.user,
        body,
    };
    // Nobody is refused a question about himself.
    let review = matches!(call.resource.group, "authorization.k8s.io" | "authentication.k8s.io");
    if !review {
        let named = selected_name(&call);
        // A namespace counts as inside itself: who may read what is in it may read it too.
        let scope = if call.resource.is(&NAMESPACES) {
            &call.name
        } else {
            &call.namespace
        };
        access::check(
            &cluster.access(),
            call.resource,
            &call.sub,
            &named,
            &call.user.name,
            call.verb,
            scope,
        )?;
    }
    let supported = call
        .resource
        .sub(&call.sub)
        .map_or(call.resource.verbs, |sub| sub.verbs);
    if !supported.contains(&call.verb) {
        return Err(ApiError::method_not_allowed());
    }
    match (call.sub.as_str(), call.verb) {
        _ if review => reviews::answer(cluster, &call),
        ("attach", _) => node::attach::attach(cluster, &call, head.headers, upgrade),
        ("log", _) => node::logs::logs(cluster, &call),
        ("eviction", _) => eviction::evict(cluster, &call),
        (_, _) if call.resource.group == "subresources.kubevirt.io" => kubevirt::subresources::answer(cluster, &call),
        ("" | "status", "get") => read::get(cluster, &call),
        (_, "list") => read::list(cluster, &call),
        (_, "watch") => watch::watch(cluster, call, fault),
        (_, "create") => write::create(cluster, &call),
        (_, "update") => write::update(cluster, &call),
        (_, "patch") => write::patch(cluster, &call),
        (_, "delete") => delete::delete(cluster, &call),
        (_, "deletecollection") => delete::collection(cluster, &call),
        _ => Err(ApiError::method_not_allowed()),
    }
}

/// The name a request is about: also that of a list or watch of one object by its name.
fn selected_name(call: &Call) -> String {
    if !call.name.is_empty() {
        return call.name.clone();
    }
    call.query
        .get("fieldSelector")
        .split(',')
        .find_map(|term| term.strip_prefix("metadata.name="))
        .map(|name| name.trim_start_matches('=').to_owned())
        .unwrap_or_default()
}

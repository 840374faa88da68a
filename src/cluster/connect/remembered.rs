//! Reads that are sent once, however often they are asked: for a plan of many faults, which all look at the same cluster.
//!
//! Remembered are gets, lists, and reviews of what is permitted, by all that is sent. Everything else goes through. What takes long
//! to make of an answer, as lists of many VMs do, is kept as well.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use http::response::Parts;
use http::{Method, Request, Response};
use hyper::body::Bytes;
use kube::client::Body;
use tokio::sync::OnceCell;
use tower::{BoxError, service_fn};

use super::client::Cluster;
use crate::cluster::error::{ClusterError, ErrorKind};

/// What makes two requests the same: method, address, `Accept`, body.
type Key = (Method, String, Vec<u8>, Bytes);
type Known = Result<(Parts, Bytes), Failed>;
type Memory = Arc<Mutex<HashMap<Key, Shared<BoxFuture<'static, Known>>>>>;

type Whatever = Arc<dyn Any + Send + Sync>;
type Cell = Arc<OnceCell<Whatever>>;

/// What was made of answers, by its type and its name.
#[derive(Default)]
pub(super) struct Kept(Mutex<HashMap<(TypeId, String), Cell>>);

/// A request that failed, for all who asked for it.
#[derive(Debug, Clone)]
struct Failed(Arc<kube::Error>);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Failed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}

impl Cluster {
    /// The same cluster as it is now: what was read once is not asked again. It forgets with its last clone.
    #[must_use]
    pub(crate) fn remembered(&self) -> Self {
        let (memory, inner) = (Memory::default(), self.client.clone());
        let service = service_fn(move |request: Request<Body>| {
            let (memory, inner) = (memory.clone(), inner.clone());
            async move { answer(&memory, inner, request).await }
        });
        let mut cluster = self.clone();
        cluster.client = kube::Client::new(service, self.namespace.clone());
        cluster.kept = Some(Arc::default());
        cluster
    }

    /// What `read` gives; on a [remembered](Self::remembered) cluster it is read once for each `name`. An error is not kept.
    pub(crate) async fn once<T: Send + Sync + 'static>(
        &self,
        name: String,
        read: impl Future<Output = Result<T, ClusterError>>,
    ) -> Result<Arc<T>, ClusterError> {
        let Some(Kept(kept)) = self.kept.as_deref() else {
            return read.await.map(Arc::new);
        };
        let cell = {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.entry((TypeId::of::<T>(), name)).or_default().clone()
        };
        let read = async { read.await.map(|it| Arc::new(it) as Whatever) };
        let known = cell.get_or_try_init(|| read).await?;
        let other = |_| ClusterError::new(ErrorKind::Other, "what was kept is of another type");
        known.clone().downcast::<T>().map_err(other)
    }
}

async fn answer(memory: &Memory, inner: kube::Client, request: Request<Body>) -> Result<Response<Body>, BoxError> {
    if !is_remembered(&request) {
        return Ok(inner.send(request).await?);
    }
    let (head, body) = request.into_parts();
    let body = body.collect_bytes().await?;
    let accept = head
        .headers
        .get(http::header::ACCEPT)
        .map(|value| value.as_bytes().to_vec());
    let key = (
        head.method.clone(),
        head.uri.to_string(),
        accept.unwrap_or_default(),
        body.clone(),
    );
    let send = async move {
        let failed = |error: kube::Error| Failed(Arc::new(error));
        let response = inner
            .send(Request::from_parts(head, Body::from(body.to_vec())))
            .await
            .map_err(failed)?;
        let (head, body) = response.into_parts();
        Ok((head, body.collect_bytes().await.map_err(failed)?))
    };
    let known = {
        let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.entry(key).or_insert_with(|| send.boxed().shared()).clone()
    };
    let (head, body) = known.await?;
    Ok(Response::from_parts(head, Body::from(body.to_vec())))
}

fn is_remembered(request: &Request<Body>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    let streams = query
        .split('&')
        .any(|pair| pair.starts_with("watch=") || pair.starts_with("follow="));
    let upgrades = request.headers().contains_key(http::header::UPGRADE);
    let reviews = request.method() == Method::POST && request.uri().path().ends_with("/selfsubjectaccessreviews");
    !streams && !upgrades && (request.method() == Method::GET || reviews)
}

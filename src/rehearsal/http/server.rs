//! Takes connections on loopback and hands their requests on, HTTP/1.1 over TLS, one task a connection.

use std::{convert::Infallible, fmt, sync::Arc};

use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::reply::Reply;
use crate::{api::handler, cluster::Cluster};

/// The connection is to be closed without an answer.
#[derive(Debug)]
pub(crate) struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the connection is dropped on purpose")
    }
}

impl std::error::Error for Dropped {}

/// Serves until the task is aborted; the connections end with it.
pub(crate) async fn serve(listener: TcpListener, tls: TlsAcceptor, cluster: Arc<Cluster>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // Out of file descriptors and the like: the next accept tells again, and the ended connections are
            // collected meanwhile.
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(connection(stream, tls.clone(), Arc::clone(&cluster)));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, tls: TlsAcceptor, cluster: Arc<Cluster>) {
    // Small writes (events of a watch, heartbeats of an attach) must not wait for more.
    let _ = stream.set_nodelay(true);
    let Ok(stream) = tls.accept(stream).await else { return };
    let service = service_fn(move |request: Request<Incoming>| answer(Arc::clone(&cluster), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // A client that goes away in the middle is everyday life.
    let _ = connection.await;
}

async fn answer(cluster: Arc<Cluster>, request: Request<Incoming>) -> Result<Reply, Dropped> {
    handler::handle(&cluster, request).await
}

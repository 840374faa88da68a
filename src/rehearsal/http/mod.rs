//! The wire side of the practice cluster: TLS, connections, requests read into calls, answers written.

pub(crate) mod kubeconfig;
pub(crate) mod local;
pub(crate) mod log;
pub(crate) mod reply;
pub(crate) mod route;
pub(crate) mod server;
pub(crate) mod tls;

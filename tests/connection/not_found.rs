//! What finding says of names, namespaces and clusters in which there is nothing to be found.

use kubectl_vmchaos::testing::cluster::{ErrorKind, Selection, find};
use serde_json::{Value, json};

use super::discovery::{VMIS, found, keys, named, vmi, world};
use crate::support::http::{Answer, Recorded, Server, list, status};

#[tokio::test]
async fn a_name_that_is_not_there_or_does_not_run() {
    let server = Server::start(world).await;
    let cluster = server.cluster().await;
    let found = find(&cluster, &named(&["stopped", "nope", "web-1"]), &[])
        .await
        .unwrap();
    assert_eq!(keys(&found), ["shop/web-1"]);
    assert_eq!(
        found.missing,
        ["virtualmachineinstances.kubevirt.io \"nope\" not found in namespace \"shop\""]
    );
    let (unfit, was_named) = &found.unfit[0];
    assert_eq!(
        (unfit.reason.as_str(), *was_named),
        ("is not running (VM is Stopped)", true)
    );
    // The way back leads to the cluster that was asked.
    let config = server.kubeconfig();
    assert_eq!(
        unfit.hint,
        Some(format!(
            "virtctl start stopped -n shop --kubeconfig {} --context test",
            config.display()
        ))
    );
}

#[tokio::test]
async fn a_vmi_that_was_matched_and_cannot_take_it_is_told_apart_from_one_that_was_named() {
    let paused = |request: &Recorded| {
        let mut vmi = vmi("shop", "web-1");
        vmi["status"]["conditions"] = json!([{ "type": "Paused", "status": "True" }]);
        if request.path == VMIS {
            list("VirtualMachineInstance", &[vmi])
        } else if request.path == format!("{VMIS}/web-1") {
            Answer::Json(200, vmi)
        } else {
            world(request)
        }
    };
    let server = Server::start(paused).await;
    assert!(!found(&server, &Selection::default()).await.unfit[0].1);
    assert!(found(&server, &named(&["web-1"])).await.unfit[0].1);
}

#[tokio::test]
async fn a_namespace_that_does_not_exist_is_not_an_empty_one() {
    let server = Server::start(world).await;
    let cluster = server.cluster().await;
    let nowhere = Selection {
        namespace: Some("nowhere".into()),
        ..Selection::default()
    };
    let error = find(&cluster, &nowhere, &[]).await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::NotFound, "namespaces \"nowhere\" not found")
    );
    let empty = Selection {
        namespace: Some("empty".into()),
        ..Selection::default()
    };
    assert_eq!(keys(&find(&cluster, &empty, &[]).await.unwrap()), Vec::<String>::new());
}

#[tokio::test]
async fn all_namespaces_forbidden_comes_with_the_way_that_needs_less() {
    let server = Server::start(|_| status(403, "Forbidden", "cannot list at the cluster scope")).await;
    let error = find(
        &server.cluster().await,
        &Selection {
            all_namespaces: true,
            ..Selection::default()
        },
        &[],
    )
    .await
    .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert_eq!(
        error.hint.map(String::from).as_deref(),
        Some("looking into all namespaces needs a ClusterRole; -n NAMESPACE looks into one")
    );
}

#[tokio::test]
async fn a_cluster_without_kubevirt_says_so() {
    let server = Server::start(|request| {
        if request.path.starts_with("/apis/kubevirt.io") {
            Answer::Json(404, Value::String("404 page not found".into()))
        } else {
            world(request)
        }
    })
    .await;
    let cluster = server.cluster().await;
    for selection in [Selection::default(), named(&["web-1"])] {
        let error = find(&cluster, &selection, &[]).await.unwrap_err();
        assert_eq!(error.message, "the server doesn't have a resource type \"vmi\"");
        assert!(error.hint.unwrap().to_string().starts_with("KubeVirt is not installed"));
    }
}

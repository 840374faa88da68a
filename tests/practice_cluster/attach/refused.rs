//! How attaching is refused, as the kubelet and as servers of either age say it.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn attaching_to_what_does_not_run_is_an_error_of_the_kubelet() {
    let (practice, client) = cluster().await;
    practice.pod_never_starts("node-1");
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    pods.create(&PostParams::default(), &debug_pod(&practice, 1))
        .await
        .unwrap();
    practice.clear_requests();
    let params = AttachParams::default()
        .stdin(true)
        .stdout(true)
        .stderr(false)
        .container("agent");
    assert!(pods.attach(POD, &params).await.is_err());
    let request = practice.requests().pop().unwrap();
    assert_eq!((request.verb.as_str(), request.code), ("get", 500));
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_servers_switch_first_and_say_it_inside() {
    let (practice, client) = cluster_with(Options {
        translate_attach: true,
        ..Options::default()
    })
    .await;
    practice.pod_never_starts("node-1");
    let pods: Api<Pod> = Api::default_namespaced(client);
    pods.create(&PostParams::default(), &debug_pod(&practice, 1))
        .await
        .unwrap();
    let params = AttachParams::default()
        .stdin(true)
        .stdout(true)
        .stderr(false)
        .container("agent");
    let mut attached = pods.attach(POD, &params).await.unwrap();
    let status = timeout(PATIENCE, attached.take_status().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert!(
        status
            .message
            .unwrap()
            .ends_with(&format!("container agent not found in pod {POD}_default"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn attaching_needs_its_own_permission() {
    let (practice, _client) = cluster().await;
    practice.forbid("*", "", "pods", "attach", "*");
    let client = client(&practice).await;
    let pods: Api<Pod> = Api::default_namespaced(client);
    pods.create(&PostParams::default(), &debug_pod(&practice, 1))
        .await
        .unwrap();
    assert!(pods.attach(POD, &AttachParams::default().stdin(true)).await.is_err());
    assert_eq!(practice.requests().pop().unwrap().code, 403);
}

//! What `subresources.kubevirt.io` answers: the codes and sentences of virt-api, `KubeVirt` 1.6.

use kube::Client;
use kube::client::Body;
use serde_json::Value;
use vmchaos_rehearsal::Practice;

use super::support::cluster;

/// The code of an answer, and the sentence of a refusal.
async fn put(client: &Client, resource: &str, name: &str, verb: &str) -> (u16, String) {
    let path = format!("/apis/subresources.kubevirt.io/v1/namespaces/default/{resource}/{name}/{verb}");
    let request = http::Request::put(path).body(Body::from(b"{}".to_vec())).unwrap();
    let answer = client.send(request).await.unwrap();
    let code = answer.status().as_u16();
    let body = answer.into_body().collect_bytes().await.unwrap();
    let status: Value = serde_json::from_slice(&body).unwrap_or_default();
    (code, status["message"].as_str().unwrap_or_default().to_owned())
}

async fn paused(practice: &Practice, is: bool) {
    practice
        .until("VirtualMachineInstance", "default", "web-1", |vmi| {
            let conditions = vmi["status"]["conditions"].as_array().unwrap();
            conditions.iter().any(|condition| condition["type"] == "Paused") == is
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_vmi_answers_200_and_refuses_in_virt_apis_words() {
    let (practice, client) = cluster().await;
    let on = |verb: &'static str| put(&client, "virtualmachineinstances", "web-1", verb);
    let conflict = |why: &str| {
        let object = "virtualmachineinstance.kubevirt.io \"web-1\"";
        (409, format!("Operation cannot be fulfilled on {object}: {why}"))
    };
    assert_eq!(on("unpause").await, conflict("VMI is not paused"));
    assert_eq!(on("pause").await, (200, String::new()));
    paused(&practice, true).await;
    assert_eq!(on("pause").await, conflict("VMI is already paused"));
    assert_eq!(on("unpause").await, (200, String::new()));
    paused(&practice, false).await;
    assert_eq!(on("reset").await, (200, String::new()));
    assert_eq!(
        put(&client, "virtualmachineinstances", "none", "pause").await,
        (404, "virtualmachineinstance.kubevirt.io \"none\" not found".to_owned())
    );
}

#[tokio::test]
async fn a_vm_answers_202_and_refuses_in_virt_apis_words() {
    let (practice, client) = cluster().await;
    let on = |verb: &'static str| put(&client, "virtualmachines", "db-1", verb);
    let conflict = |why: &str| {
        let object = "virtualmachine.kubevirt.io \"db-1\"";
        (409, format!("Operation cannot be fulfilled on {object}: {why}"))
    };
    assert_eq!(on("start").await, conflict("VM is already running"));
    assert_eq!(on("stop").await, (202, String::new()));
    practice
        .until("VirtualMachine", "default", "db-1", |vm| {
            vm["status"]["printableStatus"] == "Stopped" && vm["status"]["created"].is_null()
        })
        .await
        .unwrap();
    assert_eq!(on("stop").await, conflict("VM is not running"));
    assert_eq!(on("restart").await, conflict("VM is not running: Halted"));
    assert_eq!(on("start").await, (202, String::new()));
}

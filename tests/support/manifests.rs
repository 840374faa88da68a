//! Manifests as a cluster would have them: read as its types, and their Job run on this machine.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use vmchaos_rehearsal::Grant;

/// The documents, each read as what it says it is: a field that its type does not have fails the test.
#[track_caller]
pub(crate) fn documents(text: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    for document in &documents {
        match document["kind"].as_str().unwrap() {
            "ServiceAccount" => of_type::<k8s_openapi::api::core::v1::ServiceAccount>(document),
            "ConfigMap" => of_type::<k8s_openapi::api::core::v1::ConfigMap>(document),
            "Role" => of_type::<k8s_openapi::api::rbac::v1::Role>(document),
            "RoleBinding" => of_type::<k8s_openapi::api::rbac::v1::RoleBinding>(document),
            "ClusterRole" => of_type::<k8s_openapi::api::rbac::v1::ClusterRole>(document),
            "ClusterRoleBinding" => of_type::<k8s_openapi::api::rbac::v1::ClusterRoleBinding>(document),
            "Job" => of_type::<k8s_openapi::api::batch::v1::Job>(document),
            "CronJob" => of_type::<k8s_openapi::api::batch::v1::CronJob>(document),
            other => panic!("{other} is not expected"),
        }
    }
    documents
}

#[track_caller]
fn of_type<T: DeserializeOwned + Serialize>(document: &Value) {
    let read: T = serde_json::from_value(document.clone()).unwrap();
    assert_eq!(&serde_json::to_value(read).unwrap(), document);
}

/// The only document of a kind.
#[track_caller]
pub(crate) fn only<'a>(documents: &'a [Value], kind: &str) -> &'a Value {
    let all: Vec<&Value> = documents.iter().filter(|document| document["kind"] == kind).collect();
    assert_eq!(all.len(), 1, "{kind}");
    all[0]
}

/// What the roles grant to the Job's service account; each is bound where it is, and to nobody else.
#[track_caller]
pub(crate) fn grants(documents: &[Value]) -> Vec<Grant> {
    let account = &only(documents, "ServiceAccount")["metadata"];
    let mut grants = Vec::new();
    for role in documents
        .iter()
        .filter(|it| it["kind"] == "Role" || it["kind"] == "ClusterRole")
    {
        let (kind, name) = (role["kind"].as_str().unwrap(), &role["metadata"]["name"]);
        let place = &role["metadata"]["namespace"];
        let binding = documents.iter().find(|it| {
            it["kind"] == format!("{kind}Binding")
                && it["metadata"]["name"] == *name
                && it["metadata"]["namespace"] == *place
        });
        let binding = binding.unwrap();
        assert_eq!(
            binding["roleRef"],
            json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name})
        );
        let subject = json!({"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]});
        assert_eq!(binding["subjects"], json!([subject]));
        for rule in role["rules"].as_array().unwrap() {
            let texts = |field: &str| -> Vec<String> { serde_json::from_value(rule[field].clone()).unwrap() };
            for (group, resource) in texts("apiGroups").iter().zip(texts("resources")) {
                let place = place.as_str().unwrap_or("*");
                grants.extend(
                    texts("verbs")
                        .iter()
                        .map(|verb| Grant::new(verb, group, &resource, place)),
                );
            }
        }
    }
    grants
}

/// The pod of a Job or a `CronJob`.
pub(crate) fn pod(documents: &[Value]) -> &Value {
    let job = documents.last().unwrap();
    let spec = if job["kind"] == "CronJob" {
        &job["spec"]["jobTemplate"]["spec"]
    } else {
        &job["spec"]
    };
    &spec["template"]["spec"]
}

/// The arguments of the Job's container, with its files unpacked below `folder`, where they then are.
pub(crate) fn args(documents: &[Value], folder: &Path) -> Vec<String> {
    let data = &only(documents, "ConfigMap")["data"];
    let pod = pod(documents);
    for item in pod["volumes"][0]["configMap"]["items"].as_array().unwrap() {
        let path = folder.join(item["path"].as_str().unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, data[item["key"].as_str().unwrap()].as_str().unwrap()).unwrap();
    }
    let args: Vec<String> = serde_json::from_value(pod["containers"][0]["args"].clone()).unwrap();
    let here = folder.display().to_string();
    args.iter()
        .map(|arg| arg.replace("/etc/kubectl-vmchaos", &here))
        .collect()
}

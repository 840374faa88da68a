//! What the API server itself answers to what is wrong: code, reason and words.

use serde_json::{Value, json};

use super::backend::Backend;

const PODS: &str = "/api/v1/namespaces/default/pods";
const VMI: &str = "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances/web-1";

/// A pod that is right but for what `change` does to it.
fn pod(change: impl FnOnce(&mut Value)) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}, "spec": {
        "automountServiceAccountToken": false, "containers": [{"name": "agent", "image": "example.com/none:1"}],
    }});
    change(&mut pod);
    pod
}

/// Code, reason and message of a refusal.
#[track_caller]
fn refusal(backend: &Backend, method: &str, path: &str, body: &Value) -> (u16, String, String) {
    match backend.ask(method, path, body) {
        Err(kube::Error::Api(status)) => (status.code, status.reason.clone(), status.message.clone()),
        other => panic!("{method} {path}: {other:?}"),
    }
}

fn words(code: u16, reason: &str, message: impl Into<String>) -> (u16, String, String) {
    (code, reason.to_owned(), message.into())
}

#[test]
fn what_is_not_there_is_not_found() {
    let backend = Backend::new();
    let get = |path: &str| refusal(&backend, "GET", path, &Value::Null);
    let vmis = "virtualmachineinstances.kubevirt.io";
    assert_eq!(
        get(&VMI.replace("web-1", "web-99")),
        words(404, "NotFound", format!("{vmis} \"web-99\" not found"))
    );
    assert_eq!(
        get(&format!("{PODS}/none")),
        words(404, "NotFound", "pods \"none\" not found")
    );
    let status = refusal(&backend, "PATCH", &format!("{VMI}/status"), &json!({"status": {}}));
    assert_eq!(status, words(404, "NotFound", format!("{vmis} \"web-1\" not found")));
    assert_eq!(get("/apis/kubevirt.io/v9/virtualmachines").0, 404);
    assert_eq!(get("/apis/kubevirt.io/v1/namespaces/default/gizmos").0, 404);
    let elsewhere = refusal(&backend, "POST", &PODS.replace("default", "no-such"), &pod(|_| ()));
    assert_eq!(elsewhere, words(404, "NotFound", "namespaces \"no-such\" not found"));
    let selector = get(&format!("{PODS}?labelSelector=a%20b%20c"));
    let unread = "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt";
    assert_eq!(selector, words(400, "BadRequest", unread));
}

#[test]
fn another_object_of_that_name_is_not_deleted() {
    let backend = Backend::new();
    let launcher = backend.items(&format!("{PODS}?labelSelector=vm.kubevirt.io%2Fname%3Dweb-1"))[0].clone();
    let name = launcher["metadata"]["name"].as_str().unwrap();
    let uid = launcher["metadata"]["uid"].as_str().unwrap();
    let vmi = backend.uid("web-1").unwrap();
    let only =
        json!({"apiVersion": "v1", "kind": "DeleteOptions", "dryRun": ["All"], "preconditions": {"uid": "another"}});
    let differs = |object: &str, uid: &str| {
        let why = "The object might have been deleted and then recreated";
        let message = format!(
            "Operation cannot be fulfilled on {object}: the UID in the precondition (another) does not match the UID in record ({uid}). {why}"
        );
        words(409, "Conflict", message)
    };
    let answer = refusal(&backend, "DELETE", &format!("{PODS}/{name}"), &only);
    assert_eq!(answer, differs(&format!("Pod \"{name}\""), uid));
    let answer = refusal(&backend, "DELETE", VMI, &only);
    assert_eq!(answer, differs("VirtualMachineInstance.kubevirt.io \"web-1\"", &vmi));
    let again = refusal(
        &backend,
        "POST",
        &format!("{PODS}?dryRun=All"),
        &pod(|pod| pod["metadata"]["name"] = json!(name)),
    );
    assert_eq!(
        again,
        words(409, "AlreadyExists", format!("pods \"{name}\" already exists"))
    );
}

#[test]
fn a_wrong_pod_is_invalid() {
    let backend = Backend::new();
    let create = |pod: &Value| refusal(&backend, "POST", &format!("{PODS}?dryRun=All"), pod);
    let empty = create(&pod(|pod| pod["spec"]["containers"] = json!([])));
    assert_eq!(
        empty,
        words(
            422,
            "Invalid",
            "Pod \"probe\" is invalid: spec.containers: Required value"
        )
    );
    let labelled = create(&pod(|pod| pod["metadata"]["labels"] = json!({"run": "a b"})));
    let message = "Pod \"probe\" is invalid: metadata.labels: Invalid value: \"a b\": a valid label must be an empty string or \
                   consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character \
                   (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
                   '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
    assert_eq!(labelled, words(422, "Invalid", message));
}

#[test]
fn pod_security_refuses_a_debug_pod_in_its_words() {
    let backend = Backend::new();
    let namespace = "/api/v1/namespaces/default";
    let enforce = |level: Value| json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": level}}});
    backend.patch(namespace, &enforce(json!("baseline")));
    let privileged = pod(|pod| {
        pod["spec"]["hostPID"] = json!(true);
        pod["spec"]["containers"][0]["securityContext"] = json!({"privileged": true});
    });
    let mut answer = backend.ask("POST", &format!("{PODS}?dryRun=All"), &privileged);
    // A server that watches namespaces hears of it a moment later.
    while answer.is_ok() {
        answer = backend.ask("POST", &format!("{PODS}?dryRun=All"), &privileged);
    }
    backend.patch(namespace, &enforce(Value::Null));
    let Err(kube::Error::Api(status)) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!((status.code, status.reason.as_str()), (403, "Forbidden"));
    assert_eq!(
        status.message,
        "pods \"probe\" is forbidden: violates PodSecurity \"baseline:latest\": host namespaces (hostPID=true), privileged \
         (container \"agent\" must not set securityContext.privileged=true)"
    );
}

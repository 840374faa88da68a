//! A second user: a namespaced editor, held to what RBAC, Pod Security and KubeVirt's webhooks would hold him to.

use serde_json::{Value, json};

use super::rehearsal::Rehearsal;

const PODS: &str = "/api/v1/namespaces/shop/pods";
const VMIS: &str = "/apis/kubevirt.io/v1/namespaces/shop/virtualmachineinstances";

fn pod(name: &str, spec: &Value) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec});
    pod["spec"]["containers"] = json!([{"name": "c", "image": "example.com/any"}]);
    pod
}

#[test]
fn an_editor_has_his_namespace_and_nothing_else() {
    let rehearsal = Rehearsal::new();
    let tenant = rehearsal.practice.tenant("shop").unwrap();
    let editor = rehearsal.user(tenant.kubeconfig());
    editor.get(PODS).expect(200);
    editor.get("/api/v1/namespaces/shop").expect(200);
    editor.create(PODS, &pod("mine", &json!({}))).expect(201);
    editor.get("/api/v1/namespaces/kubevirt/pods").expect(403);
    let refused = editor.get("/api/v1/namespaces").expect(403);
    assert_eq!(
        refused.message(),
        "namespaces is forbidden: User \"editor-of-shop\" cannot list resource \"namespaces\" in API group \"\" at the cluster scope"
    );
    let label = json!({"metadata": {"labels": {"vmchaos.dev/debug-pods": "allowed"}}});
    editor.patch("/api/v1/namespaces/shop", &label).expect(403);
    let migrations = "/apis/kubevirt.io/v1/namespaces/shop/virtualmachineinstancemigrations";
    editor.get(migrations).expect(200);
    editor
        .create(migrations, &json!({"spec": {"vmiName": "x"}}))
        .expect(403);
    let as_admin = [("impersonate-user", "rehearsal-admin")];
    editor.send("GET", "/api/v1/nodes", &as_admin, "").expect(403);
    // A review answers the one who asks.
    let may = |namespace: &str| {
        let question =
            json!({"spec": {"resourceAttributes": {"verb": "create", "resource": "pods", "namespace": namespace}}});
        let answer = editor.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &question);
        answer.expect(201).body["status"]["allowed"].clone()
    };
    assert_eq!((may("shop"), may("kubevirt")), (json!(true), json!(false)));
    // What the rehearser has lost, the tenant keeps; what the tenant has not, the rehearser has.
    rehearsal.practice.allow_only(Vec::new());
    editor.get(PODS).expect(200);
    rehearsal.user(rehearsal.practice.kubeconfig()).get(PODS).expect(403);
}

#[test]
fn an_editors_pod_is_held_to_the_baseline() {
    let rehearsal = Rehearsal::new();
    let tenant = rehearsal.practice.tenant("shop").unwrap();
    let editor = rehearsal.user(tenant.kubeconfig());
    let refused = editor.create(PODS, &pod("root", &json!({"hostPID": true}))).expect(403);
    assert!(
        refused.message().contains("violates PodSecurity \"baseline:latest\""),
        "{refused:?}"
    );
}

#[test]
fn what_kubevirt_says_of_a_vmi_is_not_an_editors_to_change() {
    let rehearsal = Rehearsal::new();
    let vmi = rehearsal.practice.list("VirtualMachineInstance", "shop").remove(0);
    let tenant = rehearsal.practice.tenant("shop").unwrap();
    let editor = rehearsal.user(tenant.kubeconfig());
    let path = format!("{VMIS}/{}", vmi["metadata"]["name"].as_str().unwrap());
    // Undone without a word.
    let patched = editor.patch(
        &path,
        &json!({"status": {"nodeName": "elsewhere"}, "metadata": {"annotations": {"a": "1"}}}),
    );
    let patched = patched.expect(200).body;
    assert_eq!(patched["status"], vmi["status"]);
    assert_eq!(patched["metadata"]["annotations"]["a"], "1");
    let label = json!({"metadata": {"labels": {"kubevirt.io/nodeName": "elsewhere"}}});
    editor.patch(&path, &label).expect(422);
    editor
        .patch(&path, &json!({"spec": {"evictionStrategy": "None"}}))
        .expect(422);
}

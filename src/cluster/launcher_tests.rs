use serde_json::{Value, json};

use super::*;
use crate::cluster::launcher_images::LauncherImages;

const OWN: &str = "virt-launcher-testvm-h7kqz";

fn vmi_json() -> Value {
    serde_json::from_str(include_str!("../../tests/fixtures/kubevirt-1.9/vmi-running.json")).unwrap()
}

/// The launcher pod of the example VMI.
fn own() -> Value {
    serde_json::from_str(include_str!("../../tests/fixtures/kubevirt-1.9/pod-virt-launcher.json")).unwrap()
}

/// What a tenant can make of it: everything but the address is theirs to choose.
fn look_alike(change: impl FnOnce(&mut Value)) -> Value {
    let mut pod = own();
    pod["metadata"]["name"] = json!("look-alike");
    pod["metadata"]["uid"] = json!("00000000-0000-4000-8000-000000000001");
    // The newest does not win.
    pod["metadata"]["creationTimestamp"] = json!("2030-01-01T00:00:00Z");
    pod["status"]["podIP"] = json!("10.244.1.77");
    pod["status"]["podIPs"] = json!([{ "ip": "10.244.1.77" }]);
    change(&mut pod);
    pod
}

fn images() -> LauncherImages {
    let handler = json!({
        "metadata": { "name": "virt-handler-x", "labels": { "kubevirt.io": "virt-handler" } },
        "spec": { "nodeName": "node01", "containers": [],
                  "initContainers": [{ "name": "virt-launcher", "image": "quay.io/kubevirt/virt-launcher:v1.9.0" }] },
        "status": { "phase": "Running" },
    });
    LauncherImages::of("kubevirt", &[serde_json::from_value(handler).unwrap()]).unwrap()
}

fn chosen(vmi: &Value, pods: &[Value], images: Option<&LauncherImages>) -> Result<String, NoLauncher> {
    let pods: Vec<Pod> = pods
        .iter()
        .map(|pod| serde_json::from_value(pod.clone()).unwrap())
        .collect();
    let vmi: VirtualMachineInstance = serde_json::from_value(vmi.clone()).unwrap();
    let all: Vec<&Pod> = pods.iter().collect();
    let pod = active_pod(&vmi, &all, images)?;
    Ok(pod.metadata.name.clone().unwrap())
}

/// Why nothing is taken of these, the VMI being as it is.
fn refusal(pods: &[Value]) -> String {
    match chosen(&vmi_json(), pods, Some(&images())) {
        Err(NoLauncher::Doubtful(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn without_addresses() -> Value {
    let mut vmi = vmi_json();
    for interface in vmi["status"]["interfaces"].as_array_mut().unwrap() {
        interface["ipAddress"] = json!("");
        interface["ipAddresses"] = json!(null);
    }
    vmi
}

#[test]
fn pods_that_do_not_run_on_the_vmis_node_are_not_asked() {
    let changes: [fn(&mut Value); 3] = [
        |pod| pod["status"]["phase"] = json!("Succeeded"),
        |pod| pod["spec"]["nodeName"] = json!("node02"),
        |pod| pod["metadata"]["deletionTimestamp"] = json!("2026-08-20T10:00:00Z"),
    ];
    for change in changes {
        let mut pod = own();
        change(&mut pod);
        let none = chosen(&vmi_json(), &[pod.clone()], Some(&images())).unwrap_err();
        assert_eq!(
            none,
            NoLauncher::Missing("has no running virt-launcher pod on node node01".to_owned())
        );
        // Beside the guest's own they do not matter.
        assert_eq!(chosen(&vmi_json(), &[pod, own()], Some(&images())).unwrap(), OWN);
    }
}

#[test]
fn a_look_alike_beside_the_guests_own_pod_is_left_alone() {
    let changes: [fn(&mut Value); 4] = [
        // As virt-controller adopts it: only the address tells.
        |_| {},
        |pod| pod["metadata"]["ownerReferences"][0]["controller"] = json!(null),
        |pod| pod["spec"]["containers"][0]["image"] = json!("evil.example/root:1"),
        |pod| {
            pod["status"]["podIP"] = json!(null);
            pod["status"]["podIPs"] = json!(null);
        },
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let pods = [look_alike(change), own()];
        assert_eq!(chosen(&vmi_json(), &pods, Some(&images())).unwrap(), OWN, "{index}");
    }
}

#[test]
fn what_is_odd_about_a_pod_is_said() {
    let owner = |key: &str, value: Value| {
        let mut pod = own();
        pod["metadata"]["ownerReferences"][0][key] = value;
        pod
    };
    for pod in [
        owner("kind", json!("ConfigMap")),
        owner("controller", json!(null)),
        owner("controller", json!(false)),
        owner("apiVersion", json!("v1")),
        owner("apiVersion", json!("kubevirt.io.evil/v1")),
        owner("uid", json!("00000000-0000-4000-8000-000000000001")),
        owner("name", json!("other")),
    ] {
        assert_eq!(
            refusal(&[pod]),
            format!("has no launcher pod that is KubeVirt's: pod {OWN} is not controlled by the VMI (ownerReferences)")
        );
    }
    let mut patched = own();
    patched["spec"]["containers"][0]["image"] = json!("evil.example/virt-launcher:v1.9.0");
    assert_eq!(
        refusal(&[patched]),
        format!(
            "has no launcher pod that is KubeVirt's: pod {OWN} runs image evil.example/virt-launcher:v1.9.0, not \
             quay.io/kubevirt/virt-launcher"
        )
    );
    let mut bare = own();
    bare["spec"]["containers"][0]["name"] = json!("other");
    assert!(refusal(&[bare]).ends_with("has no container compute"));
    let both = refusal(&[look_alike(|pod| pod["metadata"]["ownerReferences"] = json!([]))]);
    assert!(
        both.ends_with(
            "pod look-alike is not controlled by the VMI (ownerReferences), and has address 10.244.1.77, not the VMI's \
             10.244.1.12"
        ),
        "{both}"
    );
}

#[test]
fn where_no_address_tells_two_alike_are_both_refused_and_named() {
    let pods = [
        own(),
        look_alike(|_| {}),
        look_alike(|pod| {
            pod["metadata"]["name"] = json!("third");
            pod["spec"]["containers"][0]["image"] = json!("evil.example/root:1");
        }),
    ];
    let Err(NoLauncher::Doubtful(why)) = chosen(&without_addresses(), &pods, Some(&images())) else {
        panic!("one was taken");
    };
    assert_eq!(
        why,
        format!(
            "has 2 pods that could be its launcher, and runs in one: pod {OWN} (image quay.io/kubevirt/virt-launcher:v1.9.0, \
             address 10.244.1.12); pod look-alike (image quay.io/kubevirt/virt-launcher:v1.9.0, address 10.244.1.77); \
             pod third runs image evil.example/root:1, not quay.io/kubevirt/virt-launcher"
        )
    );
    assert_eq!(chosen(&without_addresses(), &[own()], Some(&images())).unwrap(), OWN);
}

#[test]
fn a_vmi_with_secondary_networks_alone_is_not_judged_by_address() {
    let mut vmi = vmi_json();
    let interfaces = vmi["spec"]["domain"]["devices"]["interfaces"].as_array_mut().unwrap();
    interfaces.retain(|interface| interface["name"] == "blue");
    let networks = vmi["spec"]["networks"].as_array_mut().unwrap();
    networks.retain(|network| network["name"] == "blue");
    vmi["status"]["interfaces"][1]["ipAddress"] = json!("192.168.7.7");
    assert_eq!(chosen(&vmi, &[own()], Some(&images())).unwrap(), OWN);
}

#[test]
fn any_address_of_a_dual_stack_pod_will_do() {
    let mut vmi = vmi_json();
    vmi["status"]["interfaces"][0]["ipAddress"] = json!("fd00:0::12");
    vmi["status"]["interfaces"][0]["ipAddresses"] = json!(["fd00:0::12"]);
    let mut pod = own();
    pod["status"]["podIPs"] = json!([{ "ip": "10.244.1.12" }, { "ip": "fd00::12" }]);
    assert_eq!(chosen(&vmi, &[pod], Some(&images())).unwrap(), OWN);
}

#[test]
fn during_an_upgrade_the_old_image_of_the_same_repository_will_do() {
    let mut pod = own();
    pod["spec"]["containers"][0]["image"] = json!("quay.io/kubevirt/virt-launcher:v1.8.2");
    assert_eq!(chosen(&vmi_json(), &[pod], Some(&images())).unwrap(), OWN);
}

#[test]
fn without_kubevirts_image_the_owner_and_the_address_still_judge() {
    let pods = [look_alike(|_| {}), own()];
    assert_eq!(chosen(&vmi_json(), &pods, None).unwrap(), OWN);
    let patched = look_alike(|pod| pod["spec"]["containers"][0]["image"] = json!("evil.example/root:1"));
    assert!(chosen(&without_addresses(), &[patched, own()], None).is_err());
}

#[test]
fn during_a_migration_the_target_pod_is_not_taken_for_the_source() {
    let target: Value = serde_json::from_str(include_str!(
        "../../tests/fixtures/kubevirt-1.9/pod-virt-launcher-migration-target.json"
    ))
    .unwrap();
    let vmi = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let migrating = vmi(include_str!("../../tests/fixtures/kubevirt-1.9/vmi-migrating.json"));
    let pods = [target, own()];
    assert_eq!(chosen(&migrating, &pods, Some(&images())).unwrap(), OWN);
    let migrated = vmi(include_str!("../../tests/fixtures/kubevirt-1.9/vmi-migrated.json"));
    assert_eq!(
        chosen(&migrated, &pods, Some(&images())).unwrap(),
        "virt-launcher-testvm-n2lww"
    );
}

#[test]
fn a_status_that_still_has_the_address_of_before_a_migration_is_no_doubt_about_the_pod() {
    let mut vmi: Value =
        serde_json::from_str(include_str!("../../tests/fixtures/kubevirt-1.9/vmi-migrated.json")).unwrap();
    let text = include_str!("../../tests/fixtures/kubevirt-1.9/pod-virt-launcher-migration-target.json");
    let mut target: Value = serde_json::from_str(text).unwrap();
    target["spec"]["nodeName"] = vmi["status"]["nodeName"].clone();
    target["status"]["phase"] = json!("Running");
    target["metadata"]["name"] = vmi["status"]["migrationState"]["targetPod"].clone();
    let mut source = own();
    source["status"]["phase"] = json!("Succeeded");
    let old = json!("10.244.0.5");
    source["status"]["podIP"] = old.clone();
    source["status"]["podIPs"] = json!([{ "ip": old }]);
    vmi["status"]["interfaces"][0]["ipAddress"] = old.clone();
    vmi["status"]["interfaces"][0]["ipAddresses"] = json!([old]);
    let pods = [source, target.clone()];
    let none = chosen(&vmi, &pods, Some(&images())).unwrap_err();
    let name = target["metadata"]["name"].as_str().unwrap();
    assert_eq!(
        none.reason(),
        format!("has just been migrated to pod {name}, and its status still has the address of the pod it came from")
    );
    let typed: VirtualMachineInstance = serde_json::from_value(vmi.clone()).unwrap();
    assert_eq!(
        none.look(&typed).to_string(),
        "KubeVirt writes the new one within seconds; repeat this once it is there: kubectl get vmi -n default testvm -o wide"
    );
    // An address that is neither's is still odd, and so is a migration that failed.
    let doubtful = |vmi: &Value| matches!(chosen(vmi, &pods, Some(&images())), Err(NoLauncher::Doubtful(_)));
    let mut failed = vmi.clone();
    failed["status"]["migrationState"]["failed"] = json!(true);
    assert!(doubtful(&failed));
    vmi["status"]["interfaces"][0]["ipAddress"] = json!("10.244.9.9");
    vmi["status"]["interfaces"][0]["ipAddresses"] = json!(["10.244.9.9"]);
    assert!(doubtful(&vmi));
}

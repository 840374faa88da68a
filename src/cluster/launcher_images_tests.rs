use serde_json::{Value, json};

use super::*;

fn handler(node: &str, image: &str) -> Value {
    json!({
        "metadata": { "name": format!("virt-handler-{node}"), "labels": { "kubevirt.io": "virt-handler" },
                      "creationTimestamp": "2026-08-20T09:00:00Z" },
        "spec": {
            "nodeName": node, "imagePullSecrets": [{ "name": "registry" }],
            "initContainers": [{ "name": "virt-launcher", "image": image }],
            "containers": [{ "name": "virt-handler", "image": "reg/virt-handler:v1" }],
        },
        "status": { "phase": "Running" },
    })
}

fn controller(args: &Value) -> Value {
    json!({
        "metadata": { "name": "virt-controller-x", "labels": { "kubevirt.io": "virt-controller" },
                      "creationTimestamp": "2026-08-20T09:00:00Z" },
        "spec": { "nodeName": "n1", "containers": [{ "name": "virt-controller", "image": "reg/virt-controller:v1",
                  "command": ["virt-controller"], "args": args }] },
        "status": { "phase": "Running" },
    })
}

fn of(pods: &[Value]) -> Option<LauncherImages> {
    let pods: Vec<Pod> = pods
        .iter()
        .map(|pod| serde_json::from_value(pod.clone()).unwrap())
        .collect();
    LauncherImages::of("kubevirt", &pods)
}

fn chosen(pods: &[Value], node: &str) -> AgentImage {
    let images = of(pods).ok_or_else(|| ClusterError::new(ErrorKind::NotFound, "none"));
    LauncherImages::choose(None, &images).unwrap().on(node).clone()
}

#[test]
fn a_nodes_own_virt_handler_goes_before_virt_controller() {
    let pods = [
        handler("n1", "reg/virt-launcher:v1"),
        controller(&json!(["--launcher-image", "reg/virt-launcher:v2", "--port", "8443"])),
    ];
    let here = chosen(&pods, "n1");
    assert_eq!(here.image(), "reg/virt-launcher:v1");
    assert_eq!(here.source(), &ImageSource::VirtHandler("kubevirt".to_owned()));
    assert_eq!(here.pull_secrets("kubevirt"), ["registry"]);
    let there = chosen(&pods, "n2");
    assert_eq!(there.image(), "reg/virt-launcher:v2");
    assert_eq!(there.source(), &ImageSource::VirtController("kubevirt".to_owned()));
}

#[test]
fn without_virt_controllers_argument_any_virt_handler_will_do() {
    let pods = [
        handler("n1", "reg/virt-launcher:v1"),
        controller(&json!(["--port", "8443"])),
    ];
    assert_eq!(chosen(&pods, "n2").image(), "reg/virt-launcher:v1");
}

#[test]
fn the_argument_in_both_spellings_and_no_other() {
    for args in [
        json!(["--launcher-image=reg/l:v1"]),
        json!(["-v", "2", "--launcher-image", "reg/l:v1"]),
    ] {
        assert_eq!(chosen(&[controller(&args)], "n1").image(), "reg/l:v1", "{args}");
    }
    for args in [
        json!(["--launcher-image-pull", "reg/l:v1"]),
        json!(["--launcher-image"]),
        json!(["--launcher-image", "reg/l:v1\n--privileged"]),
        json!(["--launcher-image="]),
    ] {
        assert_eq!(of(&[controller(&args)]), None, "{args}");
    }
}

#[test]
fn pods_that_go_or_have_not_started_their_init_container_say_nothing() {
    let mut waiting = handler("n1", "reg/virt-launcher:v1");
    waiting["status"]["phase"] = json!("Pending");
    let mut going = handler("n1", "reg/virt-launcher:v1");
    going["metadata"]["deletionTimestamp"] = json!("2026-08-20T10:00:00Z");
    assert_eq!(of(&[waiting, going]), None);
}

#[test]
fn other_pods_of_the_namespace_say_nothing() {
    let mut stranger = handler("n1", "evil.example/x:1");
    stranger["metadata"]["labels"] = json!({ "kubevirt.io": "virt-launcher" });
    assert_eq!(of(&[stranger]), None);
}

#[test]
fn what_the_operator_names_goes_before_kubevirts() {
    let images = Ok(of(&[handler("n1", "reg/virt-launcher:v1")]).unwrap());
    let named = AgentImage::new("mine:v1", ImageSource::Flag);
    let chosen = LauncherImages::choose(Some(named.clone()), &images).unwrap();
    assert_eq!(chosen.on("n1"), &named);
    let unknown = Err(ClusterError::new(ErrorKind::Forbidden, "no").hint("--image"));
    assert_eq!(
        LauncherImages::choose(Some(named.clone()), &unknown).unwrap().on("n1"),
        &named
    );
    assert_eq!(LauncherImages::choose(None, &unknown).unwrap_err().message, "no");
}

#[test]
fn the_image_is_taken_by_digest_where_that_can_be_found_again() {
    let digest = "a".repeat(64);
    let image = |spec: &str, id: &str| {
        let mut pod = handler("n1", spec);
        pod["status"]["initContainerStatuses"] = json!([{ "name": "virt-launcher", "imageID": id, "image": spec,
            "ready": true, "restartCount": 0 }]);
        chosen(&[pod], "n1").image().to_owned()
    };
    let pulled = format!("quay.io/kubevirt/virt-launcher@sha256:{digest}");
    assert_eq!(image("quay.io/kubevirt/virt-launcher:v1.9.0", &pulled), pulled);
    assert_eq!(
        image(
            "quay.io/kubevirt/virt-launcher:v1.9.0",
            &format!("docker-pullable://{pulled}")
        ),
        pulled
    );
    let local = format!("reg:5000/launcher@sha256:{digest}");
    assert_eq!(image("reg:5000/launcher", &local), local);
    for id in [
        format!("sha256:{digest}"),
        format!("docker.io/library/import@sha256:{digest}"),
        String::new(),
    ] {
        assert_eq!(image("reg:5000/launcher:v1", &id), "reg:5000/launcher:v1");
    }
}

#[test]
fn a_launcher_may_be_older_but_of_no_other_repository() {
    let images = of(&[handler("n1", "reg:5000/virt-launcher:v2")]).unwrap();
    let digest = format!("reg:5000/virt-launcher@sha256:{}", "b".repeat(64));
    for own in ["reg:5000/virt-launcher:v1", "reg:5000/virt-launcher:v2", &digest] {
        assert!(images.is_a_launchers(own), "{own}");
    }
    for other in [
        "evil.example/virt-launcher:v2",
        "reg:5000/virt-launcher-x:v2",
        "virt-launcher:v2",
        "",
    ] {
        assert!(!images.is_a_launchers(other), "{other}");
    }
}

//! Which image runs privileged: nothing a tenant can write decides it.

use serde_json::json;

use super::attack::{Attack, BY_DIGEST, CHECK, EVIL, HALT, KILL, NETEM};

#[test]
fn a_sweep_does_not_run_what_the_pod_it_looks_after_ran() {
    let attack = Attack::new();
    let vm = attack.vmi();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "vmchaos-k3f9ab-0", "namespace": "kubevirt",
            "labels": { "app.kubernetes.io/managed-by": "kubectl-vmchaos", "vmchaos.dev/run": "k3f9ab", "vmchaos.dev/fault": "netem" },
            "annotations": { "vmchaos.dev/targets": "shop/shop-web-1" },
        },
        "spec": { "nodeName": vm["status"]["nodeName"], "containers": [{ "name": "agent", "image": EVIL }] },
        "status": { "phase": "Failed", "containerStatuses": [{
            "name": "agent", "image": EVIL, "imageID": "", "ready": false, "restartCount": 0,
            "state": { "terminated": { "exitCode": 137, "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:01:00Z" } },
        }] },
    });
    attack.rehearsal.practice.put(pod).unwrap();
    let halted = attack.run(&["halt", "k3f9ab", "-o", "json"]).expect(0);
    assert!(
        halted.out.contains("nothing of this program is there"),
        "{}",
        halted.out
    );
    assert_eq!(attack.privileged().len(), 1, "it was looked into");
}

#[test]
fn only_the_namespace_of_the_kubevirt_object_is_asked() {
    let attack = Attack::new();
    let practice = &attack.rehearsal.practice;
    // KubeVirt is elsewhere; whoever owns a namespace of its usual name has a virt-handler there.
    let mut object = practice.get("KubeVirt", "kubevirt", "kubevirt").unwrap();
    practice.remove("KubeVirt", "kubevirt", "kubevirt");
    object["metadata"]["namespace"] = "virtualization".into();
    practice
        .put(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "virtualization" } }))
        .unwrap();
    practice.put(object).unwrap();
    let handlers = practice.list("Pod", "kubevirt");
    let handlers = handlers
        .iter()
        .filter(|pod| pod["metadata"]["labels"]["kubevirt.io"] == "virt-handler");
    for handler in handlers {
        let mut real = handler.clone();
        real["metadata"]["namespace"] = "virtualization".into();
        practice.put(real).unwrap();
        let name = handler["metadata"]["name"].as_str().unwrap();
        practice.edit("Pod", "kubevirt", name, |pod| {
            pod["spec"]["initContainers"][0]["image"] = EVIL.into();
        });
    }
    attack.run(NETEM).expect(0);
    assert_eq!(attack.privileged().len(), 1);
    // Where the object may not be read, nothing is guessed from names.
    practice.forbid("list", "kubevirt.io", "kubevirts", "", "*");
    let netem = attack.run(NETEM).expect(4);
    assert_eq!(netem.json()["error"]["reason"], "image");
    netem.says(&[
        "the image for debug pods is not known",
        "cannot list resource \"kubevirts\"",
        "name an image with --image, or with `image` in the config file",
        "kubectl vmchaos check",
    ]);
    attack
        .run(KILL)
        .expect(4)
        .says(&["the image for debug pods is not known"]);
    attack
        .run(HALT)
        .expect(3)
        .says(&["the image for debug pods is not known", "--image"]);
    let checked = attack.run(CHECK).expect(1);
    assert!(checked.out.contains("name an image with --image"), "{}", checked.out);
}

#[test]
fn the_operators_image_goes_before_kubevirts_and_is_shown_with_its_source() {
    let attack = Attack::new();
    let rehearsal = &attack.rehearsal;
    let planned = |more: &[&str]| {
        let ended = rehearsal.run(&[NETEM, &["--dry-run"], more].concat()).expect(0);
        let entry = ended.json()["plan"][0].clone();
        let line = ended
            .err
            .lines()
            .find(|line| line.trim_start().starts_with("image "))
            .unwrap()
            .trim()
            .to_owned();
        (entry["image"].clone(), entry["imageSource"].clone(), line)
    };
    assert_eq!(
        planned(&[]),
        (
            json!(BY_DIGEST),
            json!("virt-handler"),
            format!("image      {BY_DIGEST} (from KubeVirt's virt-handler in namespace kubevirt)")
        )
    );
    let file = rehearsal.configure("image: tools.example/net:v1\n");
    let line = format!("image      tools.example/net:v1 (from `image` in {})", file.display());
    assert_eq!(planned(&[]), (json!("tools.example/net:v1"), json!("config"), line));
    let line = "image      mine:v2 (from --image)".to_owned();
    assert_eq!(
        planned(&["--image", "mine:v2"]),
        (json!("mine:v2"), json!("flag"), line)
    );
    rehearsal.configure("image: 'not an image'\n");
    rehearsal
        .run(NETEM)
        .expect(4)
        .says(&["config.yaml", "not a container image"]);
    rehearsal.configure("images: mine:v2\n");
    rehearsal.run(NETEM).expect(4).says(&["config.yaml", "images"]);
}

#[test]
fn the_pod_and_the_plan_say_where_it_runs_and_as_whom() {
    let attack = Attack::new();
    let practice = &attack.rehearsal.practice;
    let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "chaos", "namespace": "kubevirt" } });
    practice.put(account).unwrap();
    practice.pod_never_starts(attack.vmi()["status"]["nodeName"].as_str().unwrap());
    let mut run = attack
        .rehearsal
        .spawn(&[NETEM, &["--service-account", "chaos"]].concat());
    attack
        .rehearsal
        .until("there is a debug pod", |rehearsal| !rehearsal.debug_pods().is_empty());
    let pod = attack.rehearsal.debug_pod();
    assert_eq!(
        pod["metadata"]["annotations"]["vmchaos.dev/runs"],
        format!(
            "{BY_DIGEST} (from KubeVirt's virt-handler in namespace kubevirt), in namespace kubevirt as service account chaos"
        )
    );
    run.signal("INT");
    let ended = run
        .end()
        .expect(130)
        .says(&["in namespace kubevirt as service account chaos"]);
    assert_eq!(ended.json()["plan"][0]["serviceAccount"], "chaos");
}

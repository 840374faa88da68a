//! Which pod counts as a VM's launcher: none that a tenant made or changed.

use serde_json::{Value, json};

use super::attack::{Attack, EVIL, OWN, is_own};

fn adopted() -> Value {
    json!({ "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "controller": true })
}

#[test]
fn a_look_alike_with_the_labels_of_a_launcher_is_left_alone() {
    let attack = Attack::new();
    attack.look_alike_beside(&json!({ "apiVersion": "v1", "kind": "ConfigMap" }));
    attack.goes_on();
}

#[test]
fn a_look_alike_that_virt_controller_would_adopt_is_left_alone() {
    let attack = Attack::new();
    attack.look_alike_beside(&adopted());
    attack.goes_on();
}

#[test]
fn a_look_alike_with_kubevirts_own_image_is_told_by_its_address() {
    let attack = Attack::new();
    attack.look_alike("look-alike", &attack.vmi()["status"]["nodeName"], &adopted(), OWN);
    attack.goes_on();
}

#[test]
fn a_patched_image_of_the_real_launcher_runs_nowhere_else() {
    let attack = Attack::new();
    attack.patch_launcher();
    let name = attack.launchers_name();
    attack.is_refused(&[
        "has no launcher pod that is KubeVirt's",
        &format!("pod {name} runs image {EVIL}, not quay.io/kubevirt/virt-launcher"),
    ]);
}

#[test]
fn where_nothing_tells_two_pods_apart_both_are_named() {
    let attack = Attack::new();
    attack.look_alike("look-alike", &attack.vmi()["status"]["nodeName"], &adopted(), OWN);
    attack.look_alike("third", &attack.vmi()["status"]["nodeName"], &adopted(), EVIL);
    // As before virt-handler's first report.
    let practice = &attack.rehearsal.practice;
    practice.edit("VirtualMachineInstance", "shop", "shop-web-1", |vmi| {
        vmi["status"]["interfaces"][0]["ipAddress"] = Value::Null;
        vmi["status"]["interfaces"][0]["ipAddresses"] = Value::Null;
    });
    let name = attack.launchers_name();
    attack.is_refused(&[
        "has 2 pods that could be its launcher",
        &format!("pod {name} (image {OWN}"),
        &format!("pod look-alike (image {OWN}"),
        &format!("pod third runs image {EVIL}"),
    ]);
}

#[test]
fn a_fault_that_follows_a_vm_finds_the_vms_own_pod() {
    let attack = Attack::new();
    let here = attack.vmi()["status"]["nodeName"].clone();
    let there = if here == "node-2" { "node-3" } else { "node-2" };
    let fault = [
        "netem",
        "vmi/shop-web-1/shop",
        "--latency",
        "10ms",
        "--duration",
        "10m",
        "-y",
        "-o",
        "json",
    ];
    let mut run = attack.rehearsal.spawn(&fault);
    run.wait_for("injected on");
    let (practice, runtime) = (&attack.rehearsal.practice, &attack.rehearsal.runtime);
    practice.stick_migrations("shop", "shop-web-1", Some("Running"));
    std::thread::scope(|scope| {
        let migration = scope.spawn(|| runtime.block_on(practice.migrate("shop", "shop-web-1", Some(there))));
        attack.rehearsal.until("the target's launcher runs", |rehearsal| {
            let pods = rehearsal.practice.list("Pod", "shop");
            pods.iter().any(|pod| {
                pod["metadata"]["generateName"] == "virt-launcher-shop-web-1-"
                    && pod["spec"]["nodeName"] == there
                    && pod["status"]["phase"] == "Running"
            })
        });
        // The newest there, and the last in any order.
        attack.look_alike("zz-look-alike", &there.into(), &adopted(), EVIL);
        practice.stick_migrations("shop", "shop-web-1", None);
        migration.join().unwrap().unwrap();
    });
    run.wait_for(&format!("injected on {there}"));
    let pods = attack.rehearsal.practice.list("Pod", "");
    let there = |pod: &&Value| pod["spec"]["nodeName"] == there;
    let own = |pod: &&Value| pod["metadata"]["generateName"] == "virt-launcher-shop-web-1-";
    let own = pods.iter().filter(there).find(own).unwrap();
    let own = own["metadata"]["uid"].as_str().unwrap();
    let mut agents = pods.iter().filter(|pod| pod["spec"]["hostPID"] == true);
    let agent = agents.find(there).unwrap();
    let plan = agent["spec"]["containers"][0]["env"].to_string();
    assert!(plan.contains(own), "{own} is not in {plan}");
    run.signal("INT").wait_for("restored");
    run.end().expect(130);
    assert!(
        attack.privileged().iter().all(|image| is_own(image)),
        "{:?}",
        attack.privileged()
    );
}

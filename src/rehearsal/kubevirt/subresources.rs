//! `subresources.kubevirt.io`: start, stop, restart and migrate a VM; pause, unpause and reset a VMI. Codes and sentences are
//! those of KubeVirt 1.6, `pkg/virt-api/rest/lifecycle.go`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{launcher, release, run_strategy, vmi, vmi_life};
use crate::{
    api::{
        call::Call,
        resources::{PODS, Resource, VMIMS, VMIS, VMS},
        status_error::{ApiError, ApiResult},
    },
    cluster::Cluster,
    http::reply::{self, Reply},
    json as fields,
};

/// virt-api names its kinds in the singular.
const VM: Resource = Resource {
    plural: "virtualmachine",
    ..VMS
};
const VMI: Resource = Resource {
    plural: "virtualmachineinstance",
    ..VMIS
};

/// From the answer to a pause, or the end of one, until the VMI says so.
const PAUSE_SHOWS_AFTER: Duration = Duration::from_millis(200);

/// Answers a `PUT` to a subresource, without a body.
pub(crate) fn answer(cluster: &Arc<Cluster>, call: &Call) -> ApiResult<Reply> {
    let options = call.options()?;
    let dry_run = call.dry_run(&options)?;
    let code = if call.resource.plural == VMIS.plural {
        on_vmi(cluster, call, dry_run)?;
        200
    } else {
        on_vm(cluster, call, &options, dry_run)?;
        202
    };
    Ok(reply::typed(code, "application/json", ""))
}

fn on_vmi(cluster: &Arc<Cluster>, call: &Call, dry_run: bool) -> ApiResult<()> {
    let (namespace, name) = (call.namespace.as_str(), call.name.as_str());
    if call.sub == "reset" && !release::resets(cluster) {
        return Err(ApiError::text(404, "404: Page Not Found"));
    }
    let vmi = cluster
        .get(&VMIS, namespace, name)
        .ok_or_else(|| ApiError::not_found(&VMI, name))?;
    let refuse = |why: &str| Err(ApiError::conflict(&VMI, name, why));
    let paused = vmi::is(&vmi, "Paused");
    if fields::text(&vmi, "/status/phase") != "Running" {
        return refuse(if call.sub == "pause" {
            "VM is not running"
        } else {
            "VMI is not running"
        });
    }
    if call.sub == "pause" && fields::present(&vmi, "/spec/livenessProbe") {
        let why = "Pausing VMIs with LivenessProbe is currently not supported";
        return Err(ApiError::forbidden(&VMI, name, why));
    }
    let paused_after = match call.sub.as_str() {
        "pause" if paused => return refuse("VMI is already paused"),
        "unpause" if !paused => return refuse("VMI is not paused"),
        "pause" => true,
        "unpause" => false,
        // A reset guest boots again in the same VMI.
        "reset" | "softreboot" if dry_run => return Ok(()),
        "reset" | "softreboot" => {
            let (reason, message) = if call.sub == "reset" {
                ("Reset", "VirtualMachineInstance reset")
            } else {
                ("SoftRebooted", "VirtualMachineInstance soft rebooted")
            };
            cluster.event(&vmi, "Normal", reason, message, "virt-handler");
            drop(tokio::spawn(vmi_life::reboot(Arc::clone(cluster), vmi)));
            return Ok(());
        }
        other => {
            return Err(ApiError::new(
                501,
                "NotImplemented",
                format!("the practice cluster knows no {other}"),
            ));
        }
    };
    if dry_run {
        return Ok(());
    }
    // virt-handler says what became of it a moment after virt-api has answered.
    let (cluster, namespace, name) = (Arc::clone(cluster), namespace.to_owned(), name.to_owned());
    drop(tokio::spawn(async move {
        tokio::time::sleep(PAUSE_SHOWS_AFTER).await;
        super::pause(&cluster, &namespace, &name, paused_after);
    }));
    Ok(())
}

fn on_vm(cluster: &Arc<Cluster>, call: &Call, options: &Value, dry_run: bool) -> ApiResult<()> {
    let (namespace, name) = (call.namespace.as_str(), call.name.as_str());
    let vm = cluster
        .get(&VMS, namespace, name)
        .ok_or_else(|| ApiError::not_found(&VM, name))?;
    let vmi = cluster.get(&VMIS, namespace, name);
    let strategy = run_strategy::of(&vm).to_owned();
    let phase = vmi.as_ref().map(|vmi| fields::text(vmi, "/status/phase").to_owned());
    let running = vmi.as_ref().is_some_and(|vmi| !vmi::is_final(vmi));
    let refuse = |why: String| Err(ApiError::conflict(&VM, name, &why));
    // Whether a stop changes the run strategy, and is not a request that its status keeps.
    let halts = matches!(strategy.as_str(), "Always" | "Once")
        || strategy == "RerunOnFailure" && release::reruns_deleted(cluster);
    match call.sub.as_str() {
        "start" if running && phase.as_deref().is_some_and(|phase| !phase.is_empty()) => {
            return refuse("VM is already running".to_owned());
        }
        "start" if strategy == "Once" || strategy == "Always" => {
            return refuse(format!("{strategy} does not support manual start requests"));
        }
        "start" if strategy == "RerunOnFailure" && phase.as_deref() == Some("Failed") => {
            return refuse(format!("{strategy} does not support starting VM from failed state"));
        }
        "stop" if !running && !halts => {
            return refuse("VM is not running".to_owned());
        }
        "stop" if strategy == "Halted" && !is_shorter(options, vmi.as_deref()) => {
            return refuse(format!(
                "{strategy} only supports manual stop requests with a shorter graceperiod"
            ));
        }
        "restart" if matches!(strategy.as_str(), "Halted" | "Once") => {
            return refuse(format!(
                "RunStategy {strategy} does not support manual restart requests"
            ));
        }
        "restart" if vmi.is_none() => return refuse("VM is not running: Halted".to_owned()),
        "migrate" if vmi.is_none() => return Err(ApiError::not_found(&VMI, name)),
        "migrate" if phase.as_deref() != Some("Running") => return refuse("VM is not running".to_owned()),
        _ if dry_run => return Ok(()),
        "start" if strategy == "Halted" => set_running(cluster, namespace, name, true),
        "start" => run_strategy::request(cluster, namespace, name, &["Start"]),
        "stop" => {
            if let (Some(grace), Some(vmi)) = (options.pointer("/gracePeriod").and_then(Value::as_u64), &vmi) {
                set_grace(cluster, vmi, grace);
            }
            if halts {
                set_running(cluster, namespace, name, false);
            } else {
                run_strategy::request(cluster, namespace, name, &["Stop"]);
            }
        }
        "restart" => run_strategy::request(cluster, namespace, name, &["Stop", "Start"]),
        _ => {
            let mut migration = json!({"metadata": {"generateName": "kubevirt-migrate-vm-", "namespace": namespace}, "spec": {"vmiName": name}});
            super::admission::on_create(cluster, &VMIMS, &mut migration)
                .map_err(|refused| ApiError::internal(&refused))?;
            cluster.create(&VMIMS, namespace, migration)?;
        }
    }
    run_strategy::reconcile(cluster, namespace, name);
    Ok(())
}

/// In the field the VM has: the deprecated `running`, or `runStrategy`, whatever that was before.
fn set_running(cluster: &Cluster, namespace: &str, name: &str, running: bool) {
    cluster.edit(&VMS, namespace, name, |vm: &mut Value| {
        if fields::present(vm, "/spec/running") {
            fields::set(vm, "/spec/running", running);
        } else {
            fields::set(vm, "/spec/runStrategy", if running { "Always" } else { "Halted" });
        }
    });
}

/// Whether a stop gives the guest less time than it has anyway.
fn is_shorter(options: &Value, vmi: Option<&Value>) -> bool {
    let asked = options.pointer("/gracePeriod").and_then(Value::as_u64);
    let has = vmi.and_then(|vmi| vmi.pointer("/spec/terminationGracePeriodSeconds"));
    asked.is_some_and(|asked| has.and_then(Value::as_u64).is_none_or(|has| asked < has))
}

/// How long this guest has to shut down.
fn set_grace(cluster: &Cluster, vmi: &Value, grace: u64) {
    let namespace = fields::text(vmi, "/metadata/namespace");
    let period = "/spec/terminationGracePeriodSeconds";
    cluster.edit(&VMIS, namespace, fields::text(vmi, "/metadata/name"), |vmi| {
        fields::set(vmi, period, grace);
    });
    for pod in launcher::of(cluster, vmi) {
        cluster.edit(&PODS, namespace, fields::text(&pod, "/metadata/name"), |pod| {
            fields::set(pod, period, grace);
        });
    }
}

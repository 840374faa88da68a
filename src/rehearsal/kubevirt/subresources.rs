//! `subresources.kubevirt.io`: start, stop, restart and migrate a VM; pause, unpause and reset a VMI.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{launcher, run_strategy, vmi, vmi_life};
use crate::{
    api::{
        call::Call,
        resources::{PODS, VMIMS, VMIS, VMS},
        status_error::{ApiError, ApiResult},
    },
    cluster::Cluster,
    http::reply::{self, Reply},
    json as fields,
};

/// Answers a `PUT` to a subresource: 202 without a body, as virt-api does.
pub(crate) fn answer(cluster: &Arc<Cluster>, call: &Call) -> ApiResult<Reply> {
    let options = call.options()?;
    let dry_run = call.dry_run(&options)?;
    if call.resource.plural == "virtualmachineinstances" {
        on_vmi(cluster, call, dry_run)?;
    } else {
        on_vm(cluster, call, &options, dry_run)?;
    }
    Ok(reply::typed(202, "application/json", ""))
}

fn conflict(message: &str) -> ApiError {
    ApiError::new(409, "Conflict", message)
}

fn on_vmi(cluster: &Arc<Cluster>, call: &Call, dry_run: bool) -> ApiResult<()> {
    let (namespace, name) = (call.namespace.as_str(), call.name.as_str());
    let vmi = cluster
        .get(&VMIS, namespace, name)
        .ok_or_else(|| ApiError::not_found(&VMIS, name))?;
    let refuse = |why: &str| Err(ApiError::conflict(&VMIS, name, why));
    let paused = vmi::is(&vmi, "Paused");
    if fields::text(&vmi, "/status/phase") != "Running" {
        return refuse("VM is not running");
    }
    let paused_after = match call.sub.as_str() {
        "pause" if paused => return refuse("VMI is already paused"),
        "unpause" if !paused => return refuse("VMI is not paused"),
        "pause" => true,
        "unpause" => false,
        // A reset guest boots again in the same VMI.
        "reset" if dry_run => return Ok(()),
        "reset" => {
            cluster.event(&vmi, "Normal", "Reset", "Guest was reset", "virt-handler");
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
    let probed = fields::present(&vmi, "/spec/livenessProbe");
    if call.sub == "pause" && probed {
        return Err(ApiError::new(
            403,
            "Forbidden",
            "Pausing VMIs with LivenessProbe is currently not supported",
        ));
    }
    if dry_run {
        return Ok(());
    }
    super::pause(cluster, namespace, name, paused_after);
    Ok(())
}

fn on_vm(cluster: &Arc<Cluster>, call: &Call, options: &Value, dry_run: bool) -> ApiResult<()> {
    let (namespace, name) = (call.namespace.as_str(), call.name.as_str());
    let vm = cluster
        .get(&VMS, namespace, name)
        .ok_or_else(|| ApiError::not_found(&VMS, name))?;
    let vmi = cluster.get(&VMIS, namespace, name);
    let strategy = run_strategy::of(&vm).to_owned();
    let running = vmi.as_ref().is_some_and(|vmi| !vmi::is_final(vmi));
    let refuse = |why: String| {
        Err(conflict(&format!(
            "Operation cannot be fulfilled on virtualmachine.kubevirt.io \"{name}\": {why}"
        )))
    };
    match call.sub.as_str() {
        "start" if running => return refuse("VM is already running".to_owned()),
        "start" if strategy == "Once" || strategy == "Always" => {
            return refuse(format!("{strategy} does not support manual start requests"));
        }
        "stop" | "restart" if !running && strategy != "Always" => return refuse("VM is not running".to_owned()),
        "restart" if matches!(strategy.as_str(), "Halted" | "Once") => {
            return refuse(format!(
                "RunStategy {strategy} does not support manual restart requests"
            ));
        }
        "migrate"
            if vmi
                .as_ref()
                .is_none_or(|vmi| fields::text(vmi, "/status/phase") != "Running") =>
        {
            return refuse("VM is not running".to_owned());
        }
        _ if dry_run => return Ok(()),
        "start" if strategy == "Halted" => set_running(cluster, namespace, name, true),
        "start" => run_strategy::request(cluster, namespace, name, &["Start"]),
        "stop" => {
            if let (Some(grace), Some(vmi)) = (options.pointer("/gracePeriod").and_then(Value::as_u64), &vmi) {
                set_grace(cluster, vmi, grace);
            }
            if matches!(strategy.as_str(), "Always" | "Once") {
                set_running(cluster, namespace, name, false);
            } else {
                run_strategy::request(cluster, namespace, name, &["Stop"]);
            }
        }
        "restart" => run_strategy::request(cluster, namespace, name, &["Stop", "Start"]),
        _ => {
            let mut migration = json!({"metadata": {"generateName": "kubevirt-migrate-vm-", "namespace": namespace}, "spec": {"vmiName": name}});
            super::admission::on_create(cluster, &VMIMS, &mut migration)?;
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

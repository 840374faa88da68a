//! Attach and logs, with the agent's real script behind them: the wire of a fault from its start to every kind of end.

mod refused;

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    api::{AttachParams, AttachedProcess, DeleteParams, LogParams, PostParams},
};
use kubectl_vmchaos::testing::node::script::SCRIPT;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines, ReadHalf, SimplexStream, WriteHalf},
    time::{sleep, timeout},
};
use vmchaos_rehearsal::{AgentKind, Options, Practice, host::Signal};

use super::support::{PATIENCE, client, cluster, cluster_with, object};

const POD: &str = "vmchaos-abc123-node-1";

/// A debug pod for `web-1` with a fault of that many seconds.
fn debug_pod(practice: &Practice, seconds: u32) -> Pod {
    let launcher = practice.launcher("default", "web-1").unwrap();
    let uid = launcher["metadata"]["uid"].as_str().unwrap();
    let plan = format!(
        "vm 0 {uid} -\nhold 0 {seconds}\ntap 0 tap0 k6t-eth0\nneed 0 sch_netem\nown 0 qdisc tap0 7a31:\n\
         apply 0 tc qdisc add dev tap0 root handle 7a31: netem limit 1000 delay 100ms\nundo 0 tc qdisc del dev tap0 root handle 7a31:\n"
    );
    object(json!({
        "metadata": {"name": POD, "labels": {"app.kubernetes.io/managed-by": "kubectl-vmchaos"}},
        "spec": {
            "nodeName": launcher["spec"]["nodeName"], "restartPolicy": "Never", "terminationGracePeriodSeconds": 5,
            "containers": [{
                "name": "agent", "image": "quay.io/kubevirt/virt-launcher:v1.9.0", "stdin": true, "stdinOnce": true,
                "command": ["sh", "-c", SCRIPT.replace('$', "$$"), "vmchaos-agent"],
                "env": [{"name": "VMCHAOS_RUN", "value": "abc123"}, {"name": "VMCHAOS_PLAN", "value": plan}],
            }],
        },
    }))
}

/// One client at the agent.
struct Wire {
    attached: AttachedProcess,
    stdin: Option<WriteHalf<SimplexStream>>,
    events: Lines<BufReader<ReadHalf<SimplexStream>>>,
}

impl Wire {
    /// Attaches as soon as it works.
    async fn open(client: &Client) -> Self {
        let pods: Api<Pod> = Api::default_namespaced(client.clone());
        let params = AttachParams::default()
            .stdin(true)
            .stdout(true)
            .stderr(false)
            .container("agent");
        let attach = async {
            loop {
                match pods.attach(POD, &params).await {
                    Ok(attached) => return attached,
                    Err(_) => sleep(Duration::from_millis(20)).await,
                }
            }
        };
        let mut attached = timeout(PATIENCE, attach).await.unwrap();
        let (stdin, stdout) = (attached.stdin(), attached.stdout().unwrap());
        Self {
            attached,
            stdin,
            events: BufReader::new(stdout).lines(),
        }
    }

    async fn say(&mut self, word: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(format!("{word}\n").as_bytes()).await.unwrap();
        stdin.flush().await.unwrap();
    }

    /// The next event of that kind, past others; `None` when the stream ends first.
    async fn event(&mut self, kind: &str) -> Option<Value> {
        let next = async {
            while let Ok(Some(line)) = self.events.next_line().await {
                let event: Value = serde_json::from_str(&line).unwrap();
                assert!(
                    !matches!(event["ev"].as_str(), Some("refused" | "failed" | "leaked")),
                    "{line}"
                );
                if event["ev"] == kind {
                    return Some(event);
                }
            }
            None
        };
        timeout(PATIENCE, next).await.unwrap()
    }

    /// From the pod to the fault.
    async fn inject(practice: &Practice, client: &Client, seconds: u32) -> Self {
        let pods: Api<Pod> = Api::default_namespaced(client.clone());
        pods.create(&PostParams::default(), &debug_pod(practice, seconds))
            .await
            .unwrap();
        let mut wire = Self::open(client).await;
        wire.say("hello 0").await;
        assert_eq!(wire.event("hello").await.unwrap()["run"], "abc123");
        wire.event("found").await.unwrap();
        wire.say("arm").await;
        wire.event("ready").await.unwrap();
        wire.say("go").await;
        wire.event("injected").await.unwrap();
        assert!(faulty(practice), "{:?}", practice.qdiscs("default", "web-1"));
        wire
    }
}

fn faulty(practice: &Practice) -> bool {
    practice
        .qdiscs("default", "web-1")
        .iter()
        .any(|(device, line)| device == "tap0" && line.contains("netem"))
}

/// The pod's end, with the verdict in its termination message.
async fn verdict(practice: &Practice) -> Value {
    let ended = |pod: &Value| pod.pointer("/status/containerStatuses/0/state/terminated").is_some();
    practice.until("Pod", "default", POD, ended).await.unwrap();
    let pod = practice.get("Pod", "default", POD).unwrap();
    let message = pod
        .pointer("/status/containerStatuses/0/state/terminated/message")
        .and_then(Value::as_str)
        .unwrap_or("null");
    serde_json::from_str(message).unwrap()
}

/// Waits until the kernel of the node shows no fault.
async fn clean(practice: &Practice) {
    let until = async {
        while faulty(practice) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, until).await.unwrap();
}

/// Runs a test on nodes that run the script (where there are any) and on nodes that run its double.
macro_rules! on_both {
    ($(async fn $name:ident($practice:ident, $client:ident) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn body($practice: Practice, $client: Client) $body

            #[cfg(target_os = "linux")]
            #[tokio::test(flavor = "multi_thread")]
            async fn script() {
                let (practice, client) = cluster_with(Options { agent: AgentKind::Script, ..Options::default() }).await;
                body(practice, client).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn double() {
                let (practice, client) = cluster_with(Options { agent: AgentKind::Double, ..Options::default() }).await;
                body(practice, client).await;
            }
        }
    )*};
}

on_both! {
    async fn a_fault_is_injected_and_rolled_back_over_the_wire(practice, client) {
        let mut wire = Wire::inject(&practice, &client, 60).await;
        wire.say("hb").await;
        wire.event("hb").await.unwrap();
        wire.say("rollback").await;
        assert_eq!(wire.event("restored").await.unwrap()["by"], "rollback");
        assert!(!faulty(&practice));
        wire.say("bye").await;
        wire.event("end").await.unwrap();
        let status = wire.attached.take_status().unwrap();
        wire.attached.join().await.unwrap();
        assert_eq!(status.await.unwrap().status.as_deref(), Some("Success"));
        assert_eq!(verdict(&practice).await["vms"][0][1], "restored");
        assert_eq!(
            practice.get("Pod", "default", POD).unwrap()["status"]["phase"],
            "Succeeded"
        );
        // What the container printed stays readable.
        let log = Api::<Pod>::default_namespaced(client)
            .logs(POD, &LogParams::default())
            .await
            .unwrap();
        assert!(
            log.lines().next().unwrap().contains("\"ev\":\"hello\"") && log.contains("restored"),
            "{log}"
        );
    }

    async fn the_deadline_ends_a_fault_with_the_client_still_there(practice, client) {
        let mut wire = Wire::inject(&practice, &client, 1).await;
        assert_eq!(wire.event("restored").await.unwrap()["by"], "deadline");
        assert!(!faulty(&practice));
    }

    async fn a_client_that_goes_away_is_end_of_file_for_the_agent(practice, client) {
        let wire = Wire::inject(&practice, &client, 60).await;
        drop(wire);
        assert_eq!(verdict(&practice).await["vms"][0][2], "lost-operator");
        assert!(!faulty(&practice));
    }

    async fn a_dropped_attach_ends_the_fault_and_the_stream(practice, client) {
        let mut wire = Wire::inject(&practice, &client, 60).await;
        let status = wire.attached.take_status().unwrap();
        practice.drop_attach("node-1");
        // Cut off, and not ended: there is no verdict of the attach itself. (kube's stdout does not end when the
        // connection is lost, only this does.)
        assert!(timeout(PATIENCE, status).await.unwrap().is_none());
        assert_eq!(verdict(&practice).await["vms"][0][2], "lost-operator");
        assert!(!faulty(&practice));
    }

    async fn a_dead_containerd_is_seen_by_the_client_and_not_by_the_agent(practice, client) {
        let mut wire = Wire::inject(&practice, &client, 60).await;
        let status = wire.attached.take_status().unwrap();
        practice.drop_attach_for_clients("node-1");
        assert!(timeout(PATIENCE, status).await.unwrap().is_none());
        // No end of file: only the silence tells the agent.
        assert!(faulty(&practice));
        assert_eq!(verdict(&practice).await["vms"][0][2], "silence");
        assert!(!faulty(&practice));
    }

    async fn a_second_attach_ends_the_first_ones_fault(practice, client) {
        let _wire = Wire::inject(&practice, &client, 60).await;
        let _second = Wire::open(&client).await;
        clean(&practice).await;
    }

    async fn a_frozen_wire_passes_nothing_and_nobody_is_told(practice, client) {
        let mut wire = Wire::inject(&practice, &client, 60).await;
        practice.freeze_attach("node-1", true);
        wire.say("rollback").await;
        let silent = timeout(Duration::from_millis(500), wire.events.next_line()).await;
        assert!(
            silent.is_err() && faulty(&practice),
            "something got through: {silent:?}"
        );
        practice.freeze_attach("node-1", false);
        assert_eq!(wire.event("restored").await.unwrap()["by"], "rollback");
    }

    async fn deleting_or_killing_the_debug_pod_rolls_back(practice, client) {
        let pods: Api<Pod> = Api::default_namespaced(client.clone());
        let wire = Wire::inject(&practice, &client, 60).await;
        pods.delete(POD, &DeleteParams::default()).await.unwrap();
        clean(&practice).await;
        let gone = async {
            while practice.get("Pod", "default", POD).is_some() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, gone).await.unwrap();
        drop(wire);
        let _wire = Wire::inject(&practice, &client, 60).await;
        practice.kill_container("default", POD, Signal::Kill);
        clean(&practice).await;
        let verdict = verdict(&practice).await;
        assert_eq!(verdict["vms"][0][1], "restored", "{verdict}");
    }

    async fn a_vm_that_moves_away_takes_the_fault_with_its_old_pod(practice, client) {
        let mut wire = Wire::inject(&practice, &client, 60).await;
        practice.migrate("default", "web-1", None).await.unwrap();
        wire.event("gone").await.unwrap();
        assert!(!faulty(&practice));
    }
}

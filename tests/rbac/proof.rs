//! A command does its jobs with exactly its role; every rule of it is used; and what is required is: without it a job fails.

use std::process::{Command, Stdio};
use std::time::Instant;

use kubectl_vmchaos::testing::cluster::rules::{Needed, Rule, RuleScope};
use kubectl_vmchaos::testing::permissions::roles::commands;
use vmchaos_rehearsal::Grant;

use crate::support::permissions::{covers, question};
use crate::support::{PATIENCE, Rehearsal, limit};

/// Something a command is for.
pub(crate) struct Job {
    pub(crate) args: &'static [&'static str],
    /// Its exit code with the whole role.
    pub(crate) code: i32,
    /// Makes the cluster as the job needs it, with every permission.
    pub(crate) before: fn(&Rehearsal),
    /// It goes on until it is interrupted, which it is once this many watches are open.
    pub(crate) watches: Option<usize>,
}

pub(crate) const fn job(args: &'static [&'static str]) -> Job {
    Job {
        args,
        code: 0,
        before: |_| {},
        watches: None,
    }
}

/// Namespaces of the jobs' VMs, and of their debug pods.
const VMS: [&str; 2] = ["default", "lab"];
const PODS: &str = "kubevirt";

/// By command: the practice cluster has cancelled a migration before anybody could watch it; and the nodes are read along
/// with the VMs, for which `halt` has no use.
const UNPROVEN: [(&str, &str); 2] = [
    ("halt", "watch virtualmachineinstancemigrations.kubevirt.io"),
    ("halt", "list nodes"),
];

/// What a command did under some rules.
struct Did {
    code: Option<i32>,
    said: String,
    asked: Vec<Grant>,
    /// What it asked for in the namespaces it is about, and was refused.
    refused: Vec<String>,
}

/// Does every job with the whole role, and then without each rule that it has used.
#[track_caller]
pub(crate) fn proves(command: &str, rehearsal: &Rehearsal, jobs: &[Job]) {
    let all: Vec<Rule> = rules(command).to_vec();
    let mut wrong = Vec::new();
    let mut asked = Vec::new();
    for job in jobs {
        let did = with_rules(rehearsal, &all, job);
        if did.code != Some(job.code) {
            wrong.push(format!("{:?}, whole role: {:?}\n{}", job.args, did.code, did.said));
        }
        for refused in did.refused {
            if UNPROVEN.contains(&(command, &refused)) {
                continue;
            }
            wrong.push(format!("{:?} asks for what is not in its role: {refused}", job.args));
        }
        asked.push(did.asked);
    }
    for rule in &all {
        let name = format!("{} {}", rule.verb, rule.qualified());
        let grants = grants(rule);
        let uses = |asked: &Vec<Grant>| {
            asked
                .iter()
                .any(|asked| grants.iter().any(|grant| covers(grant, asked)))
        };
        let needing: Vec<&Job> = jobs
            .iter()
            .zip(&asked)
            .filter(|(_, asked)| uses(asked))
            .map(|(job, _)| job)
            .collect();
        if needing.is_empty() && !UNPROVEN.contains(&(command, &name)) {
            wrong.push(format!("{name}: no job uses it"));
        }
        if rule.needed != Needed::Required {
            continue;
        }
        // Without it, and without what grants the same in more places.
        let grants_it = |other: &Rule| {
            let wide = self::grants(other);
            grants.iter().any(|asked| wide.iter().any(|grant| covers(grant, asked)))
        };
        let less: Vec<Rule> = all.iter().copied().filter(|other| !grants_it(other)).collect();
        let fails = needing
            .iter()
            .any(|job| with_rules(rehearsal, &less, job).code != Some(job.code));
        if !needing.is_empty() && !fails {
            wrong.push(format!("{name}: every job did without, and it is called required"));
        }
    }
    assert!(wrong.is_empty(), "{command}:\n{}", wrong.join("\n"));
}

fn named(asked: &Grant) -> String {
    format!("{} {}.{}", asked.verb, asked.resource, asked.group)
        .trim_end_matches('.')
        .to_owned()
}

pub(crate) fn rules(command: &str) -> &'static [Rule] {
    commands().iter().find(|rules| rules.command == command).unwrap().rules
}

pub(crate) fn grants(rule: &Rule) -> Vec<Grant> {
    let resource = match rule.subresource {
        Some(sub) => format!("{}/{sub}", rule.resource),
        None => rule.resource.to_owned(),
    };
    let places: &[&str] = match rule.scope {
        RuleScope::VmiNamespace => &VMS,
        RuleScope::PodNamespace => &[PODS],
        RuleScope::KubeVirtNamespace => &["kubevirt"],
        RuleScope::Cluster => &["*"],
    };
    places
        .iter()
        .map(|place| Grant::new(rule.verb, rule.group, &resource, place))
        .collect()
}

/// Leaves these rules only, and does the job.
fn with_rules(rehearsal: &Rehearsal, rules: &[Rule], job: &Job) -> Did {
    let practice = &rehearsal.practice;
    practice.allow_all();
    practice.clear_faults();
    rehearsal.run(&["halt", "--all", "-y"]);
    (job.before)(rehearsal);
    practice.allow_only(rules.iter().flat_map(grants).collect());
    practice.clear_requests();
    let (code, said) = match job.watches {
        None => {
            let ended = rehearsal.run(job.args);
            (ended.code, ended.err)
        }
        Some(watches) => interrupted(rehearsal, job.args, watches),
    };
    let requests = practice.requests();
    let refused = requests
        .iter()
        .filter(|request| request.code == 403)
        .filter_map(question);
    Did {
        code,
        said,
        asked: requests.iter().filter_map(question).collect(),
        refused: refused.map(|asked| named(&asked)).collect(),
    }
}

/// Runs a command until it has opened its watches, and then interrupts it.
fn interrupted(rehearsal: &Rehearsal, args: &[&str], watches: usize) -> (Option<i32>, String) {
    let mut child = rehearsal
        .command(args)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    let open = || {
        let requests = rehearsal.practice.requests();
        requests.iter().filter(|request| request.verb == "watch").count()
    };
    while open() < watches && child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < PATIENCE, "{args:?} opens no {watches} watches");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    let output = limit::ended(child);
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

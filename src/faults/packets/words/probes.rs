//! The probes of a run in sentences.

use super::Words;
use crate::fault::{Binding, Target};
use crate::faults::packets::probe::Probe;
use crate::faults::packets::spec::PacketSpec;

/// What is said about `--probe`; nothing when it was not asked for.
pub(crate) fn probes<'a>(spec: &PacketSpec, targets: impl IntoIterator<Item = &'a Target>) -> Words {
    let mut words = Words::default();
    if spec.probes.is_empty() {
        return words;
    }
    let kinds: Vec<String> = spec.probes.iter().map(Probe::words).collect();
    let until = if spec.detach { "and during" } else { "during and after" };
    words.effects.push(format!(
        "each VM's pod address is probed from its node about once a second, a few times before the first change, {until}: {}",
        kinds.join("; ")
    ));
    let (mut beside, mut masquerade) = (Vec::new(), false);
    for target in targets {
        let primary = target
            .interfaces
            .iter()
            .find(|interface| ["eth0", "eth0-nic"].contains(&interface.uplink.as_str()));
        match primary {
            Some(interface) => masquerade |= interface.binding == Binding::Masquerade,
            None => beside.push(target.key()),
        }
    }
    if masquerade && spec.probes.contains(&Probe::Icmp) {
        words.effects.push(
            "a ping is answered by the guest, or by its pod where the VMI's masquerade interface declares ports"
                .to_owned(),
        );
    }
    if let Some(first) = beside.first() {
        let more = match beside.len() {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        words.warnings.push(format!(
            "{first}{more}: the probes go to the pod's address over eth0, which the fault is not on"
        ));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Directions, Execution, OnMigration, Time};
    use crate::faults::packets::netem::NetemPreset;
    use crate::faults::packets::spec::PacketEffect;
    use crate::faults::packets::words::tests::target as any_target;

    fn target() -> Target {
        any_target(Binding::Masquerade, Vec::new())
    }

    fn spec(probes: &[&str]) -> PacketSpec {
        PacketSpec {
            fault: PacketEffect::Netem(NetemPreset::Degraded.settings().resolve().unwrap()),
            preset: None,
            directions: Directions::BOTH,
            interfaces: Vec::new(),
            duration: Time::from_millis(60_000),
            execution: Execution::Parallel,
            on_migration: OnMigration::Stop,
            detach: false,
            probes: probes.iter().map(|probe| probe.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn what_is_sent_and_where_is_said() {
        let told = probes(&spec(&["icmp", "http:80/x"]), &[target()]);
        assert!(
            told.effects[0].ends_with("ping (ICMP echo); HTTP GET /x on port 80"),
            "{told:?}"
        );
        assert_eq!(told.effects.len(), 2);
        assert_eq!(probes(&spec(&[]), &[target()]), Words::default());
    }

    #[test]
    fn probes_that_go_past_the_fault_are_warned_of() {
        let mut second = target();
        second.interfaces[0].uplink = "pod16477688c0e".into();
        let told = probes(&spec(&["tcp:22"]), &[second]);
        assert!(told.warnings[0].contains("which the fault is not on"), "{told:?}");
    }
    #[test]
    fn who_answers_a_ping_is_said_where_one_is_sent_to_a_masqueraded_guest() {
        let answered = |kinds: &[&str], binding| {
            let told = probes(&spec(kinds), &[any_target(binding, Vec::new())]);
            told.effects
                .iter()
                .any(|effect| effect.starts_with("a ping is answered"))
        };
        assert!(answered(&["icmp"], Binding::Masquerade));
        assert!(!answered(&["icmp"], Binding::Bridge));
        assert!(!answered(&["tcp:22"], Binding::Masquerade));
    }
}

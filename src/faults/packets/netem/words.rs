//! What a netem fault does to a round trip.

use crate::fault::{Directions, KubeletProbe, Percent, ProbeAction, Rate, Time};
use crate::faults::packets::netem::Netem;
use crate::faults::packets::words::kubelet_probes::Fails;

/// Above this, address resolution gives up before the answer has come: three tries of one second.
const ARP_PATIENCE: Time = Time::from_millis(3_000);

/// What the fault adds to a round trip at the least.
fn added(netem: &Netem, directions: Directions) -> Time {
    let delay = netem.delay();
    if directions.both() { delay.times(2) } else { delay }
}

pub(crate) fn effects(netem: &Netem, directions: Directions) -> Vec<String> {
    let mut effects = Vec::new();
    if let Some(latency) = netem.latency {
        effects.push(latency_words(netem, latency, directions));
    }
    if let Some(loss) = netem.loss {
        effects.push(loss_words(loss, directions));
    }
    let each_way = each_way(directions);
    for (share, what) in [
        (netem.duplicate, "of packets arrive twice"),
        (
            netem.corrupt,
            "of packets have one bit flipped, and are dropped where a checksum is looked at",
        ),
        (netem.reorder, "of packets skip the latency and overtake the others"),
    ] {
        if let Some(share) = share {
            effects.push(format!("{} {what}{each_way}", share.in_words()));
        }
    }
    if let Some(rate) = netem.bandwidth {
        effects.push(format!(
            "bandwidth {rate} ({}){each_way}: 100 MB take at least {}",
            rate.in_bytes(),
            transfer(rate)
        ));
    }
    effects
}

pub(crate) fn warnings(netem: &Netem, directions: Directions, hold: Time) -> Vec<String> {
    let mut warnings = Vec::new();
    let added = added(netem, directions);
    if added > ARP_PATIENCE {
        warnings.push(format!(
            "ARP and IPv6 neighbour discovery wait as well: with {added} on a round trip (above {ARP_PATIENCE}) a peer whose \
             address is not known yet is not reached at first"
        ));
    }
    if let (Some(jitter), Some(latency)) = (netem.jitter, netem.latency)
        && jitter > latency
    {
        warnings.push(format!(
            "jitter {jitter} is more than the latency {latency}: packets that would have to arrive before they were sent pass at once"
        ));
    }
    if netem.delay() >= hold {
        warnings.push(format!(
            "latency {} is not less than the duration {hold}: what is sent under the fault arrives after it, if at all",
            netem.delay()
        ));
    }
    if netem.correlation.is_some() && netem.jitter.is_none() {
        warnings.push("correlation has no effect without jitter: every packet waits equally long".into());
    }
    if netem.loss == Some(Percent::FULL) {
        warnings.push("loss 100%: nothing passes, not even ARP".into());
    }
    warnings
}

fn latency_words(netem: &Netem, latency: Time, directions: Directions) -> String {
    let added = added(netem, directions);
    let spread = netem
        .jitter
        .map(|jitter| format!(", give or take {jitter} each way"))
        .unwrap_or_default();
    if directions.both() {
        format!("latency {latency} in and {latency} out: +{added} on every round trip{spread}")
    } else {
        let way = one_way(directions);
        format!("latency {latency} {way}: +{added} on every round trip{spread}")
    }
}

fn loss_words(loss: Percent, directions: Directions) -> String {
    if !directions.both() {
        return format!(
            "loss {} {}: as many round trips fail",
            loss.in_words(),
            one_way(directions)
        );
    }
    // A round trip fails when either way does.
    let fails = 1.0 - (1.0 - loss.fraction()).powi(2);
    format!(
        "loss {} each way: {} of round trips fail",
        loss.in_words(),
        two_digits(fails * 100.0)
    )
}

fn each_way(directions: Directions) -> &'static str {
    if directions.both() { " each way" } else { "" }
}

fn one_way(directions: Directions) -> &'static str {
    directions.iter().next().map_or("", crate::fault::Direction::in_words)
}

/// A percentage to two digits behind the point, without trailing zeros.
fn two_digits(percent: f64) -> String {
    let text = format!("{percent:.2}");
    let text = if text == "0.00" { format!("{percent:.4}") } else { text };
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// How long 100 MB take, to a tenth of a second, or in minutes or hours.
fn transfer(rate: Rate) -> String {
    let seconds = 100_000_000.0 / (rate.bytes_per_second().max(1) as f64);
    match seconds {
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.0} h", s / 3_600.0),
    }
}

/// What the launcher pod itself notices, where it shares the VM's way out.
pub(crate) fn shared(directions: Directions) -> Option<&'static str> {
    directions.egress().then_some(
        "with masquerade, what the launcher pod itself sends (sidecars) leaves by the same device and is hit too",
    )
}

/// Whether the fault makes the probe fail.
pub(crate) fn fails(netem: &Netem, directions: Directions, probe: &KubeletProbe) -> Option<Fails> {
    // HTTP opens a connection first; a TCP probe is content with that.
    let round_trips = match probe.action {
        ProbeAction::Http { .. } => 2,
        ProbeAction::Tcp { .. } => 1,
    };
    let timeout = Time::from_millis(u64::from(probe.timeout_seconds.max(1)) * 1_000);
    let ways = if directions.both() { 2 } else { 1 };
    let spread = netem.jitter.unwrap_or_default().times(ways);
    if added(netem, directions).times(round_trips) >= timeout && netem.jitter.is_none()
        || netem.loss == Some(Percent::FULL)
    {
        Some(Fails::Surely)
    } else if added(netem, directions).plus(spread).times(round_trips) >= timeout
        || netem.loss.is_some()
        || netem.corrupt.is_some()
        || netem.bandwidth.is_some()
    {
        Some(Fails::Perhaps)
    } else {
        None
    }
}

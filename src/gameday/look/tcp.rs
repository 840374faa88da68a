//! Whether a VM's port takes connections from the VM's node, by the probes of a debug pod there.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::run::probe_pods::{Reading, Readings};

/// A probe begins about once a second, and its result has its way.
const BETWEEN: Duration = Duration::from_secs(3);
/// The result of the next probe: how long it took to connect.
pub(super) async fn look(readings: &Readings, within: Duration) -> Result<Duration, String> {
    let began = Instant::now();
    let mut reading = readings.last.clone();
    let mut now = reading.borrow_and_update().clone();
    // A result that is there is of the look before.
    let mut is_new = false;
    loop {
        let limit = match now {
            Reading::Down(why) => return Err(why),
            Reading::Failed(why) => return Err(format!("it could not be probed: {why}")),
            Reading::Probed(Some(took)) if is_new && took <= within => return Ok(took),
            Reading::Probed(_) if is_new => return Err(format!("no connection within {within:?}")),
            Reading::Probed(_) => within + BETWEEN,
            Reading::Waiting(_) => readings.first,
        };
        match timeout_at(began + limit, reading.changed()).await {
            Ok(Ok(())) => now = reading.borrow_and_update().clone(),
            Ok(Err(_)) => return Err("is not probed any more".to_owned()),
            Err(_) => {
                return Err(match &*reading.borrow() {
                    Reading::Waiting(Some(why)) => format!("it could not be probed: {why}"),
                    _ => format!("no probe of it ended within {limit:?}"),
                });
            }
        }
        is_new = true;
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;

    const WITHIN: Duration = Duration::from_millis(500);

    fn readings(last: watch::Receiver<Reading>) -> Readings {
        Readings {
            last,
            first: Duration::from_secs(60),
        }
    }

    fn probed(millis: u64) -> Reading {
        Reading::Probed(Some(Duration::from_millis(millis)))
    }

    #[tokio::test]
    async fn a_look_is_the_result_of_the_next_probe() {
        let (tell, reading) = watch::channel(probed(1));
        let readings = readings(reading);
        let (looked, ()) = tokio::join!(look(&readings, WITHIN), async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            tell.send_replace(Reading::Waiting(None));
            tokio::time::sleep(Duration::from_millis(1)).await;
            tell.send_replace(probed(20));
        });
        assert_eq!(looked, Ok(Duration::from_millis(20)));
    }

    #[tokio::test]
    async fn what_is_late_or_down_has_failed() {
        for (reading, told) in [
            (probed(501), "no connection within 500ms"),
            (Reading::Probed(None), "no connection within 500ms"),
            (Reading::Failed("no pod".to_owned()), "it could not be probed: no pod"),
            (Reading::Down("vmi a/b does not run".to_owned()), "vmi a/b does not run"),
        ] {
            let (tell, heard) = watch::channel(Reading::Waiting(None));
            let readings = readings(heard);
            let (looked, ()) = tokio::join!(look(&readings, WITHIN), async {
                tokio::time::sleep(Duration::from_millis(1)).await;
                tell.send_replace(reading);
            });
            assert_eq!(looked, Err(told.to_owned()));
        }
    }

    #[tokio::test]
    async fn what_nobody_probes_is_not_waited_for_for_ever() {
        let (_tell, last) = watch::channel(Reading::Waiting(Some("quota".to_owned())));
        let first = Duration::from_millis(10);
        let looked = look(&Readings { last, first }, WITHIN).await;
        assert_eq!(looked, Err("it could not be probed: quota".to_owned()));
    }
}

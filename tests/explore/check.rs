//! Whether what a recovery found may be there.

use crate::explore::Found;
use crate::explore::known::Known;
use crate::explore::state::FlowState;

/// What a recovery found, rightly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// An epoch; `older` where bytes were harmed and it is older than the last one said to be durable.
    Found { older: bool },
    /// Nothing to be trusted.
    Refused,
}

/// Holds it against all runs so far, of which the last one may still have been going on. Where safe bytes
/// were harmed, older epochs and refusals are right as well.
pub(crate) fn check(
    found: Result<Found, String>,
    runs: &[Known],
    harmed: bool,
) -> Result<Verdict, String> {
    // The last run that was told of a durable epoch: nothing before that epoch may be found.
    let floor = runs
        .iter()
        .rev()
        .find_map(|known| Some((known.run, known.durable()?)));
    let found = match (found, floor) {
        (Ok(found), _) => found,
        (Err(_), None) => return Ok(Verdict::Refused),
        (Err(_), Some(_)) if harmed => return Ok(Verdict::Refused),
        (Err(why), Some((run, epoch))) => {
            return Err(format!(
                "refused, though epoch {epoch} of run {run} was durable: {why}"
            ));
        }
    };
    let Found { run, epoch, state } = found;
    let known = runs.iter().find(|known| known.run == run);
    let known = known.ok_or(format!("found epoch {epoch} of run {run}, which never was"))?;
    if !known.may_hold(epoch) {
        return Err(format!(
            "found epoch {epoch} of run {run}, which was not begun, or which a part gave up"
        ));
    }
    if let Some(difference) = difference(&state, &known.states[&epoch]) {
        return Err(format!(
            "found epoch {epoch} of run {run} with another state: {difference}"
        ));
    }
    let older = floor.is_some_and(|floor| (run, epoch) < floor);
    if older && !harmed {
        return Err(format!(
            "found epoch {epoch} of run {run}, though a later one was durable: (run, epoch) {floor:?}"
        ));
    }
    Ok(Verdict::Found { older })
}

/// The first place where two states differ.
fn difference(found: &FlowState, expected: &FlowState) -> Option<String> {
    if found == expected {
        return None;
    }
    if found.len() != expected.len() {
        return Some(format!("{} parts, not {}", found.len(), expected.len()));
    }
    let pairs = found.iter().zip(expected).enumerate();
    let mut unlike = pairs.filter(|(_, (found, expected))| found != expected);
    let (part, (found, expected)) = unlike.next()?;
    if found.extras != expected.extras {
        return Some(format!(
            "part {part}: extras {:02x?}, not {:02x?}",
            found.extras, expected.extras
        ));
    }
    if found.blocks.len() != expected.blocks.len() {
        let (found, expected) = (found.blocks.len(), expected.blocks.len());
        return Some(format!("part {part}: {found} blocks, not {expected}"));
    }
    let mut blocks = found.blocks.iter().zip(&expected.blocks);
    let block = blocks.position(|(found, expected)| found != expected)?;
    Some(format!("part {part}, block {block}"))
}

//! Judged windows: harm sends the module back, also while steps forward are paused.

use crate::change::Change;
use crate::harm::Harm;
use crate::migration::Verb;
use crate::rate_gates::due_looks;
use crate::request::Window;
use crate::state::State;

/// Bad windows in a row that send the module back.
const BAD_WINDOWS: u8 = 2;

/// Takes one judged window into the record. A window that was judged before changes nothing.
pub(crate) fn judge(change: &mut Change, window: &Window) {
    if window.number <= change.after.judged {
        return;
    }
    change.after.judged = window.number;
    let due = due_looks(&change.after, &change.view);
    change.after.looks.extend(due);
    let found = match &window.harm {
        Harm::None => {
            change.after.bad_windows = 0;
            return;
        }
        Harm::Bad(found) => {
            change.after.bad_windows = change.after.bad_windows.saturating_add(1);
            if change.after.bad_windows < BAD_WINDOWS {
                return;
            }
            found
        }
        Harm::Emergency(found) => found,
    };
    // Before the canary no user depends on the candidate.
    if change.after.state.serves_users() {
        change.record(Verb::Halt, Some(found));
        change.enter(change.furthest_back(State::Shadow));
        change.after.halted = Some(found.clone());
    }
}

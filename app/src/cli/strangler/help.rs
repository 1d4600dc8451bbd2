//! Long help of each verb of `offshoot strangler`.

pub(super) const PLAN: &str = "\
Reads the settings, asks the process for the addresses and the calls so far, and changes nothing. Canary shares at which
the candidate would need more than an hour for its calls are left out of the suggested command.

Examples:
  offshoot strangler plan catalog
  offshoot strangler plan orders --sample 1000 --json

Next: `offshoot strangler start catalog` with the printed steps.";

pub(super) const START: &str = "\
Writes a record into the control database; on SQLite this creates control.db in the data directory. From now on the
migration decides where calls of the module run, and `offshoot placement set` is refused.

Examples:
  offshoot strangler start catalog
  offshoot strangler start catalog --steps 5,25,50 --sample 1000
  offshoot strangler start orders --no-fallback --work-from 25 --dry-run

Next: `offshoot strangler advance catalog` takes the first step; `offshoot strangler end catalog` takes `start` back.";

pub(super) const STATUS: &str = "\
A gate is green, accepted (by an operator), held (too few observations: wait), or red (does not pass). The bound of a
rate holds for the calls of this state and of this build of the candidate; another build starts anew.

Examples:
  offshoot strangler status
  offshoot strangler status catalog --watch
  offshoot strangler status catalog --json

Next: the last lines of the output are the next command forward and the next command back.";

pub(super) const ADVANCE: &str = "\
Refused while a gate is held or red: the refusal prints the gates. `--accept 1% --reason TEXT` accepts a larger rate in
the gates that have too few observations, writes this into the history, and advances. Gates that keep data safe cannot
be accepted. `--dry-run` prints the gates and changes nothing.

Examples:
  offshoot strangler advance catalog
  offshoot strangler advance catalog --to canary:25 --reason night
  offshoot strangler advance catalog --accept 1% --gate mismatch:search --reason seldom-called

Next: `offshoot strangler status catalog --watch` shows what the step does; `offshoot strangler rollback catalog`
undoes the step.";

pub(super) const ROLLBACK: &str = "\
Always possible: also while paused or halted, and with a candidate that does not answer. Calls in flight end where they
are. Evidence of the state that was left does not count again.

Examples:
  offshoot strangler rollback catalog
  offshoot strangler rollback catalog --to local --reason out-of-memory

Next: `offshoot strangler status catalog`; at local, `offshoot strangler end catalog` ends the migration.";

pub(super) const PAUSE: &str = "\
Calls stay where they are, and steps back stay possible.

Example:
  offshoot strangler pause catalog --reason sale

Next: `offshoot strangler resume catalog` allows steps forward again.";

pub(super) const RESUME: &str = "\
After a halt a reason is needed: say what was done about the harm. The migration continues from the state that the halt
returned to.

Examples:
  offshoot strangler resume catalog
  offshoot strangler resume catalog --reason index-added

Next: `offshoot strangler advance catalog` when the gates are green.";

pub(super) const SET: &str = "\
Settings that are not given stay as they are. A share that the module has already passed changes nothing.

Examples:
  offshoot strangler set catalog --sample 1000
  offshoot strangler set catalog --steps 10,50 --fallback no --dry-run

Next: `offshoot strangler status catalog` prints the settings.";

pub(super) const WAIVE: &str = "\
The waiver holds for the current state and has the operator's name. A gate that keeps data safe cannot be accepted:
members, address, strangers, candidate, identity, data, features.

Examples:
  offshoot strangler waive catalog writes:remove --reason yearly
  offshoot strangler waive catalog mismatch:search --limit 1% --reason ties

Next: `offshoot strangler advance catalog`.";

pub(super) const IGNORE: &str = "\
For differences that are meant, such as a new field or an order that nobody relies on. A rule ends, so that it does not
outlive its reason. A rule for the same method and field is replaced.

Examples:
  offshoot strangler ignore catalog product updated_at --until 7d --reason clock
  offshoot strangler ignore catalog browse products --unordered --until 1d --reason ties

Next: `offshoot strangler diffs catalog` prints the differences that are left.";

pub(super) const DIFFS: &str = "\
Differences of the current state and of this build of the candidate, with up to five redacted samples in --json. Texts
are replaced by length and hash; ids, numbers and times stay.

Examples:
  offshoot strangler diffs catalog
  offshoot strangler diffs catalog --json

Next: correct the candidate, or `offshoot strangler ignore catalog METHOD FIELD` if the difference is meant.";

pub(super) const HISTORY: &str = "\
One entry for each generation, the oldest first. Nobody can change or remove an entry. `--json` has the gates of each
step forward.

Examples:
  offshoot strangler history catalog
  offshoot strangler history catalog --above 12 --json

Next: `offshoot strangler status catalog` prints the present.";

pub(super) const END: &str = "\
Possible at local only. The history stays, and `offshoot placement set` works again.

Example:
  offshoot strangler end catalog

Next: `offshoot strangler start catalog` begins another migration.";

//! Rules for differences that are meant: added by an operator, with a reason and an end.

use crate::change::Change;
use crate::difference::IgnoreRule;
use crate::gate::GateKind;
use crate::migration::Verb;
use crate::operate::require_started;
use crate::refusal::Refusal;

/// Rules of one module. More rules than that describe another contract.
const MAX_RULES: usize = 50;

/// Adds a rule, which replaces the rule for the same method and field. Rules that have ended are removed.
pub(crate) fn ignore(change: &mut Change, rule: &IgnoreRule) -> Result<(), Refusal> {
    require_started(change)?;
    if rule.reason.is_empty() {
        return Err(Refusal::NeedsReason("ignoring a difference"));
    }
    let invalid = |why| Refusal::InvalidRule {
        method: rule.method.clone(),
        path: rule.path.clone(),
        why,
    };
    if rule.until <= change.now {
        return Err(invalid("the end has passed: name a time in the future"));
    }
    let methods = &change.view.methods;
    if !methods.is_empty() && !methods.iter().any(|method| method.name == rule.method) {
        return Err(invalid("the contract has no method of this name"));
    }
    let (now, rules) = (change.now, &mut change.after.rules);
    rules.retain(|known| known.until > now && !(known.method == rule.method && known.path == rule.path));
    if rules.len() >= MAX_RULES {
        return Err(invalid(
            "the module has 50 rules: wait for the end of one, or mend the candidate",
        ));
    }
    rules.push(rule.clone());
    // The evidence is counted anew by the rules, so the looks at the counts before say nothing.
    for gate in [GateKind::Mismatch, GateKind::MismatchAll] {
        change.after.looks.retain(|name, _| !name.starts_with(gate.as_str()));
    }
    let reason = format!("{} {}: {}", rule.method, rule.path, rule.reason);
    change.record(Verb::Ignore, Some(&reason));
    Ok(())
}

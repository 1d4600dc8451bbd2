//! What goods that come back have to do elsewhere: the money is given back and the goods go on the shelf, at the same
//! time, since neither waits for the other. Both were decided when it was begun, and there is no way back.

use offshoot_saga::{Definition, Plan};

use crate::Orders;
use crate::checkout_saga::closed;
use crate::work::{Step, Work};

/// Some of an order's goods come back.
pub(crate) const RETURN: Definition<Orders> = Definition {
    kind: "return",
    version: 1,
    within: None,
    plan: give_back,
};

/// All that is left of them.
pub(crate) const CANCELLATION: Definition<Orders> = Definition {
    kind: "cancellation",
    version: 1,
    within: None,
    plan: give_back,
};

/// Nothing comes back and nothing is given back where all of it has before.
pub(crate) fn give_back(work: &Work) -> Plan<Orders> {
    let back = work.back();
    let number = back.map_or(0, |back| back.number);
    let money = back.is_some_and(|back| back.refund.ten_thousandths() > 0);
    let goods = back.is_some_and(|back| !back.lines.is_empty());
    let refund = Step::new(format!("refund-{number}"), |orders, cx, turn| {
        Box::pin(orders.refund(cx, turn))
    });
    let restock = Step::new(format!("restock-{number}"), |orders, cx, turn| {
        Box::pin(orders.restock(cx, turn))
    });
    let steps = money.then_some(refund).into_iter().chain(goods.then_some(restock));
    Plan::new()
        .no_way_back()
        .together(steps)
        .ended(|_, tx, work, entry| Box::pin(closed(tx, work, entry)))
}

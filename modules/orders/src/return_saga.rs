//! Plan of a return and of a cancellation: the refund and the restock run in parallel, since neither needs the other.
//! The return is decided when the saga begins, so the saga cannot be undone.

use offshoot_saga::{Definition, Plan, Stage};

use crate::checkout_saga::write_closed;
use crate::orders::Orders;
use crate::saga_state::{SagaState, Step};

/// Return of some of an order's units.
pub(crate) const RETURN: Definition<Orders> = Definition {
    kind: "return",
    version: 1,
    give_up_after: None,
    plan: return_plan,
};

/// Return of all remaining units of an order.
pub(crate) const CANCELLATION: Definition<Orders> = Definition {
    kind: "cancellation",
    version: 1,
    give_up_after: None,
    plan: return_plan,
};

/// Leaves out the refund of a zero amount, and the restock of no units: everything may have been returned before.
fn return_plan(state: &SagaState) -> Plan<Orders> {
    let current = state.current_return();
    let number = current.map_or(0, |each| each.number);
    let has_refund = current.is_some_and(|each| each.refund.ten_thousandths() > 0);
    let has_units = current.is_some_and(|each| !each.lines.is_empty());
    let refund = Step::new(format!("refund-{number}"), |orders, cx, step| {
        Box::pin(orders.refund(cx, step))
    });
    let restock = Step::new(format!("restock-{number}"), |orders, cx, step| {
        Box::pin(orders.restock(cx, step))
    });
    let refund = has_refund.then_some(refund);
    let restock = has_units.then_some(restock);
    Plan::new([])
        .after_pivot([Stage::parallel(refund.into_iter().chain(restock))])
        .on_end(|_, tx, state, transition| Box::pin(write_closed(tx, state, transition)))
}

#[cfg(test)]
mod tests {
    use orders_api::v1::Return;

    use super::*;
    use crate::domain::Order;
    use crate::domain::returning::tests::{line, now, order};
    use crate::domain::returning::{new_cancellation, with_return};

    /// Steps of the saga of the order's last return.
    fn last_return_steps(order: &Order) -> Vec<String> {
        let state = SagaState {
            order: order.clone(),
            token: None,
            return_number: order.returns.last().map(|last| last.number),
        };
        return_plan(&state).step_names(0)
    }

    #[test]
    fn a_return_without_refund_or_units_leaves_out_the_step() {
        let order = order(&[(1, "2.55")]);
        let returned = with_return(order.clone(), new_cancellation(&order, now()));
        assert_eq!(last_return_steps(&returned), ["refund-1", "restock-1"]);
        let empty = with_return(returned.clone(), new_cancellation(&returned, now()));
        assert_eq!(last_return_steps(&empty), [""; 0]);
        let free = Return {
            lines: vec![line(1, 1)],
            ..new_cancellation(&returned, now())
        };
        assert_eq!(last_return_steps(&with_return(returned, free)), ["restock-2"]);
    }
}

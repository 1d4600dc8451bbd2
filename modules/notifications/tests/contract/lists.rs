//! Lists of notices: pages and page tokens.

use notifications_api::v1::NotificationsError;
use orders_api::v1::OrdersEvent;

use crate::T;
use crate::order_events::{an_order, deliver};

pub(crate) async fn pages_continue_where_the_previous_page_ended(t: T) {
    let order = an_order();
    let events = (1..=5).map(|position| (position, OrdersEvent::Returned(order.clone())));
    deliver(&t, events.collect()).await;
    for order_id in [None, Some(order.order_id)] {
        let (mut positions, mut token, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = t.api.notices(&mut t.cx(), order_id, Some(2), token).await.unwrap();
            positions.extend(page.items.iter().map(|notice| notice.position));
            token = page.next_page_token;
            pages += 1;
            if token.is_none() {
                break;
            }
        }
        assert_eq!((positions, pages), (vec![1, 2, 3, 4, 5], 3));
    }
}

pub(crate) async fn page_tokens_of_other_lists_are_rejected(t: T) {
    let order = an_order();
    let events = (1..=3).map(|position| (position, OrdersEvent::Confirmed(order.clone())));
    deliver(&t, events.collect()).await;
    let page = t.api.notices(&mut t.cx(), None, Some(1), None).await.unwrap();
    let token = page.next_page_token;
    assert!(token.is_some());
    for (order_id, token) in [(Some(order.order_id), token), (None, Some("junk".to_owned()))] {
        let error = t.api.notices(&mut t.cx(), order_id, None, token).await.unwrap_err();
        assert_eq!(error, NotificationsError::BadPageToken);
    }
}

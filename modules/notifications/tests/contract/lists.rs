//! Notices, page by page.

use notifications_api::v1::NotificationsError;
use orders_api::v1::OrdersEvent;

use crate::T;
use crate::news::{an_order, hear};

pub(crate) async fn go_on_where_a_page_ended(t: T) {
    let order = an_order();
    let events = (1..=5).map(|position| (position, OrdersEvent::Returned(order.clone())));
    hear(&t, events.collect()).await;
    for of in [None, Some(order.order_id)] {
        let (mut positions, mut token, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = t.api.notices(&mut t.cx(), of, Some(2), token).await.unwrap();
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

pub(crate) async fn tokens_of_other_lists_are_refused(t: T) {
    let order = an_order();
    let events = (1..=3).map(|position| (position, OrdersEvent::Confirmed(order.clone())));
    hear(&t, events.collect()).await;
    let page = t.api.notices(&mut t.cx(), None, Some(1), None).await.unwrap();
    let token = page.next_page_token;
    assert!(token.is_some());
    for (of, token) in [(Some(order.order_id), token), (None, Some("junk".to_owned()))] {
        let refused = t.api.notices(&mut t.cx(), of, None, token).await.unwrap_err();
        assert_eq!(refused, NotificationsError::BadPageToken);
    }
}

//! How the modules are made that live from other modules' events, and who hears whose.

#[cfg(any(feature = "storefront", feature = "notifications", feature = "reporting"))]
use std::sync::Arc;

#[cfg(any(feature = "storefront", feature = "notifications", feature = "reporting"))]
use crate::serve::working::Working;

#[cfg(feature = "storefront")]
pub(super) fn storefront(here: &mut Working) -> Arc<dyn storefront_api::v1::StorefrontApi> {
    here.subscribe(::storefront::subscriptions());
    Arc::new(::storefront::Storefront::new(here.db()))
}

#[cfg(feature = "notifications")]
pub(super) fn notifications(here: &mut Working) -> Arc<dyn notifications_api::v1::NotificationsApi> {
    here.subscribe(::notifications::subscriptions());
    Arc::new(::notifications::Notifications::new(here.db()))
}

#[cfg(feature = "reporting")]
pub(super) fn reporting(here: &mut Working) -> Arc<dyn reporting_api::v1::ReportingApi> {
    here.subscribe(::reporting::subscriptions());
    Arc::new(::reporting::Reporting::new(here.db()))
}

/// Each module that hears, and one that it hears.
#[cfg(test)]
pub(crate) fn heard() -> std::collections::BTreeSet<(&'static str, &'static str)> {
    let all = [
        #[cfg(feature = "carts")]
        ("carts", ::carts::subscriptions()),
        #[cfg(feature = "storefront")]
        ("storefront", ::storefront::subscriptions()),
        #[cfg(feature = "notifications")]
        ("notifications", ::notifications::subscriptions()),
        #[cfg(feature = "reporting")]
        ("reporting", ::reporting::subscriptions()),
    ];
    let each = |(module, subscriptions): (_, Vec<offshoot_outbox::Subscription>)| {
        subscriptions
            .into_iter()
            .map(move |subscription| (module, subscription.module()))
    };
    all.into_iter().flat_map(each).collect()
}

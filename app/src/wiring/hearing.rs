//! The modules that call nobody and live from other modules' events; and who hears whose.

#[cfg(any(feature = "storefront", feature = "notifications", feature = "reporting"))]
use std::sync::Arc;

use super::Wired;
use crate::serve::host::Host;

/// Places them, after those that they hear. The others are left out.
#[allow(
    unused_mut,
    unused_variables,
    clippy::unused_async,
    reason = "a binary may have none of them"
)]
pub(super) async fn connect(host: &mut Host<'_>) -> anyhow::Result<Wired> {
    let mut wired = Wired::default();
    #[cfg(feature = "storefront")]
    {
        let place = host.place(&::storefront::SCHEMA, |here| {
            here.subscribe(::storefront::subscriptions());
            Ok(Arc::new(::storefront::Storefront::new(here.db())) as Arc<dyn storefront_api::v1::StorefrontApi>)
        });
        wired.storefront = place.await?;
    }
    #[cfg(all(feature = "storefront-stub", not(feature = "storefront")))]
    {
        wired.storefront = host.call()?;
    }
    #[cfg(feature = "notifications")]
    {
        let place = host.place(&::notifications::SCHEMA, |here| {
            here.subscribe(::notifications::subscriptions());
            Ok(Arc::new(::notifications::Notifications::new(here.db()))
                as Arc<dyn notifications_api::v1::NotificationsApi>)
        });
        wired.notifications = place.await?;
    }
    #[cfg(all(feature = "notifications-stub", not(feature = "notifications")))]
    {
        wired.notifications = host.call()?;
    }
    #[cfg(feature = "reporting")]
    {
        let place = host.place(&::reporting::SCHEMA, |here| {
            here.subscribe(::reporting::subscriptions());
            Ok(Arc::new(::reporting::Reporting::new(here.db())) as Arc<dyn reporting_api::v1::ReportingApi>)
        });
        wired.reporting = place.await?;
    }
    #[cfg(all(feature = "reporting-stub", not(feature = "reporting")))]
    {
        wired.reporting = host.call()?;
    }
    Ok(wired)
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

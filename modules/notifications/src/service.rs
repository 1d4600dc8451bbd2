//! Use cases of the notifications module. Contains no SQL and calls no other module.

use async_trait::async_trait;
use notifications_api::v1::{Notice, NotificationsApi, NotificationsError, OrderId};
use offshoot_contract::{CallContext, Page, PageSize, page_token};

use crate::{Notifications, store};

#[async_trait]
impl NotificationsApi for Notifications {
    async fn notices(
        &self,
        cx: &mut CallContext,
        order_id: Option<OrderId>,
        page_size: Option<u32>,
        page_token: Option<String>,
    ) -> Result<Page<Notice>, NotificationsError> {
        let name = order_id.map_or_else(|| "*".to_owned(), |id| id.to_string());
        let list = ["notices", name.as_str()];
        let after = page_token::position_after(&list, page_token.as_deref(), |key| key.parse().ok())
            .map_err(|_| NotificationsError::BadPageToken)?
            .unwrap_or(0);
        let size = PageSize::resolve(page_size);
        let mut read = self.db.read(cx).await?;
        let notices = match order_id {
            Some(id) => store::list_of_order(&mut read, id, after, size + 1).await?,
            None => store::list(&mut read, after, size + 1).await?,
        };
        Ok(page_token::paginate(notices, size, |last| {
            page_token::encode(&list, &last.number.to_string())
        }))
    }
}

//! Use cases of the orders module: one method each, which checks arguments, opens the transaction and answers. Holds no
//! SQL and no business rules.

use async_trait::async_trait;
use carts_api::CartId;
use offshoot_contract::text::check_storable;
use offshoot_contract::{CallContext, Page, PageSize, page_token};
use orders_api::OrderId;
use orders_api::v1::{
    MAX_SALE_LINES, MAX_SALES, Order, OrdersApi, OrdersError, ReturnedLine, Revenue, RevenueBy, Sale, SaleOutcome,
};
use payments_api::v1::PaymentToken;

use crate::checkout::Purchase;
use crate::orders::Orders;
use crate::sales::{Recording, with_totals};
use crate::{events, store};

#[async_trait]
impl OrdersApi for Orders {
    async fn checkout(
        &self,
        cx: &mut CallContext,
        cart_id: CartId,
        email: String,
        country: Option<String>,
        payment_token: PaymentToken,
    ) -> Result<Order, OrdersError> {
        let purchase = Purchase {
            cart_id,
            email,
            country,
            token: payment_token,
        };
        Box::pin(self.check_out(cx, purchase)).await
    }

    async fn order(&self, cx: &mut CallContext, id: OrderId) -> Result<Order, OrdersError> {
        let mut read = self.db.read(cx).await?;
        let order = store::loading::load_one(&mut read, id).await?;
        Ok(order.ok_or(OrdersError::UnknownOrder { id })?.into())
    }

    async fn orders(
        &self,
        cx: &mut CallContext,
        customer: Option<String>,
        page_size: Option<u32>,
        page_token: Option<String>,
    ) -> Result<Page<Order>, OrdersError> {
        let size = PageSize::resolve(page_size);
        let list = [
            "orders",
            if customer.is_some() { "of" } else { "" },
            customer.as_deref().unwrap_or_default(),
        ];
        let before = page_token::position_after(&list, page_token.as_deref(), |key| key.parse().ok())
            .map_err(|_| OrdersError::BadPageToken)?;
        if customer.as_deref().is_some_and(|name| check_storable(name).is_err()) {
            return Ok(Page::empty());
        }
        let mut read = self.db.read(cx).await?;
        let ids = store::loading::list_ids(&mut read, customer.as_deref(), before, size + 1).await?;
        let Page { items, next_page_token } =
            page_token::paginate(ids, size, |id| page_token::encode(&list, &id.to_string()));
        let orders = store::loading::load_many(&mut read, &items).await?;
        let mut orders: Vec<Order> = orders.into_iter().map(Into::into).collect();
        orders.sort_by_key(|order| std::cmp::Reverse(order.id));
        Ok(Page {
            items: orders,
            next_page_token,
        })
    }

    async fn cancel(&self, cx: &mut CallContext, id: OrderId) -> Result<Order, OrdersError> {
        Box::pin(self.cancel_order(cx, id)).await
    }

    async fn return_goods(
        &self,
        cx: &mut CallContext,
        id: OrderId,
        lines: Vec<ReturnedLine>,
    ) -> Result<Order, OrdersError> {
        Box::pin(self.return_lines(cx, id, lines)).await
    }

    async fn record_sales(&self, cx: &mut CallContext, sales: Vec<Sale>) -> Result<Vec<SaleOutcome>, OrdersError> {
        let lines = sales.iter().map(|sale| sale.lines.len()).sum();
        for (what, given, limit) in [("sales", sales.len(), MAX_SALES), ("lines", lines, MAX_SALE_LINES)] {
            if given > limit {
                return Err(OrdersError::TooManyItems {
                    what: what.to_owned(),
                    given: u32::try_from(given).unwrap_or(u32::MAX),
                    limit: u32::try_from(limit).unwrap_or(u32::MAX),
                });
            }
        }
        let now = self.clock.now();
        let recording = Recording::from_sales(sales, now);
        let mut tx = self.db.begin(cx).await?;
        store::sales::insert_sales(&mut tx, recording.accepted(), now).await?;
        let recorded = store::sales::orders_by_number(&mut tx, recording.accepted()).await?;
        let (inserted, outcomes) = recording.outcomes(&recorded);
        store::sales::insert_sale_lines(&mut tx, &inserted).await?;
        events::publish_sales(&mut tx, &inserted, now).await?;
        Ok(tx.commit(outcomes).await?)
    }

    async fn revenue(&self, cx: &mut CallContext, by: RevenueBy) -> Result<Revenue, OrdersError> {
        let mut read = self.db.read(cx).await?;
        let rows = match by {
            RevenueBy::Month => store::revenue::revenue_by_month(&mut read).await?,
            RevenueBy::Country => store::revenue::revenue_by_country(&mut read).await?,
        };
        Ok(with_totals(rows)?)
    }
}

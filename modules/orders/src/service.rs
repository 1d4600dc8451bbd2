//! The use cases of the orders: checks what is asked, opens the transaction, answers. No SQL, no rule of its own.

use async_trait::async_trait;
use carts_api::CartId;
use offshoot_contract::{CallContext, Page, PageSize, page_token};
use orders_api::OrderId;
use orders_api::v1::{
    MAX_SALE_LINES, MAX_SALES, Order, OrdersApi, OrdersError, ReturnedLine, Revenue, RevenueBy, Sale, SaleOutcome,
};
use payments_api::v1::PaymentToken;

use crate::checkout::Purchase;
use crate::sales::Recording;
use crate::{Orders, news, store};

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
        Box::pin(self.buy(cx, purchase)).await
    }

    async fn order(&self, cx: &mut CallContext, id: OrderId) -> Result<Order, OrdersError> {
        self.look_up(cx, id).await
    }

    async fn orders(
        &self,
        cx: &mut CallContext,
        customer: Option<String>,
        page_size: Option<u32>,
        page_token: Option<String>,
    ) -> Result<Page<Order>, OrdersError> {
        let size = PageSize::of(page_size);
        let list = [
            "orders",
            if customer.is_some() { "of" } else { "" },
            customer.as_deref().unwrap_or_default(),
        ];
        let before = match page_token {
            Some(token) => {
                let key = page_token::open(&list, &token).ok_or(OrdersError::BadPageToken)?;
                Some(key.parse::<OrderId>().map_err(|_| OrdersError::BadPageToken)?)
            }
            None => None,
        };
        // No customer is named so, and Postgres takes no NUL in a text.
        if customer.as_deref().is_some_and(|name| name.contains('\0')) {
            return Ok(Page {
                items: Vec::new(),
                next_page_token: None,
            });
        }
        let mut read = self.db.read(cx).await?;
        let ids = store::ids(&mut read, customer.as_deref(), before, size + 1).await?;
        let Page { items, next_page_token } =
            page_token::page(ids, size, |id| page_token::issue(&list, &id.to_string()));
        let mut orders = store::many(&mut read, &items).await?;
        orders.sort_by_key(|order| std::cmp::Reverse(order.id));
        Ok(Page {
            items: orders,
            next_page_token,
        })
    }

    async fn cancel(&self, cx: &mut CallContext, id: OrderId) -> Result<Order, OrdersError> {
        Box::pin(self.take_all_back(cx, id)).await
    }

    async fn return_goods(
        &self,
        cx: &mut CallContext,
        id: OrderId,
        lines: Vec<ReturnedLine>,
    ) -> Result<Order, OrdersError> {
        Box::pin(self.take_some_back(cx, id, lines)).await
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
        let recording = Recording::of(sales, now);
        let mut tx = self.db.begin(cx).await?;
        store::add_sales(&mut tx, recording.accepted(), now).await?;
        let holders = store::holders(&mut tx, recording.accepted()).await?;
        let (mine, outcomes) = recording.outcomes(&holders);
        store::add_lines_of_sales(&mut tx, &mine).await?;
        news::tell_of_sales(&mut tx, &mine, now).await?;
        Ok(tx.commit(outcomes).await?)
    }

    async fn revenue(&self, cx: &mut CallContext, by: RevenueBy) -> Result<Revenue, OrdersError> {
        let mut read = self.db.read(cx).await?;
        let rows = match by {
            RevenueBy::Month => store::revenue_by_month(&mut read).await?,
            RevenueBy::Country => store::revenue_by_country(&mut read).await?,
        };
        Ok(crate::sales::totalled(rows)?)
    }
}

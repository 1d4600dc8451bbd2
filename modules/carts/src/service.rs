//! Use cases of the carts module: each method looks up prices, opens the transaction and returns the result. Contains
//! neither SQL nor business rules.

use async_trait::async_trait;
use carts_api::v1::{Cart, CartId, CartsApi, CartsError, NewLine};
use catalog_api::v1::ProductId;
use offshoot_contract::{CallContext, CallFailure, Currency, Money};
use offshoot_db::Tx;

use crate::domain::{self, StoredCart, StoredLine, TotalError};
use crate::{Carts, store};

#[async_trait]
impl CartsApi for Carts {
    async fn create(&self, cx: &mut CallContext, currency: Currency) -> Result<Cart, CartsError> {
        let now = self.clock.now();
        let cart = StoredCart {
            id: CartId::new(now),
            currency,
            created_at: now,
            expires_at: now.plus(self.settings.time_to_live),
        };
        let mut tx = self.db.begin(cx).await?;
        store::create(&mut tx, &cart).await?;
        Ok(tx
            .commit(cart.into_cart(Vec::new(), Money::new(0, currency), None))
            .await?)
    }

    async fn cart(&self, cx: &mut CallContext, id: CartId) -> Result<Cart, CartsError> {
        let (cart, lines) = {
            let mut read = self.db.read(cx).await?;
            let cart = store::cart(&mut read, id)
                .await?
                .ok_or(CartsError::UnknownCart { id })?;
            cart.check_not_expired(self.clock.now())?;
            (cart, store::lines(&mut read, id).await?)
        };
        let offers = self.offers(cx, product_ids(&lines)).await?;
        Ok(cart.priced(lines, &offers).map_err(|error| total_failure(id, error))?)
    }

    async fn set_quantity(
        &self,
        cx: &mut CallContext,
        id: CartId,
        product_id: ProductId,
        quantity: u32,
    ) -> Result<(), CartsError> {
        domain::check_quantity(quantity)?;
        let offer = self.offer(cx, product_id).await?;
        domain::check_for_sale(&offer)?;

        let mut tx = self.db.begin(cx).await?;
        let currency = self.touch(&mut tx, id).await?;
        domain::check_currency(&offer, currency)?;
        let line = StoredLine { product_id, quantity };
        if !store::set_quantity(&mut tx, id, &line).await? {
            let (lines, last_position) = store::line_count_and_last_position(&mut tx, id).await?;
            domain::check_line_limit(id, lines)?;
            store::add_line(&mut tx, id, &line, last_position + 1).await?;
        }
        Ok(tx.commit(()).await?)
    }

    async fn set_lines(&self, cx: &mut CallContext, id: CartId, lines: Vec<NewLine>) -> Result<(), CartsError> {
        let lines = domain::check_lines(id, lines)?;
        let offers = self.offers(cx, product_ids(&lines)).await?;
        let mut tx = self.db.begin(cx).await?;
        let currency = self.touch(&mut tx, id).await?;
        for line in &lines {
            let offer = offers.by_id.get(&line.product_id);
            let offer = offer.ok_or(CartsError::UnknownProduct { id: line.product_id })?;
            domain::check_for_sale(offer)?;
            domain::check_currency(offer, currency)?;
        }
        store::remove_lines(&mut tx, id).await?;
        store::add_lines(&mut tx, id, &lines).await?;
        Ok(tx.commit(()).await?)
    }

    async fn remove(&self, cx: &mut CallContext, id: CartId, product_id: ProductId) -> Result<(), CartsError> {
        let mut tx = self.db.begin(cx).await?;
        self.touch(&mut tx, id).await?;
        store::remove_line(&mut tx, id, product_id).await?;
        Ok(tx.commit(()).await?)
    }
}

impl Carts {
    /// Extends the lifetime of a cart and returns the currency. Fails with `UnknownCart` or `CartExpired`.
    async fn touch(&self, tx: &mut Tx<'_>, id: CartId) -> Result<Currency, CartsError> {
        let now = self.clock.now();
        if let Some(currency) = store::touch(tx, id, now, now.plus(self.settings.time_to_live)).await? {
            return Ok(currency);
        }
        let expired = store::cart(tx, id).await?.ok_or(CartsError::UnknownCart { id })?;
        Err(CartsError::CartExpired {
            id,
            expired_at: expired.expires_at,
        })
    }
}

fn product_ids(lines: &[StoredLine]) -> Vec<ProductId> {
    lines.iter().map(|line| line.product_id).collect()
}

fn total_failure(id: CartId, error: TotalError) -> CallFailure {
    match error {
        TotalError::Missing(product) => {
            CallFailure::internal(format!("{id} contains {product}, which does not exist in the catalog"))
        }
        TotalError::TooLarge(error) => CallFailure::refused(
            422,
            "cart-too-large",
            format!("the total of {id} is out of range: {error}; set smaller quantities"),
        ),
    }
}

-- offshoot: expand
--
-- What an order does in other modules stands in the log of its sagas (`offshoot_sagas`, `offshoot_saga_steps`), which
-- also say who works on it. `order_steps`, `lease_until` and `attempt` are not written any more.

-- The names of the steps that are under way, with blanks between them; none when nothing is. Written in the transaction
-- that writes them into the log, so that one statement reads an order with what is open of it.
ALTER TABLE orders ADD COLUMN open_steps TEXT CHECK (open_steps <> '');

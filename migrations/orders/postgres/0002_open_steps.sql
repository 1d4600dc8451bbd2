-- offshoot: expand
--
-- The saga log (`offshoot_sagas`, `offshoot_saga_steps`) replaces `order_steps`, `lease_until` and `attempt`, which are
-- no longer written.

-- Names of the open steps, separated by spaces; NULL if no step is open. Written in the transaction that writes the
-- saga log, so that one statement reads an order with its open steps.
ALTER TABLE orders ADD COLUMN open_steps text COLLATE "C" CHECK (open_steps <> '');

CREATE TABLE payment (id bigint PRIMARY KEY, body text);
ALTER TABLE payment ADD COLUMN order_id bigint;
CREATE INDEX idx_payment_order_id ON payment (order_id);

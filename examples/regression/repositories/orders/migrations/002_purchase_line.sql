CREATE TABLE purchase_line (id bigint PRIMARY KEY, body text);
ALTER TABLE purchase_line ADD COLUMN order_id bigint;
CREATE INDEX idx_purchase_line_order_id ON purchase_line (order_id);

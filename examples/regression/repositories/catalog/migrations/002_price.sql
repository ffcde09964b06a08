CREATE TABLE price (id bigint PRIMARY KEY, body text);
ALTER TABLE price ADD COLUMN item_id bigint;
CREATE INDEX idx_price_item_id ON price (item_id);

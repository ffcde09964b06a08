CREATE TABLE stock_level (id bigint PRIMARY KEY, body text);
ALTER TABLE stock_level ADD COLUMN item_id bigint;
CREATE INDEX idx_stock_level_item_id ON stock_level (item_id);
ALTER TABLE stock_level ADD COLUMN warehouse bigint;
CREATE INDEX idx_stock_level_warehouse ON stock_level (warehouse);

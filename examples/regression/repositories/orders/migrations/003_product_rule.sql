CREATE TABLE product_rule (id bigint PRIMARY KEY, body text);
ALTER TABLE product_rule ADD COLUMN item_id bigint;
CREATE INDEX idx_product_rule_item_id ON product_rule (item_id);

CREATE TABLE product (id bigint PRIMARY KEY, body text);
ALTER TABLE product ADD COLUMN rank bigint;
CREATE INDEX idx_product_rank ON product (rank);
ALTER TABLE product ADD COLUMN name bigint;
CREATE INDEX idx_product_name ON product (name);

CREATE TABLE customer (id bigint PRIMARY KEY, body text);
ALTER TABLE customer ADD COLUMN mail bigint;
CREATE INDEX idx_customer_mail ON customer (mail);

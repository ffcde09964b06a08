CREATE TABLE purchase (id bigint PRIMARY KEY, body text);
ALTER TABLE purchase ADD COLUMN user_id bigint;
CREATE INDEX idx_purchase_user_id ON purchase (user_id);

CREATE TABLE permission (id bigint PRIMARY KEY, body text);
ALTER TABLE permission ADD COLUMN user_id bigint;
CREATE INDEX idx_permission_user_id ON permission (user_id);

CREATE TABLE session (id bigint PRIMARY KEY, body text);
ALTER TABLE session ADD COLUMN user_id bigint;
CREATE INDEX idx_session_user_id ON session (user_id);

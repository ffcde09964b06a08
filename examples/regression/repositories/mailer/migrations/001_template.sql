CREATE TABLE template (id bigint PRIMARY KEY, body text);
ALTER TABLE template ADD COLUMN name bigint;
CREATE INDEX idx_template_name ON template (name);

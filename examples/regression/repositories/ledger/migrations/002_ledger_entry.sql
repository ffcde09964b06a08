CREATE TABLE ledger_entry (id bigint PRIMARY KEY, body text);
ALTER TABLE ledger_entry ADD COLUMN account bigint;
CREATE INDEX idx_ledger_entry_account ON ledger_entry (account);
ALTER TABLE ledger_entry ADD COLUMN created bigint;
CREATE INDEX idx_ledger_entry_created ON ledger_entry (created);

CREATE TABLE balance (id bigint PRIMARY KEY, body text);

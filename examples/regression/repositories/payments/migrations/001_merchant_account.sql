CREATE TABLE merchant_account (id bigint PRIMARY KEY, body text);

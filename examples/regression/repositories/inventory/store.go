package main

import (
	"context"
	"database/sql"
)

// Store has every statement of this service.
type Store struct{ db *sql.DB }

// Open limits the pool.
func Open(db *sql.DB) *Store {
	db.SetMaxOpenConns(MaxOpenConns)
	db.SetMaxIdleConns(MaxOpenConns)
	return &Store{db}
}

// FindStock reads or writes stock_level.
func (s *Store) FindStock(ctx context.Context, id int64) (*sql.Rows, error) {
	return s.db.QueryContext(ctx, "SELECT on_hand FROM stock_level WHERE item_id = $1", id)
}

// LockStock reads or writes stock_level.
func (s *Store) LockStock(ctx context.Context, id int64) (*sql.Rows, error) {
	return s.db.QueryContext(ctx, "SELECT on_hand FROM stock_level WHERE item_id = $1 FOR UPDATE", id)
}

// TakeStock reads or writes stock_level.
func (s *Store) TakeStock(ctx context.Context, id int64) (sql.Result, error) {
	return s.db.ExecContext(ctx, "UPDATE stock_level SET on_hand = on_hand - 1 WHERE item_id = $1", id)
}

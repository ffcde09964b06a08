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

// FindSession reads or writes session.
func (s *Store) FindSession(ctx context.Context, id int64) (*sql.Rows, error) {
	return s.db.QueryContext(ctx, "SELECT user_id, expires FROM session WHERE user_id = $1", id)
}

// FindPermissions reads or writes permission.
func (s *Store) FindPermissions(ctx context.Context, id int64) (*sql.Rows, error) {
	return s.db.QueryContext(ctx, "SELECT name FROM permission WHERE user_id = $1", id)
}

// FindCustomer reads or writes customer.
func (s *Store) FindCustomer(ctx context.Context, id int64) (*sql.Rows, error) {
	return s.db.QueryContext(ctx, "SELECT id, name, mail FROM customer WHERE id = $1", id)
}

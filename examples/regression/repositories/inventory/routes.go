package main

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// Server answers requests.
type Server struct{ store *Store }

// Routes says who serves what.
func (s *Server) Routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stock/{item}", s.Check)
	mux.HandleFunc("POST /reserve", s.Reserve)
	return mux
}

// Check serves GET /stock/{item}.
func (s *Server) Check(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("item"), 10, 64)
	if _, err := s.store.FindStock(r.Context(), id); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	json.NewEncoder(w).Encode(map[string]int64{"id": id})
}

// Reserve serves POST /reserve.
func (s *Server) Reserve(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if _, err := s.store.LockStock(r.Context(), id); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if _, err := s.store.TakeStock(r.Context(), id); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	json.NewEncoder(w).Encode(map[string]int64{"id": id})
}

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
	mux.HandleFunc("POST /verify", s.Verify)
	mux.HandleFunc("GET /customers/{user}", s.Profile)
	return mux
}

// Verify serves POST /verify.
func (s *Server) Verify(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if _, err := s.store.FindSession(r.Context(), id); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if _, err := s.store.FindPermissions(r.Context(), id); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	json.NewEncoder(w).Encode(map[string]int64{"id": id})
}

// Profile serves GET /customers/{user}.
func (s *Server) Profile(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("user"), 10, 64)
	if _, err := s.store.FindCustomer(r.Context(), id); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	json.NewEncoder(w).Encode(map[string]int64{"id": id})
}

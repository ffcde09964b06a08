"""What heap dumps show: where objects pile up, and who keeps alive what another should have let go."""

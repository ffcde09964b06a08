"""Evidence and code -> a pack under a token budget; pure: the same case and question give the same bytes."""

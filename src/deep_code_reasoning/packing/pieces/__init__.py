"""Views of the evidence, one file a kind: each makes drafts of what a case holds, bounded and cited."""

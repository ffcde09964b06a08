"""What is wrong, from what the system says of itself: texts and metrics as symptoms of known kinds."""

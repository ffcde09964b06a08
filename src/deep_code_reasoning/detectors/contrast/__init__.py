"""What tells some requests from others: good from bad, before from after."""

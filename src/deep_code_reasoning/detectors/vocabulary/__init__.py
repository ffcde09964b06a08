"""What words mean: names of metrics, texts of errors, numbers with units. Nothing here knows a case."""

"""What services promise each other and ask of each other, read out of code and configuration."""

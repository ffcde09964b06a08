"""What models are asked for each kind of analysis, the tools they may call, and the check of what they claim."""

"""An investigation as text, Markdown and JSON."""

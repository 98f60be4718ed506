"""Request models: strict and closed."""

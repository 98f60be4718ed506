"""Commands about the place that a service runs in: its settings, and whether everything works together there."""

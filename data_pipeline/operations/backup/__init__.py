"""One backup: its steps, its report, and the snapshot that it saves."""

"""What the service is tried with beside its tests: real processes, a real server, and no mercy."""

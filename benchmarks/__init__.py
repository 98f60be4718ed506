"""Side-by-side measurements of this service and PostgreSQL's own tools: `python -m benchmarks.run`."""

"""Long work as jobs: a queue in PostgreSQL, progress, cancelling, history, schedules.

The package knows neither HTTP nor what a job does: operations are handed in. Behind `Jobs` a queue (procrastinate)
hands jobs to workers; everything anybody is told about a job stands in a table of our own.
"""

"""The database of the job queue: its schema, its connections, the rows of jobs, procrastinate."""

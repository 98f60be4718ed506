"""What PostgreSQL's COPY and Python's csv.writer each make of values, and how to tell which of them wrote a file."""

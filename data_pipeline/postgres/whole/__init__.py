"""A whole database in SQL: what it is, what it holds, who works on it, how one is made and takes another's place."""

"""What tables are: columns, keys, indexes, what makes them and what the planner knows of them."""

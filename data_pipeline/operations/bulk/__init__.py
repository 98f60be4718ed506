"""What is done with many backup sets at once."""

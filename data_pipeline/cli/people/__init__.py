"""The commands about users and their tokens."""

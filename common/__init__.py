"""What every layer shares: the answer envelope, the errors, how sizes are written."""

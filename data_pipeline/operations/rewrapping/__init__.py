"""Another key for encrypted sets: what wraps their own keys is changed, nothing of their content is written again."""

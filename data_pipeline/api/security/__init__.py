"""Who may come in: tokens, sessions, hosts and origins, how often."""

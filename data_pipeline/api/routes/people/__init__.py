"""Who asks: sessions, users, and each user's own account."""

"""Redis: back up, restore, compare, and a drill on a server of our own."""

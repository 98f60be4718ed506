"""A set on its way into a server: an empty database number claimed, filled, verified, and put in its place."""

"""The commands about backup sets."""

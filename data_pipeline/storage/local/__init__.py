"""Backup sets in a directory of this machine, reached through open directory handles."""

"""Connections that are opened within a time, watched while they wait, and given up when a server falls silent."""

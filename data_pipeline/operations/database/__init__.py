"""Whole databases: exported as an archive, imported from one, with everything that has to hold around it."""

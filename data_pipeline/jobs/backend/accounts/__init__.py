"""All SQL about users: their rows, sessions, tokens, and what was tried to sign in.

Every method is one transaction and raises ServiceUnavailable if the jobs database can't be reached.
"""

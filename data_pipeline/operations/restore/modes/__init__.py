"""The ways to restore, one a file: which requests each is for, what it clashes with, and its plan() and run().

A mode is a class of mode.Mode; registry finds every one in this room, so a new file is a new mode. SQL stands in
postgres/writing, what all modes share in mode.Mode and in the context they are given.
"""

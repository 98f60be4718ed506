"""Parts of the configuration that have a module of their own: what the environment says of one thing, read and checked.

Nothing here connects, or knows the settings as a whole.
"""

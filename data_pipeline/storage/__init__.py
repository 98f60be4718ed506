"""Where the bytes of backup sets lie: directories and buckets behind one interface, by name.

Only here are paths and keys known. What the files mean is the business of sets.
"""

"""The objects below a prefix of a bucket: their bytes, what their headers say, their tags.

A set has an index, a line of JSON an object, and the objects' bytes one after the other.
"""

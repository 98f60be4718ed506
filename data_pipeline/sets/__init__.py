"""What a backup set is: its files and manifest, how sets are found, verified, copied, packed and taken in.

Nothing here writes to a database.
"""

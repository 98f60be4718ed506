"""The objects of a bucket backed up and restored."""

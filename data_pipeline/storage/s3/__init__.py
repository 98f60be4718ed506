"""Backup sets in a bucket of an S3 server: conditional puts take the place of exclusive files and locks."""

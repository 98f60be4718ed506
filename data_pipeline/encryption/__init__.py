"""Backups at rest, encrypted: blocks sealed under a set's own key, that key wrapped, the manifest in an envelope.

Bytes in, bytes out: no file system, no driver. The format is in docs/reference/file-formats.md, byte by byte.
"""

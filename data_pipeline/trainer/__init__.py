"""The backup counterpart of the restore."""

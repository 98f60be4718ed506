"""The commands about targets, storages and notifiers: listed, created, changed, tested, deleted."""

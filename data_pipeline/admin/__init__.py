"""The admin panel: pages that do all their work through the public API."""

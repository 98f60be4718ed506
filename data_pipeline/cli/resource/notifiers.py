"""`python unified_api.py notifiers`."""

from data_pipeline.cli.resource.commands import ResourceCommands

EXAMPLES = """\b
Examples:
  python unified_api.py notifiers create ops --url https://example.com/hooks/backup --secret -
  python unified_api.py notifiers test ops
"""

COMMAND = ResourceCommands("notifier", lambda one: one["service"] or "?").group(
    "notifiers", "Addresses that are told of backups that fail, or don't come.", EXAMPLES
)

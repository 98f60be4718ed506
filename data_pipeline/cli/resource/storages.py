"""`python unified_api.py storages`."""

from data_pipeline.cli.resource.commands import ResourceCommands

EXAMPLES = """\b
Examples:
  python unified_api.py storages create offsite s3://bucket/prefix KEY_ID --secret-access-key -
  python unified_api.py storages test offsite
"""

COMMAND = ResourceCommands("storage", lambda one: one["config"].get("url") or one["place"]).group(
    "storages", "Places for backups.", EXAMPLES
)

"""`python unified_api.py targets`."""

from data_pipeline.cli import answers
from data_pipeline.cli.resource.commands import ResourceCommands

EXAMPLES = """\b
Examples:
  python unified_api.py targets create staging --url -
  python unified_api.py targets test staging
"""

COMMAND = ResourceCommands("target", lambda one: answers.place(one["target"]) if one["target"] else "?").group(
    "targets", "Databases that requests and schedules may name.", EXAMPLES
)

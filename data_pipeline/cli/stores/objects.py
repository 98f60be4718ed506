"""`python unified_api.py objects`."""

from data_pipeline.cli.stores.commands import StoreCommands
from data_pipeline.operations.objects.requests import ObjectsBackupRequest, ObjectsRestoreRequest

EXAMPLES = """\b
Examples (SET stands for ./data_pipeline/training_data/vector_bak 20261120_170444):
  python unified_api.py objects backup files --prefix notes/
  python unified_api.py objects restore SET files --mode mirror --dry-run
"""

COMMAND = StoreCommands(ObjectsBackupRequest, ObjectsRestoreRequest).group(
    "objects", "the objects of a bucket", EXAMPLES
)

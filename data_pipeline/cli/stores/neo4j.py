"""`python unified_api.py neo4j …`"""

from data_pipeline.cli.stores.commands import StoreCommands
from data_pipeline.operations.neo4j.requests import Neo4jBackupRequest, Neo4jRestoreRequest

EXAMPLES = """\b
Examples (SET stands for ./data_pipeline/training_data/vector_bak 20261120_170444):
  python unified_api.py neo4j backup graph
  python unified_api.py neo4j restore SET graph --mode replace --yes
  python unified_api.py neo4j restore SET graph --mode merge --merge-keys '{"Entity": "id"}'
"""

COMMAND = StoreCommands(Neo4jBackupRequest, Neo4jRestoreRequest).group("neo4j", "a graph of Neo4j", EXAMPLES)

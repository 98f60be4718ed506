"""Settings of the data pipeline that the backup and restore service reads.

OUTPUT_DIRECTORY and DATABASE_URL in the environment take the place of output_directory and default_db_connection.
A relative output_directory here is relative to the project; one from the environment, to the working directory.
"""

from typing import Any

from data_pipeline.layouts.registry import DOCUMENTED

SCHEMA_TOOLS_CONFIG: dict[str, Any] = {
    "output_directory": "./data_pipeline/training_data",
    "default_db_connection": None,
    "vector_table_management": {
        "backup_directory": "vector_bak",
        "supported_tables": list(DOCUMENTED.names),
        "timestamp_format": "%Y%m%d_%H%M%S",
    },
}

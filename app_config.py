"""The application's own database, third in line after a request's pg_conn and data_pipeline/config.py.

A key that is None is not set. PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE in the environment take the place of
the key they name. When no key is set at all, this source is not set.
"""

from typing import Any

PGVECTOR_CONFIG: dict[str, Any] = {
    "host": None,
    "port": None,
    "dbname": None,
    "user": None,
    "password": None,
}

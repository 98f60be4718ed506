"""Which tests wait for the last check before landing: files below tests/ that the everyday suite leaves out.

The everyday suite has a test of each thing that a user can do and of each thing that may go wrong, and takes less than
five minutes on two cores. What goes further waits: whole pages and examples, browsers, processes that are killed,
random data, and the finer points of formats and types. `make test-landing` runs these, and .ci/run both.
"""

from pathlib import Path

CHOICES = ("everyday", "landing", "all")

TESTS = Path(__file__).resolve().parents[1]

PAGES = (
    "browser",
    "integration/test_api_examples.py",
    "integration/test_benchmarks.py",
    "integration/test_demo.py",
    "integration/test_described_fuzz.py",
    "integration/test_documentation.py",
    "integration/test_voicehelper.py",
    "integration/test_wheel.py",
)
"""What is written, shown or shipped, followed from its start to its end."""

PROCESSES = (
    "integration/milvus/test_faults.py",
    "integration/milvus/test_memory.py",
    "integration/redis_store/test_redis_faults.py",
    "integration/storages/test_killed_backups.py",
    "integration/test_database_leftovers.py",
    "integration/test_drills.py",
    "integration/test_embedded.py",
    "integration/test_jobs_outages.py",
    "integration/test_jobs_workers.py",
    "integration/test_large_fields.py",
    "integration/test_large_files.py",
    "integration/test_notifications.py",
    "integration/test_recovery.py",
    "integration/test_schedules_at_work.py",
    "integration/test_silence.py",
    "integration/test_standby.py",
    "integration/test_start.py",
    "integration/test_stop.py",
    "integration/test_swap_dependents.py",
    "integration/test_swap_traffic.py",
    "integration/test_torture.py",
    "integration/test_users_command.py",
)
"""Processes of their own, killed, starved, silenced or watched for long."""

RANDOM = (
    "integration/redis_store/test_redis_properties.py",
    "integration/test_compositions.py",
    "integration/test_digests.py",
    "integration/test_foreign_manifests.py",
    "integration/test_random_schemas.py",
    "integration/test_restore_properties.py",
)
"""Data, options and requests by chance, beside a model."""

FINER = (
    "integration/old_version",
    "integration/storages/test_bucket.py",
    "integration/storages/test_mixed_versions.py",
    "integration/storages/test_unconditional_stores.py",
    "integration/test_bystanders.py",
    "integration/test_column_types.py",
    "integration/test_compressed_backups.py",
    "integration/test_dialects.py",
    "integration/test_known_causes.py",
    "integration/test_modes.py",
    "integration/test_narrower_columns.py",
    "integration/test_odd_columns.py",
    "integration/test_restorability.py",
    "integration/test_search_path.py",
    "integration/test_triggers.py",
    "integration/test_wild_files.py",
    "integration/test_wrong_backups.py",
)
"""Finer points of what the everyday suite tries the heart of."""

LANDING = frozenset(TESTS / name for name in (*PAGES, *PROCESSES, *RANDOM, *FINER))


def waits(path: Path) -> bool:
    """Whether a file, or all below a directory, is left out of the everyday suite."""
    return not LANDING.isdisjoint((path, *path.parents))


def leads_to(path: Path) -> bool:
    """Whether a directory holds something that waits."""
    return any(path in one.parents for one in LANDING)

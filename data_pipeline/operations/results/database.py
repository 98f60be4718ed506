"""What is answered about whole databases."""

from pydantic import Field

from data_pipeline.operations.results.result import Count, Part, Result, Seconds, Sometimes, StoredBackup, Target


class UsedTool(Part):
    """The program that did it."""

    name: str
    version: str
    source: str = Field(
        description="Where it was found: PG_BIN, PATH or embedded",
        json_schema_extra={"enum": ["PG_BIN", "PATH", "embedded"]},
    )


class Imported(Result):
    """What an import did."""

    partial: bool = Field(description="Some tables stayed as they were")
    tables_skipped: list[str] = Field(description="They had a key of the archive's rows already")
    tables_added_to: list[str] = Field(description="They were there, and the archive's rows were added to theirs")
    existing_objects: Count
    missing_roles: Count
    left_out: list[str] = Field(description="Entries of the archive that were not restored")
    exit_code: int = Field(description="Of pg_restore; 1 where it told of errors that were ignored")
    tool: UsedTool
    target: Target
    duration: Seconds


class DatabaseRestored(Imported):
    """What a restore of a set did."""

    restore_performed: bool
    mode: str = Field(json_schema_extra={"enum": ["merge", "clean", "new_database"]})
    backup_info: StoredBackup
    database: str = Field(description="The name of the database that holds what was restored")
    swap_performed: bool
    kept_database: Sometimes[str] = Field(None, description="After a swap: the name of the one it took the place of")
    rows: Sometimes[dict[str, Count]] = Field(None, description="Of new_database: by table, counted and as promised")
    created_roles: list[str] = Field(description="Without passwords")

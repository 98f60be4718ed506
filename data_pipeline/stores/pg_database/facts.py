"""What the manifest of a saved database says beside its bytes."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]


class TableFact(BaseModel):
    """A table of the database. rows: None where they were left out. bytes: on the server's disk, without indexes."""

    model_config = ConfigDict(strict=True, frozen=True)

    rows: Count | None
    bytes: Count


class RoleFact(BaseModel):
    """A role, without its password. member_of: the roles whose privileges it has."""

    model_config = ConfigDict(strict=True, frozen=True)

    name: str
    superuser: bool
    inherit: bool
    create_role: bool
    create_db: bool
    login: bool
    member_of: list[str]


class DumpFacts(BaseModel):
    """dump_version: of pg_dump. sha256, bytes: of the archive before it was compressed. excluded: the tables whose rows
    were left out. tables: by schema.table."""

    model_config = ConfigDict(strict=True, frozen=True)

    dump_version: str
    server_major: Annotated[int, Field(ge=9)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    bytes: Count
    compression: str
    encoding: str
    tables: dict[str, TableFact]
    excluded: list[str]
    extensions: list[str]
    roles: list[RoleFact]

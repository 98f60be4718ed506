"""The roles that a database's objects belong to or name, without their passwords."""

from collections.abc import Sequence
from typing import Any

from psycopg2.sql import SQL, Identifier

from data_pipeline.postgres.connection import Session

NAMED = """
WITH RECURSIVE named(oid) AS (
    SELECT d.refobjid FROM pg_shdepend d
    WHERE d.refclassid = 'pg_authid'::regclass
      AND (d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
           OR (d.classid = 'pg_database'::regclass
               AND d.objid = (SELECT oid FROM pg_database WHERE datname = current_database())))
  UNION
    SELECT datdba FROM pg_database WHERE datname = current_database()
  UNION
    SELECT m.roleid FROM pg_auth_members m JOIN named ON m.member = named.oid
)
SELECT r.rolname::text AS name, r.rolsuper AS superuser, r.rolinherit AS inherit, r.rolcreaterole AS create_role,
       r.rolcreatedb AS create_db, r.rolcanlogin AS login,
       array(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
             WHERE m.member = r.oid ORDER BY 1) AS member_of
FROM pg_roles r JOIN named USING (oid) WHERE r.rolname !~ '^pg_' ORDER BY 1
"""
PRESENT = "SELECT rolname::text FROM pg_roles"


def named(session: Session) -> list[dict[str, Any]]:
    """Those that own something in the database, or have a privilege there, and the roles that they are members of."""
    session.cursor.execute(NAMED)
    names = ("name", "superuser", "inherit", "create_role", "create_db", "login", "member_of")
    return [dict(zip(names, row, strict=True)) for row in session.cursor.fetchall()]


def create_missing(session: Session, roles: Sequence[Any]) -> list[str]:
    """Make those that aren't there, with their attributes and memberships; returns their names.

    They have no password, so that none of them can log in before it is given one. Never a superuser: a set must not be
    able to make one. roles: objects with the keys of named(). Raises psycopg2.Error.
    """
    cursor = session.cursor
    cursor.execute(PRESENT)
    present = {name for (name,) in cursor.fetchall()}
    made = [role for role in roles if role.name not in present]
    for role in made:
        words = [
            "LOGIN" if role.login else "NOLOGIN",
            "INHERIT" if role.inherit else "NOINHERIT",
            "CREATEDB" if role.create_db else "NOCREATEDB",
            "CREATEROLE" if role.create_role else "NOCREATEROLE",
        ]
        cursor.in_own_path(
            SQL("CREATE ROLE {} {}").format(Identifier(role.name), SQL(" ".join(words))).as_string(cursor)
        )
    known = present | {role.name for role in made}
    for role in made:
        for group in role.member_of:
            if group in known and not group.startswith("pg_"):
                grant = SQL("GRANT {} TO {}").format(Identifier(group), Identifier(role.name))
                cursor.in_own_path(grant.as_string(cursor))
    return [role.name for role in made]

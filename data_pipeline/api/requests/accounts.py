"""Requests about users, their passwords and tokens, and the audit log."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.operations.requests.fields import Text, checked, shown
from data_pipeline.operations.requests.request import Request

USER_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}", re.ASCII)
TOKEN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
MOST_SHOWN = 200


def _name(value: str) -> None:
    if not USER_NAME.fullmatch(value):
        raise InvalidParams(say("user_name_invalid"), details={"field": "name"})


def _encodable(value: str) -> str:
    value.encode()  # no lone surrogates: a ValueError becomes our answer
    return value


def _shown_at_most(value: object) -> object:
    if isinstance(value, str) and value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= MOST_SHOWN:
        return int(value)
    raise InvalidParams(say("param_limit_out_of_range", most=MOST_SHOWN), details={"field": "limit"})


def _number(value: object) -> object:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        return int(value)
    raise InvalidParams(say("param_malformed", name="after"), details={"field": "after"})


UserName = Annotated[str, checked(_name), shown(pattern=USER_NAME.pattern.join("^$"))]
Password = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_encodable)]
UserRole = Literal["viewer", "operator", "admin"]
ROLE = "viewer: looks. operator: backs up, verifies, rehearses, restores where a target allows it. admin: everything"
NEW_PASSWORD = "At least 10 characters, and not quickly guessed"  # noqa: S105


class UserPath(BaseModel):
    """Which user, in a URL."""

    name: str = Field(description="The user's name", json_schema_extra={"pattern": USER_NAME.pattern.join("^$")})


class TokenPath(BaseModel):
    """Which of one's own tokens, in a URL."""

    token: str = Field(description="The token's name", json_schema_extra={"pattern": TOKEN_NAME.pattern.join("^$")})


class UserTokenPath(UserPath, TokenPath):
    """Which token of which user, in a URL."""


class NewUser(Request):
    """POST /users"""

    name: UserName = Field(description="Lower-case letters, digits and . _ @ -, at most 64")
    role: UserRole = Field(description=ROLE)
    password: Password = Field(description=NEW_PASSWORD)


class ChangedUser(Request):
    """PUT /users/<name>"""

    role: UserRole = Field(description=ROLE)
    disabled: bool = Field(False, description="The user can't sign in, and its sessions end; its tokens don't count")


class NewPassword(Request):
    """POST /users/<name>/password"""

    password: Password = Field(description=NEW_PASSWORD)


class OwnPassword(NewPassword):
    """POST /account/password"""

    current_password: Password = Field(description="The password until now")


class FirstAdmin(Request):
    """POST /users/first"""

    link: Text = Field(description="The secret of the link that the first start has printed")
    name: UserName = Field(description="Lower-case letters, digits and . _ @ -, at most 64")
    password: Password = Field(description=NEW_PASSWORD)


class NewToken(Request):
    """POST /account/tokens"""

    name: Annotated[str, Field(pattern=TOKEN_NAME.pattern.join("^$"))] = Field(description="What it is for")
    days: Annotated[int, Field(ge=1, le=3650)] | None = Field(
        None, description="It ends after so many days; never if absent"
    )


class AuditQuery(Request):
    """GET /audit"""

    who: Text | None = Field(None, description="Only what this user, or this token by its setting's name, has done")
    what: Text | None = Field(None, description="Only this: the name of an operation, or a kind of jobs")
    set_name: Text | None = Field(None, alias="set", description="Only what was about sets whose name has this in it")
    limit: Annotated[int, BeforeValidator(_shown_at_most), shown(minimum=1, maximum=MOST_SHOWN)] = Field(
        50, description="So many, newest first"
    )
    after: Annotated[int, BeforeValidator(_number), shown(minimum=0)] | None = Field(
        None, description="The `next` of the page before"
    )

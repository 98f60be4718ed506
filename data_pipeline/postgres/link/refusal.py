"""Why a connection was not to be had, by libpq's words, without repeating them: they quote names and addresses.

libpq gives no SQLSTATE for a failed login. Its own texts are English, the server's in the language of its lc_messages:
English and Chinese are known here.
"""

import re
from dataclasses import dataclass
from typing import Any

import psycopg2

from common.messages import say


@dataclass(frozen=True)
class Refusal:
    """A cause by its code, the same in words, and whether trying again may help."""

    cause: str
    reason: str
    can_retry: bool
    words: re.Pattern[str]

    @property
    def details(self) -> dict[str, Any]:
        """As an answer shows it."""
        return {"cause": self.cause, "reason": self.reason}


def _refusal(cause: str, reason: str, words: str, *, can_retry: bool) -> Refusal:
    return Refusal(cause, reason, can_retry, re.compile(words))


# What a server says comes first: of a host with several addresses one may refuse and another be out of reach.
KNOWN = (
    _refusal("NO_PASSWORD", say("refused_no_password"), "no password supplied|没有提供口令", can_retry=False),
    _refusal("WRONG_PASSWORD", say("refused_wrong_password"), "authentication failed|认证失败", can_retry=False),
    _refusal("NO_LOGIN", say("refused_no_login"), "is not permitted to log in|不允许角色|登录的?权限", can_retry=False),
    _refusal(
        "NO_HBA_ENTRY",
        say("refused_by_hba"),
        r"pg_hba\.conf|没有用于",
        can_retry=False,
    ),
    _refusal("CERTIFICATE", say("refused_no_root_certificate"), "root certificate file .* not exist", can_retry=False),
    _refusal(
        "CERTIFICATE",
        say("refused_certificate_name"),
        "server certificate for .* does not match host name",
        can_retry=False,
    ),
    _refusal(
        "SESSION_ATTRS",
        say("refused_session_attrs"),
        "session is (not )?read-only|server is (not )?in hot standby mode",
        can_retry=False,
    ),
    _refusal(
        "CERTIFICATE", say("refused_certificate"), "certificate (verify|file|for)|root certificate", can_retry=False
    ),
    _refusal(
        "NO_SUCH_ROLE", say("refused_no_such_role"), r"role \S+ does not exist|(角色|用户).*不存在", can_retry=False
    ),
    _refusal("NO_SUCH_DATABASE", say("refused_no_such_database"), "does not exist|不存在", can_retry=False),
    _refusal("NO_PRIVILEGE", say("refused_no_privilege"), "permission denied|权限不够", can_retry=False),
    _refusal(
        "TOO_MANY_CLIENTS",
        say("refused_too_many_clients"),
        "too many (clients|connections)|connection slots|连接(数)?(过|太)多|太多",
        can_retry=True,
    ),
    _refusal(
        "NOT_READY",
        say("refused_not_ready"),
        "database system is|not currently accepting|数据库系统",
        can_retry=True,
    ),
    _refusal("CHANNEL_BINDING", say("refused_channel_binding"), "channel binding", can_retry=False),
    _refusal(
        "OPTIONS",
        say("refused_options"),
        "invalid command-line argument for server process|invalid value for parameter",
        can_retry=False,
    ),
    _refusal("NO_TLS", say("refused_no_tls"), "server does not support SSL", can_retry=False),
    _refusal("TLS_FAILED", say("refused_tls_failed"), "SSL (error|SYSCALL)|tlsv1", can_retry=True),
    _refusal("NO_SUCH_HOST", say("refused_no_such_host"), "could not translate host name", can_retry=True),
    _refusal("TIMED_OUT", say("refused_timed_out"), "timeout expired|timed out", can_retry=True),
    _refusal("REFUSED", say("refused_no_server"), "refused|No such file or directory", can_retry=True),
    _refusal("UNREACHABLE", say("refused_unreachable"), "unreachable|No route to host", can_retry=True),
    _refusal(
        "CONNECTION_CLOSED",
        say("refused_connection_closed"),
        "closed the connection|reset by peer|Broken pipe",
        can_retry=True,
    ),
)
UNKNOWN = _refusal("UNKNOWN", say("refused_unknown"), "", can_retry=True)
SILENT = {"cause": "SILENT", "reason": say("database_silent")}
"""The details of an answer about a connection that was given up."""


def of(error: psycopg2.Error) -> Refusal:
    """What a failure to connect was, UNKNOWN where its words are."""
    text = str(error)
    return next((known for known in KNOWN if known.words.search(text)), UNKNOWN)

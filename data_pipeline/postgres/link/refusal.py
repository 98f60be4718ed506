"""Why a connection was not to be had, by libpq's words, without repeating them: they quote names and addresses.

libpq gives no SQLSTATE for a failed login. Its own texts are English, the server's in the language of its lc_messages:
English and Chinese are known here.
"""

import re
from dataclasses import dataclass
from typing import Any

import psycopg2


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
    _refusal("NO_PASSWORD", "需要密码,但没有提供", "no password supplied|没有提供口令", can_retry=False),
    _refusal("WRONG_PASSWORD", "用户名或密码错误", "authentication failed|认证失败", can_retry=False),
    _refusal("NO_LOGIN", "该角色没有登录权限", "is not permitted to log in|不允许角色|登录的?权限", can_retry=False),
    _refusal(
        "NO_HBA_ENTRY",
        "数据库服务器不接受来自本机的此类连接(pg_hba.conf)",
        r"pg_hba\.conf|没有用于",
        can_retry=False,
    ),
    _refusal("CERTIFICATE", "TLS证书无效或校验失败", "certificate (verify|file|for)|root certificate", can_retry=False),
    _refusal("NO_SUCH_ROLE", "该角色不存在", r"role \S+ does not exist|(角色|用户).*不存在", can_retry=False),
    _refusal("NO_SUCH_DATABASE", "数据库不存在", "does not exist|不存在", can_retry=False),
    _refusal("NO_PRIVILEGE", "该角色无权连接此数据库", "permission denied|权限不够", can_retry=False),
    _refusal(
        "TOO_MANY_CLIENTS",
        "数据库连接数已满",
        "too many (clients|connections)|connection slots|连接(数)?(过|太)多|太多",
        can_retry=True,
    ),
    _refusal(
        "NOT_READY",
        "数据库正在启动、停止或恢复",
        "database system is|not currently accepting|数据库系统",
        can_retry=True,
    ),
    _refusal("NO_TLS", "数据库服务器不支持TLS", "server does not support SSL", can_retry=False),
    _refusal("TLS_FAILED", "TLS握手失败", "SSL (error|SYSCALL)|tlsv1", can_retry=True),
    _refusal("NO_SUCH_HOST", "主机名无法解析", "could not translate host name", can_retry=True),
    _refusal("TIMED_OUT", "连接超时", "timeout expired|timed out", can_retry=True),
    _refusal("REFUSED", "连接被拒绝,端口上没有数据库服务", "refused|No such file or directory", can_retry=True),
    _refusal("UNREACHABLE", "网络不可达", "unreachable|No route to host", can_retry=True),
    _refusal(
        "CONNECTION_CLOSED", "服务器中断了连接", "closed the connection|reset by peer|Broken pipe", can_retry=True
    ),
)
UNKNOWN = _refusal("UNKNOWN", "原因未知", "", can_retry=True)
SILENT = {"cause": "SILENT", "reason": "数据库长时间没有响应,已放弃等待"}
"""The details of an answer about a connection that was given up."""


def of(error: psycopg2.Error) -> Refusal:
    """What a failure to connect was, UNKNOWN where its words are."""
    text = str(error)
    return next((known for known in KNOWN if known.words.search(text)), UNKNOWN)

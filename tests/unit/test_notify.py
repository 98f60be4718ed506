"""Notifications: how they are signed, which addresses and services they may go to, and what is said."""

import hashlib
import hmac
import socket
from datetime import datetime, timezone
from typing import Any

import pytest

from common.errors import Forbidden, InvalidParams, NotifierFailed, NotifierUnsupported
from common.messages import say
from common.result import error_response
from data_pipeline.jobs.occasion import Occasion, of_ending
from data_pipeline.notify import addresses, http_call, sender, services, webhook
from data_pipeline.resources.notifiers import NotifierConfig


def test_a_signature_is_the_hmac_of_time_dot_body() -> None:
    body = '{"event": "failure", "text": "原因"}'.encode()
    signed = hmac.new(b"s3cret", b"1764200000." + body, hashlib.sha256).hexdigest()
    assert webhook.signature("s3cret", "1764200000", body) == f"sha256={signed}"
    assert webhook.signature("s3cret", "1764200001", body) != f"sha256={signed}"
    assert webhook.signature("other", "1764200000", body) != f"sha256={signed}"


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses_may_be_reached(address: str) -> None:
    assert addresses.may_reach(address, inside=False)


INSIDE = (
    *("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1"),
    *("fc00::1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::1", "::ffff:10.1.2.3", "198.18.0.1"),
)


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_of_this_network_only_where_they_are_allowed(address: str) -> None:
    assert not addresses.may_reach(address, inside=False)
    assert addresses.may_reach(address, inside=True)


NEVER = (
    *("169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"),
    *("2002:a9fe:a9fe::1", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "100.100.100.200", "fd00:ec2::254", "192.0.0.192"),
)


@pytest.mark.parametrize("address", NEVER)
def test_link_local_and_metadata_addresses_never(address: str) -> None:
    assert not addresses.may_reach(address, inside=True)


def _resolving(monkeypatch: pytest.MonkeyPatch, *found: str) -> None:
    def resolve(_host: str, port: int, **_more: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_one_wrong_address_of_a_host_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolving(monkeypatch, "1.1.1.1", "127.0.0.1")
    with pytest.raises(Forbidden):
        addresses.resolve("rebinding.example", 443, frozenset())
    assert addresses.resolve("Rebinding.example", 443, {"rebinding.example"}) == ["1.1.1.1", "127.0.0.1"]
    _resolving(monkeypatch, "169.254.169.254")
    with pytest.raises(Forbidden):
        addresses.resolve("rebinding.example", 80, {"rebinding.example"})


def test_a_host_without_an_address_may_have_one_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_given: Any, **_more: Any) -> Any:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(NotifierFailed) as failed:
        addresses.resolve("nowhere.example", 443, frozenset())
    assert failed.value.data["can_retry"]


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://example.com/", "https://", "https://user:password@example.com/", "https://exa mple.com/"),
        *(
            "https://example.com:0/",
            "https://example.com:99999/",
            "https://exämple.com/",
            "http://[::1/",
            "file:///etc",
        ),
    ],
)
def test_what_is_no_url_of_a_webhook(url: str) -> None:
    with pytest.raises(InvalidParams):
        http_call.parse(url)


WEBHOOKS = ("https://example.com/hook?x=1", "http://example.com:8080", "ping+https://hc-ping.com/abc")
SERVICES = (
    *("mailto://user:password@example.com", "mailtos://user:password@example.com?smtp=mail.example.com"),
    *("slack://TAAAAAAAA/BBBBBBBBB/cccccccccccccccccccccccc", "tgram://123456789:abcdefg_hijklmnop/12315544/"),
    *(
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        "wecombot://abcdef-botkey",
        "dingtalk://12345678/13012345678",
    ),
    *("feishu://abcdef123456", "lark://abcdef123456", "workflows://prod-1.westus.logic.azure.com/abc/def"),
)


@pytest.mark.parametrize("url", [*WEBHOOKS, *SERVICES])
def test_urls_that_notifiers_may_have(url: str) -> None:
    sender.expect_usable(url, frozenset())


@pytest.mark.parametrize(
    "url",
    [
        *("json://localhost", "xml://localhost", "form://localhost", "syslog://", "windows://", "exec://x", "dbus://"),
        *(
            "slack://",
            "workflows://x@a.logic.azure.com/abc/def",
            "workflows://evil.example/abc/def",
            "mailtos://u:p@example.com?verify=no",
            "nonsense",
            "",
        ),
    ],
)
def test_urls_that_they_may_not_have(url: str) -> None:
    with pytest.raises(InvalidParams):
        sender.expect_usable(url, frozenset())


@pytest.mark.parametrize(
    "url",
    [
        *("http://169.254.169.254/latest", "ping+https://[fe80::1]/", "https://10.0.0.1:8443/", "http://0x7f.1/"),
        *("http://[::ffff:169.254.169.254]/", "http://2130706433/"),
    ],
)
def test_an_address_that_may_not_be_reached_is_refused_before_it_is_stored(url: str) -> None:
    with pytest.raises(Forbidden):
        sender.expect_usable(url, frozenset({"169.254.169.254"}))


def test_without_apprise_the_answer_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "find_spec", lambda _name: None)
    sender.expect_usable(WEBHOOKS[0], frozenset())
    with pytest.raises(NotifierUnsupported) as missing:
        sender.expect_usable(SERVICES[0], frozenset())
    assert "requirements-notify.txt" in missing.value.response


@pytest.mark.parametrize(
    "url", ["mailto://u:p@127.0.0.1?from=a@example.com&to=b@example.com", "mailtos://u:p@example.com?smtp=127.0.0.1"]
)
def test_a_mail_server_is_held_to_the_same_addresses(url: str) -> None:
    message = Occasion("failure", "nightly", "nightly", NOW).message("failure", "en")
    with pytest.raises(Forbidden):
        sender.send(url, None, message, frozenset())


NOW = datetime(2026, 11, 27, 3, tzinfo=timezone.utc)
TARGET = {"host": "db", "port": 5432, "dbname": "ragapp", "user": "postgres", "source": "target"}


def test_a_failure_is_told_in_the_notifiers_language() -> None:
    error = error_response(NotifierFailed(say("storage_full"), target=TARGET))
    good, cause, facts = of_ending("FAILED", None, error)
    assert (good, cause) == (False, "NOTIFIER_FAILED")
    occasion = Occasion("failure", "nightly", "nightly", NOW, cause, "77245a18eaa54833b36522f328de5a47", facts)
    told = occasion.message("failure", "en")
    assert (told.title, told.event, told.error_type) == ("failed: nightly", "failure", "NOTIFIER_FAILED")
    assert told.text.splitlines()[:2] == ["Why: storage full", "Database: ragapp (db:5432)"]
    assert "postgres" not in told.text
    assert occasion.message("failure", "zh").text.startswith("原因: 存储空间不足\n数据库: ragapp (db:5432)\n")


def test_what_was_cancelled_is_no_news() -> None:
    assert of_ending("CANCELLED", None, None)[0] is None
    assert of_ending("INTERRUPTED", None, None)[0] is False


def test_a_drill_that_proved_nothing_says_why() -> None:
    done = {"errors": [say("drill_rows_differ")], "backup_info": {"backup_path": "./x", "timestamp": "20261127_030000"}}
    good, _, facts = of_ending("PARTIAL", done, None)
    assert good is False
    assert [fact.in_language("en") for fact in facts] == [
        "Why: what came back differs from the backup",
        "Backup: ./x 20261127_030000",
    ]


def test_a_dead_mans_switch_is_only_told_of_success() -> None:
    assert NotifierConfig(url="ping+https://hc-ping.com/abc").wanted == {"success"}
    assert "success" not in NotifierConfig(url="https://example.com/").wanted

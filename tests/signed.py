"""A manifest whose checksum fits, with any values in it."""

import hashlib
import json
from typing import Any


def signed(document: dict[str, Any]) -> bytes:
    """The document, half surrogate pairs and all, with the checksum it should have."""
    document = {key: value for key, value in document.items() if key != "sha256"}
    canonical = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
    return json.dumps({**document, "sha256": digest}).encode()

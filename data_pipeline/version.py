"""The version of this service, as manifests and the API description state it."""

VERSION = "0.2.0"

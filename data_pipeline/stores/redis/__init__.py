"""Redis and Valkey: logical databases as files of records, and back by way of an empty database number.

`wire` speaks to a server and `faults` says what its refusals mean; `records` and `values` are pure. Nothing here knows
requests or answers.
"""

"""Milvus: its protocol, what makes a collection again, rows in and out, Parquet, the switch to restored collections.

It speaks Milvus' gRPC protocol by the messages that pymilvus ships. No request, no answer and no job is known here.
"""

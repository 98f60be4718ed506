"""Targets, storages, schedules and notifiers: what the product works with, named and kept in the jobs database.

A kind of resource is a module with its model and its class of Kind; registry.py has them all. Secrets are sealed before
they reach a row. What the environment configures stands beside the rows, read-only. No HTTP, no SQL.
"""

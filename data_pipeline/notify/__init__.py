"""Notifications on their way out: what is said of an event, and how it reaches a webhook or a service.

What is to be told waits in the jobs database, which others ask; nothing here knows jobs, schedules or SQL.
"""

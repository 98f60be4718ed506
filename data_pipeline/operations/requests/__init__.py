"""What an operation is asked: one strict, frozen model each, validated once and handed down whole.

A route, a command and a job that is read back all make the same object. A field's meaning, default and description
stand here and nowhere else; no HTTP, no driver.
"""

"""What the product does with a request: back up, restore, compare, verify, retire.

Nothing here knows HTTP, the command line or the job queue.
"""

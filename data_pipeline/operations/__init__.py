"""What the product does with a request: back up, restore, compare, verify, retire.

`requests` has a model of what each operation is asked, `results` of what it answers. Nothing here knows HTTP, the
command line or the job queue.
"""

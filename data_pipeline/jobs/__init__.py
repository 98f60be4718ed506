"""Long work as jobs: submitted, run, followed, cancelled, remembered.

Nothing here knows HTTP; what a job does is an operation that is handed in.
"""

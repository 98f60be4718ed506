"""What every room shares: errors, the answer envelope, sizes as people read them, memory, cron.

Nothing here imports from data_pipeline, the web or a driver.
"""

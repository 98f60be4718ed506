"""Rows told apart by digests: only those that the live table doesn't have as the backup has them are staged.

digested makes a backup's rows digests in a temporary table, differing finds the rows on either side whose digest the
other side lacks, chosen_blocks reads those of the backup again. look finds out whether that is worth it. A digest that
differs proves nothing: its row is staged, and compared as all rows are where none was digested.
"""

"""A swap: new tables are filled and indexed beside the live ones over several connections, then put in their place.

names and leftovers say what such a table is called and remove what an ended swap has left; facts reads what a live
table has, dependents what can't be carried over; staged, loading and builds make the new table; switch exchanges it.
"""

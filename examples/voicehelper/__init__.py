"""An assistant that talks, with its data in five stores: `python -m examples.voicehelper`.

A module a store, each with a class of `Member`: how its server is found and started, what the assistant keeps in it,
and what it holds, read past the service.
"""

"""The routes, a blueprint a resource: each with its policy and what the API's description says of it beside it.

No work is done here: a view hands its request to an operation and answers with what comes back.
"""

"""Neo4j: a graph as files of nodes, relationships and schema, and back in one transaction, or in batches where it
doesn't fit. `values` is pure; `link` speaks to a server."""

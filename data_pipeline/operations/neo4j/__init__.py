"""Neo4j: back up, restore and compare a graph."""

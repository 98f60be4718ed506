"""The request models and the managers behind the routes."""

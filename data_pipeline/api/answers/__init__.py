"""What answers look like: the models that the API's description shows."""

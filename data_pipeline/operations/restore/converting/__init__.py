"""A restore as another layout: the steps of a conversion, a class each way, and what the answer says of it."""

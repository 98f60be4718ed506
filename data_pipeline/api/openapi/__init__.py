"""The API's description of itself, its examples and the page that shows it."""

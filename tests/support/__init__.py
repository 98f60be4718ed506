"""What tests of several rooms say in the same words."""

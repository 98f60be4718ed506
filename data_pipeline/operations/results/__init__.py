"""What operations answer: a model of each answer, by which it is built and described."""

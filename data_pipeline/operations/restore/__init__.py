"""One restore: its modes, its dry run and its report."""

"""One restore: its options, its modes, its dry run and its report."""

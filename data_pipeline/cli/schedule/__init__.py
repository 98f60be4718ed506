"""The commands about schedules: what there is and how it stands, made, run, paused, deleted."""
